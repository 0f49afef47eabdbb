public import Hashing
public import Verity

extension SlotDisk {
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
