public import BlockDevices
public import Hashing
public import ReleaseManifest

/// Brings a slot's blocks to what a release says: plans, fetches, copies, and repairs.
///
/// The caller writes the blocks that it is given, builds the tree and compares the root hash; this type knows where
/// blocks come from. It is used by one task at a time:
///
/// 1. `plan(for:)` hashes the slot, and the running one unless its leaves are known, and fetches what the decision needs:
///    the head of a pack, or the index.
/// 2. `run(_:progress:sink:)` hands over every block that the slot lacks, each checked against its truncated leaf.
///    After an error (a bad mirror, a lost connection) go on at 1: nothing that is right is fetched again.
/// 3. If the root hash is wrong for all that, a truncated leaf has lied: `repair(_:)` finds the groups of blocks that
///    are wrong and plans to fetch what was copied into them; go on at 2. A second time it finds less, or gives up.
///
/// A pack only saves bytes: where it can't be had or is not what was signed, all goes on without it.
public final class BlockUpdate {
    /// The slot that runs, as a source of blocks.
    public struct Running: Sendable {
        /// Its raw partition; never dm-verity's device, which may restart the machine over a bad block.
        public let device: any BlockDevice
        /// Its root hash.
        public let rootHash: SHA256Digest
        /// How many blocks its root file system has; what follows on the partition is not read.
        public let blockCount: Int
        /// The truncated leaf that each block must have, with the new release's salt; nil where the blocks are hashed.
        public let leaves: [UInt64]?

        /// Names the running slot.
        ///
        /// - Parameter leaves: from its hash tree, proven by its root hash, as `LeafHasher` truncates them. They only say
        ///   where a block should be: each is read and hashed before it is used, and fetched where it is not right.
        public init(
            device: any BlockDevice,
            rootHash: SHA256Digest,
            blockCount: Int,
            leaves: [UInt64]? = nil
        ) {
            self.device = device
            self.rootHash = rootHash
            self.blockCount = blockCount
            self.leaves = leaves
        }
    }

    let root: Release.Root
    let transports: Release.Transports
    let running: Running?
    let costs: BlockPlan.Costs
    let open: (Release.File) -> any RemoteFile
    private let tables: (any TableStore)?
    private let fetching: (_ done: UInt64, _ total: UInt64) -> Void
    var hasher: LeafHasher
    /// Number of blocks of the new root.
    public let blockCount: Int

    /// How many bytes were fetched so far, index and head of a pack among them.
    public internal(set) var bytesFetched: UInt64 = 0
    /// The truncated leaf of every block of the new root, once `plan(for:)` has learnt them.
    public internal(set) var leaves: [UInt64] = []
    /// Why the pack for the running release is not used, though there is one: its publisher must hear of it.
    public private(set) var packFailure: (any Error)?
    var index: RootIndex?
    private(set) var pack: (file: Release.File, head: PackHead, headSize: UInt64)?
    var lookup: BlockLookup?
    var hasRanges = true
    /// Blocks that came from a server while this value lived.
    var network: BlockSet
    /// Blocks that must come from a server.
    var distrusted: BlockSet

    /// Prepares an update; nothing is read or fetched yet.
    ///
    /// - Parameters:
    ///   - root: the new root file system, from the signed release.json.
    ///   - transports: its table of artefacts.
    ///   - running: the slot that runs; nil where there is none, as when a machine is installed.
    ///   - costs: what requests cost.
    ///   - tables: what an earlier attempt has kept, and where this one keeps what it fetches; nil to keep nothing.
    ///   - fetching: is told how many bytes of how many are there of a table that is fetched.
    ///   - open: the remote file of an artefact; it is called whenever the artefact is read, and what one of them
    ///     excluded the next should know.
    /// - Throws: `UpdateBlocksError.imageSize` for a root that is too large for the format.
    public init(
        root: Release.Root,
        transports: Release.Transports,
        running: Running?,
        costs: BlockPlan.Costs = BlockPlan.Costs(),
        tables: (any TableStore)? = nil,
        fetching: @escaping (_ done: UInt64, _ total: UInt64) -> Void = { _, _ in },
        open: @escaping (Release.File) -> any RemoteFile
    ) throws(UpdateBlocksError) {
        blockCount = try BlockFormat.blockCount(of: root.size, name: "root.erofs")
        self.root = root
        self.transports = transports
        self.running = running
        self.costs = costs
        self.tables = tables
        self.fetching = fetching
        self.open = open
        hasher = LeafHasher(salt: root.salt.bytes)
        network = BlockSet(capacity: blockCount)
        distrusted = BlockSet(capacity: blockCount)
    }

