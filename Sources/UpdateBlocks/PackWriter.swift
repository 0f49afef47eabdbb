public import BlockDevices
public import Hashing
import Zstd

/// Makes the static pack from one release to another, on the build machine.
///
/// Each segment is one zstd frame with references to old blocks near the place where the new ones would have been.
public enum PackWriter {
    /// One of the two root file systems.
    public struct Root: Sendable {
        /// The image.
        public let image: any BlockDevice
        /// Its root hash.
        public let rootHash: SHA256Digest
        /// The salt of its tree.
        public let salt: [UInt8]

        /// Names a root file system.
        public init(image: any BlockDevice, rootHash: SHA256Digest, salt: [UInt8]) {
            self.image = image
            self.rootHash = rootHash
            self.salt = salt
        }
    }

    /// What was written.
    public struct Result: Sendable, Equatable {
        /// The whole pack.
        public let pack: ArtefactFacts
        /// Its head, with which the file begins.
        public let head: ArtefactFacts
        /// How many blocks the pack brings; the others are copied on the host.
        public let blockCount: Int
    }

    /// The zstd level of segments.
    public static let level = 19
    /// Old blocks that a segment refers to at most: 2 MiB.
    ///
    /// With 8 MiB packs have up to 3 % less, and take five
    /// times as long (docs/update-format.md).
    static let prefixBlocks = 512
    /// Bytes of segments that are kept before the file is written, as the head must come first.
    private static let sizeLimit = 512 << 20

    /// Writes a pack.
    ///
    /// The same images give the same bytes for any number of processors. Memory is about 100 MiB a processor, and the
    /// size of the pack.
    ///
    /// - Parameters:
    ///   - old: the release that hosts run.
    ///   - new: the release that they shall run.
    ///   - path: where the pack goes; the file must not exist.
    /// - Returns: nil where the pack would not be smaller than `limit` bytes or its head larger than hosts read, and
    ///   nothing is written.
    /// - Throws: `UpdateBlocksError`.
    public static func write(from old: Root, to new: Root, path: String, limit: UInt64 = .max) async throws
        -> Result?
    {
        let oldBlocks = try BlockFormat.blockCount(of: old.image.byteCount, name: old.image.name)
        let newBlocks = try BlockFormat.blockCount(of: new.image.byteCount, name: new.image.name)
        // Both with the new salt: the host re-hashes its old slot with it.
        let hasher = LeafHasher(salt: new.salt)
        try check(old)
        let (newLeaves, groups) = try HashedBlocks.withGroups(
            new.image,
            blockCount: newBlocks,
            hasher: hasher
        )
        try check(new, groups, hasher)
        let map = try PackMap(
            old: old.image,
            oldLeaves: HashedBlocks(hashing: old.image, blockCount: oldBlocks, hasher: hasher),
            new: new.image,
            newLeaves: newLeaves,
            zeroLeaf: hasher.zeroLeaf
        )
        let drafts = segments(of: map)
        let bodies = try await compress(drafts, old: old.image, new: new.image, limit: limit)
        guard let bodies else { return nil }
        let head = PackHead(
            from: old.rootHash,
            to: new.rootHash,
            oldBlockCount: oldBlocks,
            blockCount: newBlocks,
            leavesDigest: RootIndex.digest(of: newLeaves),
            runs: runs(of: map, count: newBlocks),
            segmentLeaves: map.missing.blocks.map { newLeaves[$0] },
            segments: zip(drafts, bodies).map { draft, body in
                PackHead.Segment(
                    blockCount: UInt32(draft.blockCount),
                    byteCount: UInt32(body.count),
                    sha256: SHA256Digest(hashing: body),
                    prefix: draft.prefix
                )
            }
        )
        // Of a very large root that is new from end to end hosts could not read the head.
        guard let start = try head.encoded(),
            UInt64(start.count + bodies.reduce(0) { $0 + $1.count }) < limit
        else { return nil }
        let file = try ArtefactFile(path: path)
        try file.write(start)
        for body in bodies { try file.write(body) }
        return Result(
            pack: try file.finish(),
            head: ArtefactFacts(size: UInt64(start.count), sha256: SHA256Digest(hashing: start)),
            blockCount: map.missing.count
        )
    }

    private static func check(_ root: Root) throws(UpdateBlocksError) {
        let blocks = try BlockFormat.blockCount(of: root.image.byteCount, name: root.image.name)
        let hasher = LeafHasher(salt: root.salt)
        try check(
            root,
            HashedBlocks.withGroups(root.image, blockCount: blocks, hasher: hasher).groups,
            hasher
        )
    }

