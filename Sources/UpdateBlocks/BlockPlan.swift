public import BlockDevices

/// Which blocks a slot needs, and where each of them comes from.
///
/// A pure value: it is made from hashes and sizes, and nothing was fetched or written for it.
public struct BlockPlan: Sendable, Equatable {
    /// By what means missing blocks are fetched.
    public enum Method: String, Sendable, Equatable {
        /// Nothing is missing.
        case none
        /// A static pack, and ranges for what it does not have.
        case pack
        /// Ranges of `root.zst`.
        case ranges
        /// All of `root.zst`, in one stream.
        case stream
    }

    /// Where a run of blocks comes from.
    public enum Source: Sendable, Equatable {
        /// The slot has it already.
        case inPlace
        /// It is all zeros.
        case zero
        /// The active slot has it, from this block on.
        case active(UInt32)
        /// A server has it.
        case fetch
    }

    /// Consecutive blocks from one source.
    public struct Run: Sendable, Equatable {
        /// The blocks of the new root.
        public let blocks: Range<UInt32>
        /// Where they come from.
        public let source: Source
    }

    /// What fetching costs besides the bytes themselves.
    public struct Costs: Sendable, Equatable {
        /// Bytes of a request and its answer's header.
        public var bytesPerRequest: UInt64 = 600
        /// Bytes that one more range takes in a request and its answer.
        public var bytesPerRange: UInt64 = 160
        /// Ranges a request at most.
        public var rangesPerRequest = 64

        /// The costs of HTTP/1.1.
        public init() {}
    }

    /// How many bytes each method would fetch from here on; nil where it is not possible or not known.
    public struct Estimates: Sendable, Equatable {
        /// By static pack.
        public var pack: UInt64?
        /// By ranges; not known before `root.index` was fetched.
        public var ranges: UInt64?
        /// By one stream.
        public var stream: UInt64

        /// Of a method.
        public func bytes(_ method: Method) -> UInt64? {
            switch method {
            case .none: 0
            case .pack: pack
            case .ranges: ranges
            case .stream: stream
            }
        }
    }

    /// Every block of the new root, in order.
    public let runs: [Run]
    /// How missing blocks are fetched.
    public let method: Method
    /// What each method would fetch.
    public let estimates: Estimates
    /// The blocks to fetch.
    public let fetched: BlockSet

    /// How many bytes the plan fetches.
    public var byteCount: UInt64 { estimates.bytes(method) ?? estimates.stream }

    /// How many blocks come from a source: `inPlace`, `zero`, `active` or `fetch`.
    public func blockCount(where matches: (Source) -> Bool) -> Int {
        runs.reduce(0) { $0 + (matches($1.source) ? $1.blocks.count : 0) }
    }

    /// What a plan is made from.
    struct Facts {
        let leaves: [UInt64]
        let zeroLeaf: UInt64
        /// Blocks that the slot has, in their places.
        let inPlace: BlockSet
        /// Blocks that must come from a server, whatever the slots have.
        let distrusted: BlockSet
        let lookup: BlockLookup
        /// Where the frames lie, if that is known.
        let frames: FrameTable?
        /// Bytes of `root.zst`.
        let streamSize: UInt64
        let pack: PackHead?
        let hasRanges: Bool
        let costs: Costs
    }

    /// Chooses a source for each block, and the method that fetches the fewest bytes.
    init(_ facts: Facts) {
        var runs: [Run] = []
        var fetched = BlockSet(capacity: facts.leaves.count)
        var next = 0
        for (block, leaf) in facts.leaves.enumerated() {
            let source: Source
            if facts.inPlace.contains(block) {
                source = .inPlace
                // What follows was most likely behind the same block of the active slot.
                next += 1
            } else if leaf == facts.zeroLeaf, !facts.distrusted.contains(block) {
                source = .zero
            } else if !facts.distrusted.contains(block),
                let place = facts.lookup.block(with: leaf, preferring: next)
            {
                source = .active(UInt32(place))
                next = place + 1
            } else {
                source = .fetch
                fetched.insert(block)
                next += 1
            }
            Self.append(UInt32(block), source, to: &runs)
        }
        self.runs = runs
        self.fetched = fetched
        let estimates = Self.estimates(facts, fetched)
        self.estimates = estimates
        guard fetched.count > 0 else {
            method = .none
            return
        }
        // In this order where they cost the same.
        let candidates: [Method] = [.pack, .ranges, .stream]
        method =
            candidates.min {
                (estimates.bytes($0) ?? .max) < (estimates.bytes($1) ?? .max)
            } ?? .stream
    }

    private static func append(_ block: UInt32, _ source: Source, to runs: inout [Run]) {
        if let last = runs.last {
            let continues =
                switch (last.source, source) {
                case (.active(let first), .active(let place)): first + UInt32(last.blocks.count) == place
                default: last.source == source
                }
            if continues {
                runs[runs.count - 1] = Run(blocks: last.blocks.lowerBound..<block + 1, source: last.source)
                return
            }
        }
        runs.append(Run(blocks: block..<block + 1, source: source))
    }

    private static func estimates(_ facts: Facts, _ fetched: BlockSet) -> Estimates {
        let request = facts.costs.bytesPerRequest
        var result = Estimates(
            pack: nil,
            ranges: nil,
            stream: fetched.count == 0 ? 0 : facts.streamSize + request
        )
        if facts.hasRanges, let frames = facts.frames {
            result.ranges = rangeBytes(frames, fetched, facts.costs)
        }
        if let pack = facts.pack {
            var rest = fetched
            var bytes: UInt64 = 0
            for (segment, runs) in zip(pack.segments, pack.segmentBlocks) {
                guard runs.contains(where: { fetched.containsAny($0) }) else { continue }
                bytes += UInt64(segment.byteCount)
                for run in runs { for block in run { rest.remove(block) } }
            }
            if rest.count == 0 {
                result.pack = bytes + request
            } else if facts.hasRanges, let frames = facts.frames {
                result.pack = bytes + request + rangeBytes(frames, rest, facts.costs)
            }
        }
        return result
    }

    static func rangeBytes(_ frames: FrameTable, _ blocks: BlockSet, _ costs: Costs) -> UInt64 {
        let runs = frames.runs(holding: blocks, gap: costs.bytesPerRange)
        let bytes = runs.reduce(UInt64(0)) {
            let range = frames.bytes(of: $1)
            return $0 + (range.upperBound - range.lowerBound)
        }
        let requests = (runs.count + max(1, costs.rangesPerRequest) - 1) / max(1, costs.rangesPerRequest)
        return bytes + UInt64(runs.count) * costs.bytesPerRange + UInt64(requests) * costs.bytesPerRequest
    }
}
