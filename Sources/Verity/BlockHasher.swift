import Glibc
import Hashing

/// Computes the digests of blocks; the salt is hashed once, and its state copied for every block.
///
/// A block of zeros is not hashed: a slot that was never written, or the tail of one, is read at the speed of memory.
struct BlockHasher: Sendable {
    private let salted: SHA256Hasher
    private let zeroDigest: [UInt8]

    init(salt: [UInt8]) {
        var hasher = SHA256Hasher()
        hasher.update(salt)
        salted = hasher
        hasher.update([UInt8](repeating: 0, count: VerityFormat.blockSize))
        zeroDigest = hasher.finish().bytes
    }

    /// Writes the digests of whole blocks one behind the other.
    func hash(blocks: UnsafeRawBufferPointer, into digests: UnsafeMutableRawBufferPointer) {
        let size = VerityFormat.blockSize
        for index in 0..<blocks.count / size {
            let block = UnsafeRawBufferPointer(rebasing: blocks[index * size..<(index + 1) * size])
            let start = index * VerityFormat.digestSize
            let digest = UnsafeMutableRawBufferPointer(rebasing: digests[start...])
            if Self.isZero(block) {
                digest.copyBytes(from: zeroDigest)
                continue
            }
            var hasher = salted
            hasher.update(block)
            hasher.finish(into: digest)
        }
    }

    /// Whether all bytes are 0: the first is, and every other is as the one before it.
    private static func isZero(_ block: UnsafeRawBufferPointer) -> Bool {
        guard let base = block.baseAddress, block[0] == 0 else { return false }
        return memcmp(base, base + 1, block.count - 1) == 0
    }

    /// The digest of one block.
    func digest(of block: [UInt8]) -> [UInt8] {
        var hasher = salted
        hasher.update(block)
        return hasher.finish().bytes
    }
}

/// The digests of all hash blocks of a tree, as they follow from the data.
///
/// The digests of the blocks of one level are the content of the level above, so this is the tree without its
/// leaves: 1/16384 of the data. The leaves are handed out once, while they are computed.
struct ComputedTree: Sendable {
    /// For each level, the digests of its blocks, in whole blocks padded with zeros.
    let digests: [SharedBuffer]
    /// The root hash.
    let rootHash: SHA256Digest

    /// Reads all data and computes the tree on several threads.
    ///
    /// - Parameter leaf: Called once for every leaf block, in any order and on any of the threads, with its index
    ///   and its 4096 bytes.
    init(
        data: VeritySource,
        parameters: VerityParameters,
        layout: VerityLayout,
        threads: Int,
        leaf: @escaping @Sendable (Int, UnsafeRawBufferPointer) throws(VerityError) -> Void
    ) throws(VerityError) {
        guard data.byteCount >= layout.dataByteCount else {
            throw .truncated(name: data.name, byteCount: data.byteCount, needed: layout.dataByteCount)
        }
        let hasher = BlockHasher(salt: parameters.salt)
        guard let leaves = layout.levels.first else {
            let block = try data.read(at: 0, count: VerityFormat.blockSize)
            digests = []
            rootHash = try Self.root(hasher.digest(of: block))
            return
        }
        let readSize = data.access.readSize
        let leafDigests = Self.digestBuffer(blockCount: Int(leaves.blockCount))
        try WorkerThreads.run(pieces: Int(leaves.blockCount), threads: threads) {
            let input = SharedBuffer(byteCount: readSize)
            let block = SharedBuffer(byteCount: VerityFormat.blockSize)
            return { index throws(VerityError) in
                let span = UInt64(VerityFormat.blockSize * VerityFormat.digestsPerBlock)
                let start = UInt64(index) * span
                let end = min(start + span, layout.dataByteCount)
                if end - start < span { block.bytes.initializeMemory(as: UInt8.self, repeating: 0) }
                var position = start
                var target = 0
                while position < end {
                    let count = Int(min(UInt64(readSize), end - position))
                    let part = input[0, count]
                    try data.read(at: position, into: part)
                    hasher.hash(
                        blocks: UnsafeRawBufferPointer(part),
                        into: block[target, VerityFormat.blockSize - target]
                    )
                    target += count / VerityFormat.digestsPerBlock
                    position += UInt64(count)
                }
                let bytes = UnsafeRawBufferPointer(block.bytes)
                hasher.hash(
                    blocks: bytes,
                    into: leafDigests[index * VerityFormat.digestSize, VerityFormat.digestSize]
                )
                try leaf(index, bytes)
            }
        }
        var digests = [leafDigests]
        var below = leafDigests
        for level in layout.levels.dropFirst() {
            let next = Self.digestBuffer(blockCount: Int(level.blockCount))
            hasher.hash(blocks: UnsafeRawBufferPointer(below.bytes), into: next.bytes)
            digests.append(next)
            below = next
        }
        self.digests = digests
        rootHash = try Self.root(Array(below[0, VerityFormat.digestSize]))
    }

    /// The content of a block above the leaves.
    func block(level: Int, index: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(digests[level - 1][index * VerityFormat.blockSize, VerityFormat.blockSize])
    }

    /// The digest of a hash block.
    func digest(level: Int, index: Int) -> [UInt8] {
        Array(digests[level][index * VerityFormat.digestSize, VerityFormat.digestSize])
    }

    private static func digestBuffer(blockCount: Int) -> SharedBuffer {
        let blocks = (blockCount - 1) / VerityFormat.digestsPerBlock + 1
        return SharedBuffer(byteCount: blocks * VerityFormat.blockSize)
    }

    private static func root(_ bytes: [UInt8]) throws(VerityError) -> SHA256Digest {
        guard let digest = SHA256Digest(bytes: bytes) else { throw .dataBlockCount(0) }
        return digest
    }
}
