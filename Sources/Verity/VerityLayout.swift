/// Where the levels of a hash tree lie on the hash device.
///
/// The superblock has the first block to itself; the tree follows with its top level first, as `veritysetup`
/// writes it. Data of one block has no tree: its digest is the root hash.
public struct VerityLayout: Sendable, Hashable {
    /// One level of the tree.
    public struct Level: Sendable, Hashable {
        /// Byte offset of the level's first block on the hash device.
        public let byteOffset: UInt64
        /// Number of hash blocks in the level.
        public let blockCount: UInt64
    }

    /// Number of data blocks that the tree protects.
    public let dataBlockCount: UInt64
    /// The levels, the leaves (digests of data blocks) first and the one block of the top last.
    public let levels: [Level]

    /// Computes the layout for a number of data blocks that `VerityParameters` has checked.
    public init(_ parameters: VerityParameters) {
        let perBlock = UInt64(VerityFormat.digestsPerBlock)
        let blockSize = UInt64(VerityFormat.blockSize)
        var counts: [UInt64] = []
        var below = parameters.dataBlockCount
        while below > 1 {
            below = (below - 1) / perBlock + 1
            counts.append(below)
        }
        var levels: [Level] = []
        var offset = blockSize
        for count in counts.reversed() {
            levels.append(Level(byteOffset: offset, blockCount: count))
            offset += count * blockSize
        }
        dataBlockCount = parameters.dataBlockCount
        self.levels = levels.reversed()
    }

    /// Number of hash blocks of all levels together, without the superblock.
    public var treeBlockCount: UInt64 { levels.reduce(0) { $0 + $1.blockCount } }

    /// Size of the hash device in bytes: a block for the superblock, and the tree.
    public var byteCount: UInt64 { (treeBlockCount + 1) * UInt64(VerityFormat.blockSize) }

    /// Size of the protected data in bytes.
    public var dataByteCount: UInt64 { dataBlockCount * UInt64(VerityFormat.blockSize) }
}
