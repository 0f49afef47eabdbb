import BlockDevices
import Bytes
public import Hashing
public import Verity

extension SlotDisk {
    /// The first 8 bytes of each leaf of the active slot's hash tree, as a little-endian number.
    ///
    /// The tree is proven by the active slot's root hash; the blocks are not read.
    ///
    /// - Parameter parameters: What the tree's superblock says.
    /// - Returns: nil for a tree that is not that of the root hash, or has no leaves.
    /// - Throws: `VerityError`.
    public func activeLeaves(_ parameters: VerityParameters) throws(VerityError) -> [UInt64]? {
        let layout = VerityLayout(parameters)
        guard let rootHash = slots.active.rootHash, !layout.levels.isEmpty,
            layout.byteCount <= activeVerity.byteCount, layout.dataByteCount <= activeRoot.byteCount
        else { return nil }
        let count = Int(clamping: parameters.dataBlockCount)
        var leaves: [UInt64] = []
        leaves.reserveCapacity(count)
        let corrupt = try VerityVerification.firstCorruptBlock(
            ofTree: activeVerity.veritySource(fromMedium: false, stop: StopFlag()),
            rootHash: rootHash,
            parameters: parameters
        ) { _, block in
            for place in stride(from: 0, to: block.count, by: VerityFormat.digestSize)
            where leaves.count < count {
                leaves.append(block.littleEndian(UInt64.self, at: place) ?? 0)
            }
        }
        return corrupt == nil && leaves.count == count ? leaves : nil
    }

    /// Whether the kernel would read every block of the inactive slot under a root hash.
    ///
    /// Root and hash tree are read whole and from the medium: what the page cache holds says nothing about the next
    /// boot. A slot that has a name was flushed before it got it.
    ///
    /// - Throws: `VerityError`; `.cancelled` if the task was.
    public func inactiveIsIntact(rootHash: SHA256Digest) async throws(VerityError) -> Bool {
        let (root, tree) = (inactiveRoot, inactiveVerity)
        let result = await onThread { stop in
            Result { () throws(VerityError) in
                try VerityVerification.verify(
                    data: root.veritySource(fromMedium: true, stop: stop),
                    tree: tree.veritySource(fromMedium: true, stop: stop),
                    rootHash: rootHash
                ).isIntact
            }
        }
        return try result.get()
    }
}
