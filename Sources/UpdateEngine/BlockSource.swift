public import BlockDevices

/// Where the blocks of a release come from: the active slot, a pack, a server.
public protocol BlockSource: Sendable {
    /// Delivers blocks to the sink, in any order, from as many tasks as it likes; returns when all were delivered.
    ///
    /// It is asked again, for the blocks that are still wrong, if the first delivery did not give the root hash.
    ///
    /// - Parameters:
    ///   - missing: The blocks that the slot lacks; others may be delivered too.
    ///   - sink: Writes what it gets.
    /// - Throws: Whatever ends the install; errors of the sink as they are.
    func deliver(_ missing: BlockSet, to sink: BlockSink) async throws
}

/// What is known of a release before its blocks are there.
public protocol BlockIndex: Sendable {
    /// Whether a block's salted digest (dm-verity's leaf, 32 bytes) is the one that the release has at this place.
    ///
    /// An answer may rest on a part of the digest: what counts is the root hash.
    func isRight(_ block: UInt64, digest: UnsafeRawBufferPointer) -> Bool
}