    private static func check(_ root: Root, _ groups: [SHA256Digest], _ hasher: LeafHasher)
        throws(UpdateBlocksError)
    {
        let found = hasher.root(of: groups)
        guard found == root.rootHash else {
            throw .wrongRootHash(
                name: root.image.name,
                found: found?.hex ?? "none",
                expected: root.rootHash.hex
            )
        }
    }

    /// What a segment will hold, and what it refers to.
    private struct Draft: Sendable {
        let runs: [Range<Int>]
        let prefix: [Range<UInt32>]

        var blockCount: Int { runs.reduce(0) { $0 + $1.count } }
    }

    private static func segments(of map: PackMap) -> [Draft] {
        var drafts: [Draft] = []
        var current: [Range<Int>] = []
        var count = 0
        func end() {
            guard count > 0 else { return }
            let prefix = map.neighbourhood(of: current, limit: prefixBlocks)
            drafts.append(Draft(runs: current, prefix: prefix))
            current = []
            count = 0
        }
        for run in map.missing.runs {
            var rest = run
            while !rest.isEmpty {
                let part = rest.prefix(PackHead.maximumSegmentBlocks - count)
                current.append(part)
                count += part.count
                rest = rest.dropFirst(part.count)
                if count == PackHead.maximumSegmentBlocks { end() }
            }
        }
        end()
        return drafts
    }

    private static func runs(of map: PackMap, count: Int) -> [PackHead.Run] {
        var runs: [PackHead.Run] = []
        for block in 0..<count {
            let source: PackHead.Source
            if map.zero.contains(block) {
                source = .zero
            } else if let place = map.old[block] {
                source = .old(place)
            } else {
                source = .segments
            }
            if let last = runs.last, continues(last, with: source) {
                runs[runs.count - 1] = PackHead.Run(count: last.count + 1, source: last.source)
            } else {
                runs.append(PackHead.Run(count: 1, source: source))
            }
        }
        return runs
    }

    private static func continues(_ run: PackHead.Run, with source: PackHead.Source) -> Bool {
        switch (run.source, source) {
        case (.old(let first), .old(let place)): first + run.count == place
        case (.zero, .zero), (.segments, .segments): true
        default: false
        }
    }

    /// Compresses segments side by side; nil when they grow beyond the limit.
    private static func compress(
        _ drafts: [Draft],
        old: any BlockDevice,
        new: any BlockDevice,
        limit: UInt64
    ) async throws -> [[UInt8]]? {
        var bodies: [[UInt8]] = []
        var size = 0
        var start = 0
        while start < drafts.count {
            let end = min(start + 4 * WorkerThreads.processorCount, drafts.count)
            let done = try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
                for number in start..<end {
                    // So many at a time as there are processors: each takes much memory.
                    if number >= start + WorkerThreads.processorCount { break }
                    let draft = drafts[number]
                    group.addTask { (number, try compress(draft, old: old, new: new)) }
                }
                var next = min(start + WorkerThreads.processorCount, end)
                var result: [Int: [UInt8]] = [:]
                while let (number, body) = try await group.next() {
                    result[number] = body
                    guard next < end else { continue }
                    let (following, draft) = (next, drafts[next])
                    group.addTask { (following, try compress(draft, old: old, new: new)) }
                    next += 1
                }
                return result
            }
            for number in start..<end {
                let body = done[number] ?? []
                size += body.count
                bodies.append(body)
            }
            if UInt64(size) >= limit || size > sizeLimit { return nil }
            start = end
        }
        return bodies
    }

    private static func compress(_ draft: Draft, old: any BlockDevice, new: any BlockDevice) throws -> [UInt8]
    {
        let prefix = try bytes(of: draft.prefix.map { Int($0.lowerBound)..<Int($0.upperBound) }, old)
        let content = try bytes(of: draft.runs, new)
        var windowLog = 17
        while 1 << windowLog < prefix.count + content.count { windowLog += 1 }
        return try ZstdCompressor(level: level, windowLog: windowLog).compress(content, prefix: prefix)
    }

    private static func bytes(of runs: [Range<Int>], _ image: any BlockDevice) throws(BlockDeviceError)
        -> [UInt8]
    {
        var result: [UInt8] = []
        for run in runs {
            result += try image.read(
                at: UInt64(run.lowerBound * BlockFormat.blockSize),
                count: run.count * BlockFormat.blockSize
            )
        }
        return result
    }
}
