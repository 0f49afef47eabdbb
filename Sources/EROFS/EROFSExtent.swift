/// A piece of a file and where its bytes lie in the image.
public struct EROFSExtent: Sendable, Equatable {
    /// How the bytes are stored.
    public enum Encoding: Sendable, Equatable {
        /// As they are; the image may have more bytes, which are padding.
        case stored
        /// Compressed with an algorithm of EROFS: 0 is LZ4, 1 LZMA, 2 DEFLATE, 3 Zstandard.
        case compressed(algorithm: UInt8)
    }

    /// Where the piece is in the file.
    public let fileOffset: UInt64
    /// Bytes of the piece in the file.
    public let fileLength: UInt64
    /// Where its bytes are in the image.
    public let imageOffset: UInt64
    /// Number of its bytes in the image.
    public let imageLength: UInt64
    /// How they are stored.
    public let encoding: Encoding
}

extension EROFSImage {
    /// Where the data of a file, directory or symlink lies, in the order of its offsets in it; kinds without data
    /// and empty files have none.
    ///
    /// - Throws: `EROFSError`.
    public func extents(of entry: EROFSEntry) throws(EROFSError) -> [EROFSExtent] {
        var extents: [EROFSExtent] = []
        var iterator = try ExtentIterator(self, entry)
        while let extent = try iterator.next() { extents.append(extent) }
        return extents
    }

    /// The at most two extents of data that is not compressed.
    func flatExtents(of entry: EROFSEntry) throws(EROFSError) -> [EROFSExtent] {
        switch entry.layout {
        case .flatPlain, .flatInline: break
        case .chunked: throw .unsupported(.chunkedFiles, nid: entry.nid)
        case .compressedFull, .compressedCompact: throw .unsupported(.compressedMetadata, nid: entry.nid)
        }
        guard entry.size > 0 else { return [] }
        let blockSize = UInt64(superblock.blockSize)
        var extents: [EROFSExtent] = []
        // With the inline layout the last block, whole or not, lies behind the inode.
        let body = entry.layout == .flatInline ? (entry.size - 1) / blockSize * blockSize : entry.size
        if body > 0 {
            extents.append(
                try extent(of: entry, at: 0, length: body, imageOffset: UInt64(entry.startBlock) * blockSize)
            )
        }
        if body < entry.size {
            let tail = entry.size - body
            let offset = entry.metadata.upperBound
            guard offset % blockSize + tail <= blockSize else {
                throw .damaged(nid: entry.nid, .inlineTail(offset: offset, length: tail))
            }
            extents.append(try extent(of: entry, at: body, length: tail, imageOffset: offset))
        }
        return extents
    }

    private func extent(
        of entry: EROFSEntry,
        at fileOffset: UInt64,
        length: UInt64,
        imageOffset: UInt64
    ) throws(EROFSError) -> EROFSExtent {
        guard imageOffset <= superblock.size, length <= superblock.size - imageOffset else {
            throw .damaged(nid: entry.nid, .outside(offset: imageOffset, length: length))
        }
        return EROFSExtent(
            fileOffset: fileOffset,
            fileLength: length,
            imageOffset: imageOffset,
            imageLength: length,
            encoding: .stored
        )
    }
}

/// Goes through the extents of an entry, so that those of large files need not be held all at once.
struct ExtentIterator {
    private var flat: ArraySlice<EROFSExtent> = []
    private var compressed: CompressedExtents?

    init(_ image: EROFSImage, _ entry: EROFSEntry) throws(EROFSError) {
        switch (entry.kind, entry.layout) {
        case (.regular, .compressedFull), (.regular, .compressedCompact):
            compressed = try CompressedExtents(image, entry)
        case (.regular, _), (.directory, _), (.symlink, _):
            flat = try image.flatExtents(of: entry)[...]
        case (.characterDevice, _), (.blockDevice, _), (.fifo, _), (.socket, _):
            break
        }
    }

    mutating func next() throws(EROFSError) -> EROFSExtent? {
        if let extent = try compressed?.next() { return extent }
        return flat.popFirst()
    }
}
