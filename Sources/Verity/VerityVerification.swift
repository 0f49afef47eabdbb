public import Hashing
import Synchronization

/// What a full check of data and hash tree against a root hash found.
public struct VerityReport: Sendable, Equatable {
    /// A hash block that is not what it should be.
    public struct TreeBlock: Sendable, Hashable {
        /// The level: 0 is the leaves, the digests of data blocks.
        public let level: Int
        /// Byte offset of the block on the hash device.
        public let byteOffset: UInt64

        /// Names a hash block by its level and byte offset.
        public init(level: Int, byteOffset: UInt64) {
            self.level = level
            self.byteOffset = byteOffset
        }
    }

    /// At most this many blocks of each kind are listed; the totals count all.
    public static let listLimit = 1024

    /// The parameters that were used: those of the superblock, or those the caller gave.
    public let parameters: VerityParameters
    /// The root hash that follows from the data as it is.
    public let computedRootHash: SHA256Digest
    /// The caller gave parameters, and the superblock says something else or cannot be read.
    public let superblockIsCorrupt: Bool
    /// Byte offsets of corrupt data blocks, ascending; the first `listLimit` of them.
    public fileprivate(set) var corruptDataBlocks: [UInt64] = []
    /// Number of corrupt data blocks.
    public fileprivate(set) var corruptDataBlockCount: UInt64 = 0
    /// Corrupt hash blocks, from the top level down; the first `listLimit` of them.
    public fileprivate(set) var corruptTreeBlocks: [TreeBlock] = []
    /// Number of corrupt hash blocks.
    public fileprivate(set) var corruptTreeBlockCount: UInt64 = 0
    /// The data itself has the expected root hash.
    public let dataIsIntact: Bool

    /// Nothing is corrupt: the kernel will read every block.
    public var isIntact: Bool {
        dataIsIntact && !superblockIsCorrupt && corruptDataBlockCount == 0 && corruptTreeBlockCount == 0
    }

    fileprivate init(
        parameters: VerityParameters,
        computedRootHash: SHA256Digest,
        superblockIsCorrupt: Bool,
        dataIsIntact: Bool
    ) {
        self.parameters = parameters
        self.computedRootHash = computedRootHash
        self.superblockIsCorrupt = superblockIsCorrupt
        self.dataIsIntact = dataIsIntact
    }

    fileprivate mutating func addDataBlock(_ index: UInt64) {
        if corruptDataBlocks.count < Self.listLimit {
            corruptDataBlocks.append(index * UInt64(VerityFormat.blockSize))
        }
        corruptDataBlockCount += 1
    }

    fileprivate mutating func addTreeBlock(level: Int, byteOffset: UInt64) {
        if corruptTreeBlocks.count < Self.listLimit {
            corruptTreeBlocks.append(TreeBlock(level: level, byteOffset: byteOffset))
        }
        corruptTreeBlockCount += 1
    }
}

/// Checks data and hash tree against a root hash.
public enum VerityVerification {
    /// Reads all data and the whole tree, and names every block that the kernel would refuse.
    ///
    /// The tree is computed anew from the data and compared with the stored one, so that a damaged hash block is
    /// told from damaged data as far as that is possible: a stored hash block counts if its parent vouches for
    /// it, else the computed one if the parent vouches for that. If neither is right, data and hash block are both
    /// damaged, and the data blocks on which they disagree are all listed.
    ///
    /// Memory is about 1/4096 of the data's size at most.
    ///
    /// - Parameters:
    ///   - data: The data; bytes behind the last block are not read.
    ///   - tree: The hash device; its first block is the superblock.
    ///   - rootHash: The root hash from a trusted place.
    ///   - parameters: Salt, UUID and block count from a trusted place. Without them the superblock's are used,
    ///     and a superblock that cannot be read is an error.
    ///   - workers: Number of threads; without it, as many as suit how the data come.
    /// - Throws: `VerityError.superblock`; `.truncated` when data or tree is too short; what reading throws.
    public static func verify(
        data: VeritySource,
        tree: VeritySource,
        rootHash: SHA256Digest,
        parameters: VerityParameters? = nil,
        workers: Int? = nil
    ) throws(VerityError) -> VerityReport {
        let (parameters, superblockIsCorrupt) = try readParameters(tree, expected: parameters)
        let layout = VerityLayout(parameters)
        guard tree.byteCount >= layout.byteCount else {
            throw .truncated(name: tree.name, byteCount: tree.byteCount, needed: layout.byteCount)
        }
        let hasher = BlockHasher(salt: parameters.salt)
        let differences = Mutex<[Int: LeafDifference]>([:])
        let leafOffset = layout.levels.first?.byteOffset ?? 0
        let computed = try ComputedTree(
            data: data,
            parameters: parameters,
            layout: layout,
            threads: workers ?? data.access.threads
        ) { index, block throws(VerityError) in
            let size = VerityFormat.blockSize
            let stored = try tree.read(at: leafOffset + UInt64(index) * UInt64(size), count: size)
            if stored.elementsEqual(block) { return }
            let difference = LeafDifference(
                stored: stored,
                computed: block,
                digest: hasher.digest(of: stored)
            )
            differences.withLock { $0[index] = difference }
        }
        var report = VerityReport(
            parameters: parameters,
            computedRootHash: computed.rootHash,
            superblockIsCorrupt: superblockIsCorrupt,
            dataIsIntact: computed.rootHash == rootHash
        )
        if layout.levels.isEmpty {
            if !report.dataIsIntact { report.addDataBlock(0) }
            return report
        }
        let comparison = Comparison(
            tree: tree,
            layout: layout,
            hasher: hasher,
            computed: computed,
            differences: differences.withLock { $0 }
        )
        try comparison.run(rootHash: rootHash, report: &report)
        return report
    }

