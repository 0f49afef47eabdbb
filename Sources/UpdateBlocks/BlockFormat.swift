/// Sizes and limits of the artefacts by which a root file system travels (docs/update-format.md).
public enum BlockFormat {
    /// Bytes a block: dm-verity's data block and hash block.
    public static let blockSize = 4096
    /// Most blocks of an image: 4 GiB, twice the largest slot. It bounds the memory that an index takes.
    public static let maximumBlockCount = 1 << 20
    /// Leaves a hash block of dm-verity's tree; so many blocks are a group.
    public static let blocksPerGroup = 128
    /// Most blocks a frame of root.zst: the compressed size of a frame is a 16-bit number.
    public static let maximumBlocksPerFrame = 8
    /// Largest salt, in bytes, as for veritysetup(8).
    public static let maximumSaltSize = 256

    /// The number of blocks of an image of a size in bytes.
    ///
    /// - Throws: `UpdateBlocksError.imageSize`.
    static func blockCount(of size: UInt64, name: String) throws(UpdateBlocksError) -> Int {
        let blocks = size / UInt64(blockSize)
        guard size.isMultiple(of: UInt64(blockSize)), blocks > 0, blocks <= UInt64(maximumBlockCount) else {
            throw .imageSize(name: name, size: size)
        }
        return Int(blocks)
    }

    /// The number of groups of dm-verity's lowest tree level: 0 where the only block's digest is the root hash.
    static func groupCount(blocks: Int) -> Int {
        blocks == 1 ? 0 : (blocks - 1) / blocksPerGroup + 1
    }
}
