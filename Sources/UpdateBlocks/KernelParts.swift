public import Bytes
public import Hashing
public import ReleaseManifest
import UKI

/// The parts of a release's kernel image, and what of them other kernel images have.
public struct KernelParts: Sendable {
    /// A part.
    public struct Part: Sendable, Equatable {
        /// Where it lies in the file.
        public let range: Range<UInt64>
        /// The digest of its bytes.
        public let sha256: SHA256Digest
    }

    /// All parts in the order of the file, which they cover.
    public let parts: [Part]

    /// Takes the parts that a release names; all of the file is one part where it names none.
    public init(of release: Release) {
        let whole = Release.Part(size: release.uki.size, sha256: release.uki.sha256)
        var start: UInt64 = 0
        parts = (release.transports?.kernel ?? [whole]).map { part in
            // A decoded release has parts that make up the file's size.
            defer { start &+= part.size }
            return Part(range: start..<max(start, start &+ part.size), sha256: part.sha256)
        }
    }

    /// Cuts a kernel image for a release's description.
    ///
    /// - Throws: `ByteSourceError` where it can't be read.
    public static func table(of image: ByteSource) throws(ByteSourceError) -> [Release.Part] {
        var table: [Release.Part] = []
        for range in KernelImageCut.parts(of: image) {
            let digest = try digest(of: image, range)
            table.append(Release.Part(size: range.upperBound - range.lowerBound, sha256: digest))
        }
        return table
    }

    /// Looks for parts in other kernel images, wherever they lie there.
    ///
    /// An image that is damaged or can't be read has fewer of them.
    /// - Returns: The bytes of each part that was found, by its number.
    public func found(in images: [ByteSource]) -> [Int: ByteSource] {
        let sizes = Set(parts.map { $0.range.upperBound - $0.range.lowerBound })
        var known: [SHA256Digest: ByteSource] = [:]
        for image in images {
            for range in KernelImageCut.parts(of: image) {
                let size = range.upperBound - range.lowerBound
                guard sizes.contains(size), let digest = try? Self.digest(of: image, range),
                    known[digest] == nil, let bytes = try? image.slice(at: range.lowerBound, size: size)
                else { continue }
                known[digest] = bytes
            }
        }
        var result: [Int: ByteSource] = [:]
        for (number, part) in parts.enumerated() { result[number] = known[part.sha256] }
        return result
    }

    /// How many bytes come from the network for some ranges of the file, as `BlockPlan` counts them.
    public static func byteCount(of ranges: [Range<UInt64>]) -> UInt64 {
        let costs = BlockPlan.Costs()
        var count = 0
        var bytes: UInt64 = 0
        var end: UInt64?
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
            bytes += range.upperBound - range.lowerBound
            if range.lowerBound != end { count += 1 }
            end = range.upperBound
        }
        let requests = (count + costs.rangesPerRequest - 1) / max(1, costs.rangesPerRequest)
        return bytes + UInt64(count) * costs.bytesPerRange + UInt64(requests) * costs.bytesPerRequest
    }

    /// The digest of a part of a file, which is not held in memory.
    ///
    /// - Throws: `ByteSourceError`.
    public static func digest(
        of source: ByteSource,
        _ range: Range<UInt64>
    ) throws(ByteSourceError) -> SHA256Digest {
        var hasher = SHA256Hasher()
        var position = range.lowerBound
        while position < range.upperBound {
            let count = Int(min(1 << 20, range.upperBound - position))
            hasher.update(try source.read(at: position, count: count))
            position += UInt64(count)
        }
        return hasher.finish()
    }
}