    private static func readParameters(
        _ tree: VeritySource,
        expected: VerityParameters?
    ) throws(VerityError) -> (VerityParameters, superblockIsCorrupt: Bool) {
        // A whole block: a source may read from a medium, which knows nothing smaller.
        let size = min(tree.byteCount, UInt64(VerityFormat.blockSize))
        let bytes = Array(try tree.read(at: 0, count: Int(size)).prefix(VeritySuperblock.byteCount))
        guard let expected else { return (try VeritySuperblock.parse(bytes), false) }
        return (expected, bytes != VeritySuperblock.serialise(expected))
    }
}

/// How a stored leaf block differs from the one computed from the data.
private struct LeafDifference: Sendable {
    /// The digest of the stored block.
    let digest: [UInt8]
    /// A bit for each entry that differs; bytes behind the last data block's entry count as entries, too.
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    init(stored: [UInt8], computed: UnsafeRawBufferPointer, digest: [UInt8]) {
        self.digest = digest
        for entry in 0..<VerityFormat.digestsPerBlock {
            let range = entry * VerityFormat.digestSize..<(entry + 1) * VerityFormat.digestSize
            if stored[range].elementsEqual(computed[range]) { continue }
            if entry < 64 { low |= 1 << UInt64(entry) } else { high |= 1 << UInt64(entry - 64) }
        }
    }

    func differs(entry: Int) -> Bool {
        (entry < 64 ? low >> UInt64(entry) : high >> UInt64(entry - 64)) & 1 == 1
    }
}

/// Walks stored and computed tree from the top and decides which of them is right, block by block.
private struct Comparison {
    let tree: VeritySource
    let layout: VerityLayout
    let hasher: BlockHasher
    let computed: ComputedTree
    let differences: [Int: LeafDifference]

    /// What the level above says about a block.
    private struct Expectation {
        let digest: [UInt8]
        /// False when the block above was itself beyond proof.
        let isProven: Bool
    }

    func run(rootHash: SHA256Digest, report: inout VerityReport) throws(VerityError) {
        var expectations = [Expectation(digest: rootHash.bytes, isProven: true)]
        for level in layout.levels.indices.reversed().dropLast() {
            let place = layout.levels[level]
            let below = Int(layout.levels[level - 1].blockCount)
            var next: [Expectation] = []
            next.reserveCapacity(below)
            for (index, expectation) in expectations.enumerated() {
                let offset = place.byteOffset + UInt64(index * VerityFormat.blockSize)
                let stored = try tree.read(at: offset, count: VerityFormat.blockSize)
                let fromData = computed.block(level: level, index: index)
                let verdict = judge(
                    stored: hasher.digest(of: stored),
                    computed: computed.digest(level: level, index: index),
                    expectation
                )
                if verdict.isCorrupt { report.addTreeBlock(level: level, byteOffset: offset) }
                let content = verdict.useComputed ? Array(fromData) : stored
                for entry in 0..<min(VerityFormat.digestsPerBlock, below - next.count) {
                    let start = entry * VerityFormat.digestSize
                    let digest = Array(content[start..<start + VerityFormat.digestSize])
                    next.append(Expectation(digest: digest, isProven: verdict.isProven))
                }
            }
            expectations = next
        }
        compareLeaves(expectations, report: &report)
    }

    private func compareLeaves(_ expectations: [Expectation], report: inout VerityReport) {
        let place = layout.levels[0]
        for (index, expectation) in expectations.enumerated() {
            let fromData = computed.digest(level: 0, index: index)
            let difference = differences[index]
            let verdict = judge(stored: difference?.digest ?? fromData, computed: fromData, expectation)
            if verdict.isCorrupt {
                let offset = place.byteOffset + UInt64(index * VerityFormat.blockSize)
                report.addTreeBlock(level: 0, byteOffset: offset)
            }
            guard let difference, !verdict.useComputed else { continue }
            let first = UInt64(index) * UInt64(VerityFormat.digestsPerBlock)
            for entry in 0..<VerityFormat.digestsPerBlock where difference.differs(entry: entry) {
                let block = first + UInt64(entry)
                if block < layout.dataBlockCount { report.addDataBlock(block) }
            }
        }
    }

    private func judge(
        stored: [UInt8],
        computed: [UInt8],
        _ expectation: Expectation
    ) -> (isCorrupt: Bool, useComputed: Bool, isProven: Bool) {
        if stored == expectation.digest { return (false, false, expectation.isProven) }
        if computed == expectation.digest { return (true, true, expectation.isProven) }
        // The entry above may be what is wrong: then a block that agrees with everything below it is good.
        if !expectation.isProven, stored == computed { return (false, false, false) }
        return (true, false, false)
    }
}
