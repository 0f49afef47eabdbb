import Bytes

extension EROFSImage {
    /// The contents of a regular file.
    ///
    /// - Parameter limit: the most bytes that the file may have.
    /// - Throws: `EROFSError`; `.tooLarge` if the file has more.
    public func contents(of file: EROFSEntry, limit: Int) throws(EROFSError) -> [UInt8] {
        guard file.size <= UInt64(max(limit, 0)) else {
            throw .tooLarge(nid: file.nid, size: file.size, limit: UInt64(max(limit, 0)))
        }
        var reader = try reader(of: file)
        var contents: [UInt8] = []
        while let piece = try reader.next() { contents += piece }
        return contents
    }

    /// A reader that gives the contents of a regular file in pieces of at most 12 MiB.
    ///
    /// - Throws: `EROFSError`; `.wrongKind` if the entry is not a regular file.
    public func reader(of file: EROFSEntry) throws(EROFSError) -> EROFSFileReader {
        guard file.kind == .regular else { throw .wrongKind(nid: file.nid, file.kind, wanted: .regular) }
        return try EROFSFileReader(self, file)
    }

    /// The target of a symlink.
    ///
    /// - Throws: `EROFSError`; `.wrongKind` if the entry is not a symlink.
    public func symlinkTarget(of link: EROFSEntry) throws(EROFSError) -> String {
        guard link.kind == .symlink else { throw .wrongKind(nid: link.nid, link.kind, wanted: .symlink) }
        // As PATH_MAX, which counts a NUL.
        guard link.size > 0, link.size < 4096 else { throw .damaged(nid: link.nid, .size(link.size)) }
        var bytes: [UInt8] = []
        for extent in try flatExtents(of: link) {
            bytes += try source.bytes(at: extent.imageOffset, count: Int(extent.imageLength))
        }
        guard !bytes.contains(0), let target = String(validating: bytes, as: UTF8.self) else {
            throw .damaged(nid: link.nid, .target)
        }
        return target
    }
}

/// Gives the contents of one file piece by piece.
public struct EROFSFileReader {
    private let image: EROFSImage
    private let file: EROFSEntry
    private var extents: ExtentIterator
    /// What is left of an extent of stored bytes, in the image.
    private var rest: Range<UInt64> = 0..<0

    /// The most stored bytes that are read at once.
    private static let pieceSize: UInt64 = 1 << 20

    init(_ image: EROFSImage, _ file: EROFSEntry) throws(EROFSError) {
        self.image = image
        self.file = file
        extents = try ExtentIterator(image, file)
    }

    /// The next bytes; nil at the end.
    ///
    /// - Throws: `EROFSError`.
    public mutating func next() throws(EROFSError) -> [UInt8]? {
        if rest.isEmpty {
            guard let extent = try extents.next() else { return nil }
            guard extent.encoding == .stored else { return try Unpacking.contents(of: extent, file, image) }
            rest = extent.imageOffset..<extent.imageOffset + extent.fileLength
        }
        let count = min(rest.upperBound - rest.lowerBound, Self.pieceSize)
        let bytes = try image.source.bytes(at: rest.lowerBound, count: Int(count))
        rest = rest.lowerBound + count..<rest.upperBound
        return bytes
    }
}