    /// Decides where each block of the new root comes from.
    ///
    /// - Parameter slot: the partition that is to hold it, as it is.
    /// - Throws: `UpdateBlocksError`, and what the remote files throw.
    public func plan(for slot: any BlockDevice) async throws -> BlockPlan {
        if leaves.isEmpty { try await learnLeaves() }
        let present = try await hashed(slot, fromMedium: true, blockCount: blockCount)
        var inPlace = BlockSet(capacity: blockCount)
        for block in 0..<blockCount where present.leaves[block] == leaves[block] {
            let isTrusted = !distrusted.contains(block) || network.contains(block)
            if isTrusted, !present.unreadable.contains(block) { inPlace.insert(block) }
        }
        return makePlan(inPlace: inPlace)
    }

    /// Finds out why a slot whose blocks all have the right truncated leaves has another root hash.
    ///
    /// The digests of the tree's lowest level tell which groups of 128 blocks are wrong. In those, every block that
    /// was not fetched while this value lived is fetched now, whatever its truncated leaf says.
    ///
    /// - Parameter slot: the partition with the blocks, as it is.
    /// - Throws: `UpdateBlocksError.cannotRepair` where everything in the wrong groups was fetched already,
    ///   `.unreliableDisk` where such a block is not in the slot any more; what `plan(for:)` throws.
    public func repair(_ slot: any BlockDevice) async throws -> BlockPlan {
        if leaves.isEmpty { try await learnLeaves() }
        let index = try await loadedIndex()
        let (blockCount, hasher) = (blockCount, hasher)
        let result = await onThread { stop in
            Result { () throws(UpdateBlocksError) in
                // The page cache may hold what the medium has lost.
                try HashedBlocks.withGroups(
                    slot,
                    fromMedium: true,
                    blockCount: blockCount,
                    hasher: hasher,
                    stop: stop
                )
            }
        }
        try Task.checkCancellation()
        let (found, groups) = try result.get()
        var inPlace = BlockSet(capacity: blockCount)
        var suspects = BlockSet(capacity: blockCount)
        var wrong = 0
        for (group, digest) in groups.enumerated() {
            let isRight = index.isRight(group: group, digest: digest)
            for block in index.blocks(ofGroup: group) where isRight || network.contains(block) {
                if found[block] == leaves[block] { inPlace.insert(block) }
            }
            guard !isRight else { continue }
            for block in index.blocks(ofGroup: group) where !inPlace.contains(block) {
                // It was checked before it was written: to fetch it again and again would not help.
                guard !network.contains(block) else {
                    throw UpdateBlocksError.unreliableDisk(device: slot.name, block: UInt32(block))
                }
                suspects.insert(block)
            }
            wrong += index.blocks(ofGroup: group).count
        }
        guard suspects.count > 0 else { throw UpdateBlocksError.cannotRepair(blocks: wrong) }
        distrusted.formUnion(suspects)
        return makePlan(inPlace: inPlace)
    }

    private func makePlan(inPlace: BlockSet) -> BlockPlan {
        BlockPlan(
            BlockPlan.Facts(
                leaves: leaves,
                zeroLeaf: hasher.zeroLeaf,
                inPlace: inPlace,
                distrusted: distrusted,
                lookup: lookup ?? BlockLookup(),
                frames: index?.frames,
                streamSize: transports.frames.size,
                pack: pack?.head,
                hasRanges: hasRanges,
                costs: costs
            )
        )
    }

    /// Learns the truncated leaves of the new root from the head of a pack, or else from the index.
    private func learnLeaves() async throws {
        if let running {
            let old = try await hashed(running)
            lookup = BlockLookup(old)
            if let entry = transports.packs.first(where: { $0.from == running.rootHash }) {
                do {
                    if let rebuilt = try await leaves(of: entry, running, old) {
                        leaves = rebuilt
                        return
                    }
                } catch {
                    try giveUpPack(error)
                }
            }
        }
        leaves = try await loadedIndex().leaves
    }

