import Glibc
public import Hashing

/// Computes dm-verity's leaves: the SHA-256 of salt and block, and the 8 bytes of it that an index has.
public struct LeafHasher: Sendable {
    private let salted: SHA256Hasher
    /// The bits of a leaf that count: all, but in tests of what happens where truncated leaves agree by chance.
    private let mask: UInt64
    /// The truncated leaf of a block of zeros, which needs no source.
    public let zeroLeaf: UInt64

    /// A hasher for a release's salt.
    public init(salt: [UInt8]) { self.init(salt: salt, mask: .max) }

    init(salt: [UInt8], mask: UInt64) {
        self.mask = mask
        var hasher = SHA256Hasher()
        hasher.update(salt)
        salted = hasher
        zeroLeaf = Self.truncated(hasher, [UInt8](repeating: 0, count: BlockFormat.blockSize)) & mask
    }

    /// The first 8 bytes of a block's leaf, as a little-endian number.
    ///
    /// A block of zeros is not hashed: a slot that was never written is read at the speed of memory.
    public func leaf(of block: UnsafeRawBufferPointer) -> UInt64 {
        if Self.isZero(block) { return zeroLeaf }
        var hasher = salted
        hasher.update(block)
        return withUnsafeTemporaryAllocation(byteCount: SHA256Digest.byteCount, alignment: 8) { digest in
            hasher.finish(into: digest)
            return UInt64(littleEndian: digest.load(as: UInt64.self)) & mask
        }
    }

    /// The bits that count of a truncated leaf that somebody else computed.
    func masked(_ leaf: UInt64) -> UInt64 { leaf & mask }

    /// Whether all bytes of a whole block are 0: the first is, and every other is as the one before it.
    private static func isZero(_ block: UnsafeRawBufferPointer) -> Bool {
        guard block.count == BlockFormat.blockSize, let base = block.baseAddress, block[0] == 0 else {
            return false
        }
        return memcmp(base, base + 1, block.count - 1) == 0
    }

    /// The digest of a whole block, which may be one of the tree.
    public func digest(of block: [UInt8]) -> SHA256Digest {
        var hasher = salted
        hasher.update(block)
        return hasher.finish()
    }

    private static func truncated(_ salted: SHA256Hasher, _ block: [UInt8]) -> UInt64 {
        var hasher = salted
        hasher.update(block)
        return hasher.finish().bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The root hash over the digests of the blocks of a tree's lowest level.
    ///
    /// - Parameter groups: at least one digest.
    func root(of groups: [SHA256Digest]) -> SHA256Digest? {
        var level = groups
        while level.count > 1 {
            level = stride(from: 0, to: level.count, by: BlockFormat.blocksPerGroup).map { start in
                var block: [UInt8] = []
                block.reserveCapacity(BlockFormat.blockSize)
                for digest in level[start..<min(start + BlockFormat.blocksPerGroup, level.count)] {
                    block += digest.bytes
                }
                block += [UInt8](repeating: 0, count: BlockFormat.blockSize - block.count)
                return digest(of: block)
            }
        }
        return level.first
    }
}
