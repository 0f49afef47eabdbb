import Bytes

/// What a compressed file says about its index: `struct z_erofs_map_header`.
struct CompressionHeader {
    /// Algorithms of the first and second kind of compressed cluster.
    let algorithms: [UInt8]
    /// Whether compressed clusters of the first kind, of the others, may have more than one block.
    let hasLargeFirst: Bool
    let hasLargeOthers: Bool
    /// Whether the middle of a compact index has 2 bytes a cluster.
    let hasDenseIndex: Bool
    /// Where the header ends in the image.
    let end: UInt64

    private static let size: UInt64 = 8
    private static let denseIndexOrExtentTable: UInt16 = 0x01
    private static let largeFirst: UInt16 = 0x02
    private static let largeSecond: UInt16 = 0x04
    private static let inlineTail: UInt16 = 0x08
    private static let interlaced: UInt16 = 0x10
    private static let fragment: UInt16 = 0x20
    private static let known: UInt16 = 0x3f

    init(_ image: EROFSImage, _ file: EROFSEntry) throws(EROFSError) {
        let start = (file.metadata.upperBound + 7) & ~7
        end = start + Self.size
        guard end <= image.superblock.size else {
            throw .damaged(nid: file.nid, .outside(offset: start, length: Self.size))
        }
        let bytes = try image.source.bytes(at: start, count: Int(Self.size))
        let advice = bytes.field(UInt16.self, 4)
        let algorithms = bytes.field(UInt8.self, 6)
        let clusterBits = bytes.field(UInt8.self, 7)

        func refuse(_ feature: EROFSFeature, if present: Bool) throws(EROFSError) {
            if present { throw .unsupported(feature, nid: file.nid) }
        }
        // The highest bit means that the whole file is a fragment; the other bits then mean other things.
        try refuse(.fragments, if: clusterBits & 0x80 != 0 || advice & Self.fragment != 0)
        let isFull = file.layout == .compressedFull
        try refuse(.extentTable, if: isFull && advice & Self.denseIndexOrExtentTable != 0)
        try refuse(.inlineCompressedTails, if: advice & Self.inlineTail != 0)
        try refuse(.interlacedClusters, if: advice & Self.interlaced != 0)
        try refuse(.largeClusters, if: clusterBits & 0x0f != 0)

        hasDenseIndex = advice & Self.denseIndexOrExtentTable != 0
        hasLargeFirst = advice & Self.largeFirst != 0
        hasLargeOthers = advice & Self.largeSecond != 0
        self.algorithms = [algorithms & 0x0f, algorithms >> 4]
        guard advice & ~Self.known == 0, clusterBits & 0x70 == 0,
            image.superblock.hasLargeExtents || !(hasLargeFirst || hasLargeOthers),
            isFull || hasLargeFirst == hasLargeOthers
        else { throw .damaged(nid: file.nid, .compressionHeader) }
    }
}