    /// What the running slot has, or by its hash tree should have.
    private func hashed(_ running: Running) async throws -> HashedBlocks {
        guard let leaves = running.leaves, leaves.count == running.blockCount else {
            return try await hashed(running.device, fromMedium: false, blockCount: running.blockCount)
        }
        return HashedBlocks(known: leaves.map(hasher.masked))
    }

    private func hashed(
        _ device: any BlockDevice,
        fromMedium: Bool,
        blockCount: Int
    ) async throws -> HashedBlocks {
        let hasher = hasher
        let blocks = await onThread { stop in
            HashedBlocks(
                hashing: device,
                fromMedium: fromMedium,
                blockCount: blockCount,
                hasher: hasher,
                stop: stop
            )
        }
        try Task.checkCancellation()
        return blocks
    }

    /// The leaves that the head of a pack leads to; nil where a block of the running slot is damaged, and the index tells
    /// which ones can be used all the same.
    private func leaves(
        of entry: Release.Pack,
        _ running: Running,
        _ old: HashedBlocks
    ) async throws -> [UInt64]? {
        let head = try await loadedHead(entry)
        pack = (entry.file, head, entry.headSize)
        guard head.oldBlockCount == running.blockCount,
            let rebuilt = head.leaves(from: old, zeroLeaf: hasher.zeroLeaf),
            rebuilt.count == blockCount
        else { return nil }
        return rebuilt
    }

    /// Goes on without the pack, which may be wrong on every server and for ever.
    ///
    /// - Throws: the error itself where it is not about the pack.
    func giveUpPack(_ error: any Error) throws {
        if Task.isCancelled || error is CancellationError { throw error }
        (pack, packFailure) = (nil, error)
    }

    private func loadedHead(_ entry: Release.Pack) async throws -> PackHead {
        let bytes = try await fetchWhole(entry.file, size: entry.headSize, sha256: entry.headSha256)
        return try PackHead(decoding: bytes, from: entry.from, to: root.hash, byteCount: entry.file.size)
    }

    /// The index, which is fetched when it is first needed.
    func loadedIndex() async throws -> RootIndex {
        if let index { return index }
        let file = transports.index
        let bytes = try await fetchWhole(file, size: file.size, sha256: file.sha256)
        let index = try RootIndex(decoding: bytes, rootHash: root.hash)
        guard index.leaves.count == blockCount, index.salt == root.salt.bytes,
            index.frames.byteCount == transports.frames.size
        else {
            throw UpdateBlocksError.damaged(
                artefact: "root.index",
                field: "header",
                reason: "block count, salt or size of root.zst are not those of release.json"
            )
        }
        self.index = index
        return index
    }

    /// The first bytes of an artefact, which must have a digest; those that were kept, if there are.
    private func fetchWhole(_ file: Release.File, size: UInt64, sha256: SHA256Digest) async throws -> [UInt8]
    {
        guard size > 0, size <= UInt64(PackHead.sizeLimit) else {
            throw UpdateBlocksError.damaged(
                artefact: file.file,
                field: "size",
                reason: "\(size) bytes are not between 1 and \(PackHead.sizeLimit)"
            )
        }
        if let kept = tables?.read(sha256, size: Int(size)), SHA256Digest(hashing: kept) == sha256 {
            return kept
        }
        var result: [UInt8] = []
        let remote = open(file)
        try await remote.withoutBadServers {
            var source = file.file
            var done: UInt64 = 0
            try await RangeReader(file: remote, name: file.file).read(
                [0..<size],
                inOneStream: true,
                received: {
                    bytesFetched += UInt64($0)
                    done += UInt64($0)
                    fetching(done, size)
                },
                deliver: { _, bytes, sender in (result, source) = (bytes, sender) }
            )
            guard SHA256Digest(hashing: result) == sha256 else {
                throw UpdateBlocksError.wrongDigest(artefact: file.file, source: source)
            }
        }
        tables?.keep(result, sha256)
        return result
    }
}
