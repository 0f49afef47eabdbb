public import Hashing

extension VerityVerification {
    /// Proves a stored hash tree against a root hash, without the data: superblock, every level, every block.
    ///
    /// Together with a root hash that was computed from the data this proves both, and the data is read once only: two
    /// trees with the same root hash are the same. Memory is 1/16384 of the data's size, and 512 KiB at most.
    ///
    /// - Parameters:
    ///   - tree: The hash device; its first block is the superblock.
    ///   - rootHash: The root hash from a trusted place.
    ///   - parameters: What the superblock must say.
    ///   - leaves: Gets each block of leaves that is right, in order: its number and its 4096 bytes. They are proven as far as
    ///     they came; none come of a tree without levels.
    /// - Returns: The first block that is not what it should be, from the top down; nil if there is none. A wrong
    ///   superblock is named as the block at offset 0 of the level above the top.
    /// - Throws: `VerityError.truncated` when the hash device is too short; what reading throws.
    public static func firstCorruptBlock(
        ofTree tree: VeritySource,
        rootHash: SHA256Digest,
        parameters: VerityParameters,
        leaves: (Int, [UInt8]) -> Void = { _, _ in }
    ) throws(VerityError) -> VerityReport.TreeBlock? {
        let layout = VerityLayout(parameters)
        guard tree.byteCount >= layout.byteCount else {
            throw .truncated(name: tree.name, byteCount: tree.byteCount, needed: layout.byteCount)
        }
        let size = VerityFormat.blockSize
        let superblock = try tree.read(at: 0, count: size)
        let expected = VeritySuperblock.serialise(parameters)
        guard superblock.starts(with: expected), superblock[expected.count...].allSatisfy({ $0 == 0 }) else {
            return VerityReport.TreeBlock(level: layout.levels.count, byteOffset: 0)
        }
        let hasher = BlockHasher(salt: parameters.salt)
        let blocksPerRead = tree.access.readSize / size
        var digests = rootHash.bytes
        for (level, place) in layout.levels.enumerated().reversed() {
            var below: [UInt8] = []
            if level > 0 { below.reserveCapacity(Int(place.blockCount) * size) }
            var piece: [UInt8] = []
            for index in 0..<Int(place.blockCount) {
                let offset = place.byteOffset + UInt64(index * size)
                let inPiece = index % blocksPerRead
                if inPiece == 0 {
                    let count = min(blocksPerRead, Int(place.blockCount) - index)
                    piece = try tree.read(at: offset, count: count * size)
                }
                let block = Array(piece[inPiece * size..<(inPiece + 1) * size])
                let entry = index * VerityFormat.digestSize
                guard digests[entry..<entry + VerityFormat.digestSize].elementsEqual(hasher.digest(of: block))
                else { return VerityReport.TreeBlock(level: level, byteOffset: offset) }
                if level > 0 { below += block } else { leaves(index, block) }
            }
            digests = below
        }
        return nil
    }
}
