import Bytes
import Dispatch
import Hashing
import ReleaseManifest
import Synchronization

/// The SHA-256 of every 4096-byte block of a file or partition.
struct BlockDigests {
    static let blockSize: UInt64 = 4096
    /// Digests in the order of the blocks; the last block is filled with zeros.
    let digests: [SHA256Digest]

    /// Reads and hashes all blocks on all processors.
    init(_ part: ImagePart) throws(InspectionError) {
        let source: ByteSource
        do {
            source = try part.bytes()
        } catch {
            throw .nothingToCompare(path: part.path, reason: error.description)
        }
        let step: UInt64 = 4 << 20
        let pieces = Int((source.size + step - 1) / step)
        let results = Mutex<[Int: [SHA256Digest]]>([:])
        let failure = Mutex<ByteSourceError?>(nil)
        DispatchQueue.concurrentPerform(iterations: pieces) { index in
            do throws(ByteSourceError) {
                let start = UInt64(index) * step
                let bytes = try source.read(at: start, count: Int(min(step, source.size - start)))
                let digests = Self.digests(of: bytes)
                results.withLock { $0[index] = digests }
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
        if let error = failure.withLock({ $0 }) {
            throw .nothingToCompare(path: part.path, reason: error.description)
        }
        let found = results.withLock { $0 }
        digests = (0..<pieces).flatMap { found[$0] ?? [] }
    }

    private static func digests(of bytes: [UInt8]) -> [SHA256Digest] {
        let size = Int(blockSize)
        return stride(from: 0, to: bytes.count, by: size).map { start in
            var hasher = SHA256Hasher()
            let end = min(start + size, bytes.count)
            bytes.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
            if end - start < size { hasher.update([UInt8](repeating: 0, count: size - (end - start))) }
            return hasher.finish()
        }
    }

    /// Number of blocks here that are not the same at their place in other digests.
    func changedInPlace(from old: BlockDigests) -> UInt64 {
        let common = zip(digests, old.digests).count { $0 != $1 }
        return UInt64(common + max(0, digests.count - old.digests.count))
    }

    /// Number of different blocks here that are nowhere in other digests.
    func notAnywhere(in old: BlockDigests) -> UInt64 {
        UInt64(Set(digests).subtracting(old.digests).count)
    }
}

extension UpdatePlan {
    /// Compares roots, hash trees and unified kernel images.
    init(old: ComparedImage, new: ComparedImage) throws(InspectionError) {
        guard let oldRoot = old.root else {
            throw .nothingToCompare(path: old.report.path, reason: "its root could not be read")
        }
        guard let newRoot = new.root else {
            throw .nothingToCompare(path: new.report.path, reason: "its root could not be read")
        }
        let (before, after) = (try BlockDigests(oldRoot), try BlockDigests(newRoot))
        let size = BlockDigests.blockSize
        blockSize = size
        oldBlocks = UInt64(before.digests.count)
        newBlocks = UInt64(after.digests.count)
        changedBlocks = after.changedInPlace(from: before)
        fetchedBlocks = after.notAnywhere(in: before)
        newTreeBlocks = 0
        changedTreeBlocks = 0
        if let tree = new.tree {
            let digests = try BlockDigests(tree)
            newTreeBlocks = UInt64(digests.digests.count)
            changedTreeBlocks = newTreeBlocks
            if let other = old.tree {
                changedTreeBlocks = digests.changedInPlace(from: try BlockDigests(other))
            }
        }
        rootBytes = fetchedBlocks * size
        indexBytes = newBlocks * 8
        let known = Set(old.kernelParts?.map(\.sha256) ?? [])
        // Where its parts are not known it is fetched whole.
        kernelImageBytes =
            new.kernelParts?.reduce(0) { known.contains($1.sha256) ? $0 : $0 + $1.size } ?? new.kernelSize
            ?? 0
        treeBytes = changedTreeBlocks * size
        downloadBytes = rootBytes + indexBytes + kernelImageBytes
        fullBytes = newBlocks * size + (new.kernelSize ?? 0)
    }
}
