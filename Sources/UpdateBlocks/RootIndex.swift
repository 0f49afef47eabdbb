public import Hashing
import Bytes

/// What the artefact `root.index` says: the truncated leaf of every block of a root file system, the digests of
/// dm-verity's lowest tree level, and where each frame of `root.zst` lies.
///
/// A value that was decoded agrees with the root hash as far as the digests go, and all its sizes with each other.
public struct RootIndex: Sendable, Equatable {
    /// The root hash of the image.
    public let rootHash: SHA256Digest
    /// The salt of its tree.
    public let salt: [UInt8]
    /// The first 8 bytes of each block's leaf, as a little-endian number.
    public let leaves: [UInt64]
    /// The digest of each block of the tree's lowest level, which covers 128 blocks; none for an image of one block.
    public let groups: [SHA256Digest]
    /// How `root.zst` is cut.
    public let frames: FrameTable

    private static let magic = Array("BHINDEX1".utf8)
    private static let headSize = 64

    init(
        rootHash: SHA256Digest,
        salt: [UInt8],
        leaves: [UInt64],
        groups: [SHA256Digest],
        frames: FrameTable
    ) {
        self.rootHash = rootHash
        self.salt = salt
        self.leaves = leaves
        self.groups = groups
        self.frames = frames
    }

    /// The size of an index in bytes, of which its parts leave no doubt.
    public static func byteCount(blocks: Int, blocksPerFrame: Int, saltSize: Int) -> Int {
        headSize + saltSize + blocks * 8 + BlockFormat.groupCount(blocks: blocks) * SHA256Digest.byteCount
            + FrameTable.frameCount(blocks: blocks, blocksPerFrame: blocksPerFrame) * 2
    }

    /// The bytes of the artefact.
    public func encoded() -> [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(
            Self.byteCount(blocks: leaves.count, blocksPerFrame: frames.blocksPerFrame, saltSize: salt.count)
        )
        bytes.appendLittleEndian(UInt32(leaves.count))
        bytes.appendLittleEndian(UInt16(frames.blocksPerFrame))
        bytes.appendLittleEndian(UInt16(salt.count))
        bytes += rootHash.bytes
        bytes.appendLittleEndian(frames.byteCount)
        bytes.appendLittleEndian(UInt64(0))
        bytes += salt
        for leaf in leaves { bytes.appendLittleEndian(leaf) }
        for group in groups { bytes += group.bytes }
        for size in frames.sizes { bytes.appendLittleEndian(size) }
        return bytes
    }

    /// Reads an index and checks all of it.
    ///
    /// - Parameters:
    ///   - bytes: the whole artefact.
    ///   - rootHash: the signed root hash, which the digests in the index must lead to.
    /// - Throws: `UpdateBlocksError.damaged`.
    public init(decoding bytes: [UInt8], rootHash: SHA256Digest) throws(UpdateBlocksError) {
        func bad(_ field: String, _ reason: String) -> UpdateBlocksError {
            .damaged(artefact: "root.index", field: field, reason: reason)
        }
        guard bytes.starts(with: Self.magic) else { throw bad("magic", "it does not begin with 'BHINDEX1'") }
        guard let blocks = bytes.littleEndian(UInt32.self, at: 8).map(Int.init),
            let perFrame = bytes.littleEndian(UInt16.self, at: 12).map(Int.init),
            let saltSize = bytes.littleEndian(UInt16.self, at: 14).map(Int.init),
            let hash = bytes.bounded(at: 16, count: 32),
            let framesSize = bytes.littleEndian(UInt64.self, at: 48),
            let reserved = bytes.littleEndian(UInt64.self, at: 56)
        else { throw bad("header", "only \(bytes.count) bytes are there") }
        guard blocks > 0, blocks <= BlockFormat.maximumBlockCount else {
            throw bad("block count", "\(blocks) is not between 1 and \(BlockFormat.maximumBlockCount)")
        }
        guard (1...BlockFormat.maximumBlocksPerFrame).contains(perFrame) else {
            throw bad("blocks a frame", "\(perFrame) is not between 1 and \(BlockFormat.maximumBlocksPerFrame)")
        }
        guard saltSize <= BlockFormat.maximumSaltSize else {
            throw bad("salt", "\(saltSize) bytes are more than \(BlockFormat.maximumSaltSize)")
        }
        guard hash.elementsEqual(rootHash.bytes) else {
            throw bad("root hash", "\(Hex.encode(hash)) is not the release's, \(rootHash)")
        }
        guard reserved == 0 else { throw bad("reserved", "\(reserved) is not 0") }
        let expected = Self.byteCount(blocks: blocks, blocksPerFrame: perFrame, saltSize: saltSize)
        guard bytes.count == expected else {
            throw bad("size", "\(bytes.count) bytes are there, and the header makes it \(expected)")
        }
        self.rootHash = rootHash
        var position = Self.headSize
        salt = Array(bytes[position..<position + saltSize])
        position += saltSize
        leaves = (0..<blocks).map { bytes.littleEndian(UInt64.self, at: position + $0 * 8) ?? 0 }
        position += blocks * 8
        groups = (0..<BlockFormat.groupCount(blocks: blocks)).compactMap {
            SHA256Digest(bytes: bytes[(position + $0 * 32)..<(position + $0 * 32 + 32)])
        }
        position += groups.count * 32
        let sizes = stride(from: position, to: bytes.count, by: 2).map {
            bytes.littleEndian(UInt16.self, at: $0) ?? 0
        }
        frames = try FrameTable(sizes: sizes, blocks: blocks, blocksPerFrame: perFrame)
        guard frames.byteCount == framesSize else {
            throw bad("frame sizes", "they add up to \(frames.byteCount) and not to \(framesSize)")
        }
        guard groups.isEmpty || LeafHasher(salt: salt).root(of: groups) == rootHash else {
            throw bad("tree digests", "they do not lead to the root hash \(rootHash)")
        }
    }

    /// The digest of all truncated leaves, by which a pack tells whether it could rebuild them.
    public static func digest(of leaves: [UInt64]) -> SHA256Digest {
        var hasher = SHA256Hasher()
        var piece: [UInt8] = []
        for (number, leaf) in leaves.enumerated() {
            piece.appendLittleEndian(leaf)
            if piece.count == 4096 || number == leaves.count - 1 {
                hasher.update(piece)
                piece.removeAll(keepingCapacity: true)
            }
        }
        return hasher.finish()
    }

    /// Whether a block of the tree's lowest level is the right one.
    ///
    /// The truncated leaves may agree where a block is wrong; a whole group cannot.
    ///
    /// - Parameters:
    ///   - group: the number of 128 blocks.
    ///   - digest: the digest of the 4096 bytes with their leaves, salted as all of the tree.
    public func isRight(group: Int, digest: SHA256Digest) -> Bool {
        guard !groups.isEmpty else { return digest == rootHash }
        return group >= 0 && group < groups.count && groups[group] == digest
    }

    /// The blocks of a group.
    public func blocks(ofGroup group: Int) -> Range<Int> {
        let start = min(max(group, 0) * BlockFormat.blocksPerGroup, leaves.count)
        return start..<min(start + BlockFormat.blocksPerGroup, leaves.count)
    }
}
