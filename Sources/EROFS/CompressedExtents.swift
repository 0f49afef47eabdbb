/// Goes through the extents of a compressed file, which its index gives cluster by cluster.
struct CompressedExtents {
    private struct Head {
        let kind: LogicalCluster.Kind
        let fileOffset: UInt64
        let cluster: UInt64
        let block: UInt32
        var blocks = 1
    }

    private let image: EROFSImage
    private let file: EROFSEntry
    private let header: CompressionHeader
    private var index: ClusterIndex
    private var cluster: UInt64 = 0
    private var head: Head?

    /// The largest file that is followed, 16 GiB.
    ///
    /// It bounds what an image that lies can make of its index.
    private static let maximumFileSize: UInt64 = 16 << 30
    /// The most bytes of an extent in the image (`Z_EROFS_PCLUSTER_MAX_SIZE`).
    private static let maximumImageLength: UInt64 = 1 << 20
    /// The most bytes of an extent in the file (`Z_EROFS_PCLUSTER_MAX_DSIZE`).
    private static let maximumFileLength: UInt64 = 12 << 20

    init(_ image: EROFSImage, _ file: EROFSEntry) throws(EROFSError) {
        guard file.size <= Self.maximumFileSize else {
            throw .tooLarge(nid: file.nid, size: file.size, limit: Self.maximumFileSize)
        }
        self.image = image
        self.file = file
        header = try CompressionHeader(image, file)
        index = try ClusterIndex(image, file, header)
    }

    mutating func next() throws(EROFSError) -> EROFSExtent? {
        while let next = try index.next() {
            let at = cluster
            cluster += 1
            switch next {
            case .continuation(let blocks):
                guard let current = head else { throw .damaged(nid: file.nid, .cluster(at)) }
                guard let blocks else { continue }
                // Only the first cluster behind the head may have the number of blocks.
                guard at == current.cluster + 1, blocks > 0 else {
                    throw .damaged(nid: file.nid, .cluster(at))
                }
                let mayBeLarge = current.kind == .first ? header.hasLargeFirst : header.hasLargeOthers
                if mayBeLarge { head?.blocks = blocks }
            case .head(let kind, let offset, let block):
                let fileOffset = at * UInt64(image.superblock.blockSize) + UInt64(offset)
                let previous = head
                // A last head at the file's end only says that the extent before it ends there.
                guard fileOffset <= file.size, previous != nil || fileOffset == 0 else {
                    throw .damaged(nid: file.nid, .cluster(at))
                }
                head = Head(kind: kind, fileOffset: fileOffset, cluster: at, block: block)
                if let previous { return try extent(previous, end: fileOffset) }
            }
        }
        guard let last = head, last.fileOffset < file.size else { return nil }
        head = nil
        return try extent(last, end: file.size)
    }

    private func extent(_ head: Head, end: UInt64) throws(EROFSError) -> EROFSExtent {
        let blockSize = UInt64(image.superblock.blockSize)
        let offset = UInt64(head.block) * blockSize
        let imageLength = UInt64(head.blocks) * blockSize
        guard offset <= image.superblock.size, imageLength <= image.superblock.size - offset else {
            throw .damaged(nid: file.nid, .outside(offset: offset, length: imageLength))
        }
        let length = end - head.fileOffset
        let encoding: EROFSExtent.Encoding
        switch head.kind {
        case .stored: encoding = .stored
        case .first: encoding = .compressed(algorithm: header.algorithms[0])
        case .second: encoding = .compressed(algorithm: header.algorithms[1])
        }
        guard imageLength <= Self.maximumImageLength, length <= Self.maximumFileLength,
            encoding != .stored || length <= imageLength
        else { throw .damaged(nid: file.nid, .cluster(head.cluster)) }
        return EROFSExtent(
            fileOffset: head.fileOffset,
            fileLength: length,
            imageOffset: offset,
            imageLength: imageLength,
            encoding: encoding
        )
    }
}
