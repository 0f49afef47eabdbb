import BlockDevices
public import Hashing
import Bytes
import Zstd

/// The first part of a static pack: where each block of the new root file system comes from.
///
/// A pack leads from one release to another. Most blocks are copied from the old root; the rest are in segments, which
/// are compressed with references to blocks of the old root.
public struct PackHead: Sendable, Equatable {
    /// Where a run of blocks of the new root comes from.
    public enum Source: Sendable, Equatable {
        /// The blocks of the old root from this one on.
        case old(UInt32)
        /// Blocks of zeros.
        case zero
        /// The next blocks of the segments.
        case segments
    }

    /// A run of blocks of the new root.
    public struct Run: Sendable, Equatable {
        /// How many blocks.
        public let count: UInt32
        /// Where they come from.
        public let source: Source
    }

    /// A piece of the pack that is one zstd frame.
    public struct Segment: Sendable, Equatable {
        /// How many blocks it holds.
        public let blockCount: UInt32
        /// Its compressed size in bytes.
        public let byteCount: UInt32
        /// The digest of its compressed bytes.
        public let sha256: SHA256Digest
        /// The blocks of the old root that it refers to, one run behind the other.
        public let prefix: [Range<UInt32>]
    }

    /// The root hash of the old root.
    public let from: SHA256Digest
    /// The root hash of the new root.
    public let to: SHA256Digest
    /// Blocks of the old root.
    public let oldBlockCount: Int
    /// Blocks of the new root.
    public let blockCount: Int
    /// `RootIndex.digest(of:)` of the new root's truncated leaves.
    public let leavesDigest: SHA256Digest
    /// All blocks of the new root in order.
    public let runs: [Run]
    /// The truncated leaf of each block that is in the segments, in order.
    public let segmentLeaves: [UInt64]
    /// The segments in order.
    public let segments: [Segment]

    /// Most blocks of a segment: 1 MiB.
    public static let maximumSegmentBlocks = 256
    /// Most blocks of old roots that a segment refers to: 8 MiB.
    public static let maximumPrefixBlocks = 2048
    /// Most bytes of a head, compressed or not.
    public static let sizeLimit = 24 << 20

    init(
        from: SHA256Digest,
        to: SHA256Digest,
        oldBlockCount: Int,
        blockCount: Int,
        leavesDigest: SHA256Digest,
        runs: [Run],
        segmentLeaves: [UInt64],
        segments: [Segment]
    ) {
        self.from = from
        self.to = to
        self.oldBlockCount = oldBlockCount
        self.blockCount = blockCount
        self.leavesDigest = leavesDigest
        self.runs = runs
        self.segmentLeaves = segmentLeaves
        self.segments = segments
    }

    /// The truncated leaves of the whole new root, as they follow from the old slot's blocks as they are.
    ///
    /// - Parameters:
    ///   - old: the old slot, hashed with the new release's salt.
    ///   - zeroLeaf: the truncated leaf of a block of zeros.
    /// - Returns: nil where the old slot is not what the pack was made for: a block of it is damaged.
    public func leaves(from old: HashedBlocks, zeroLeaf: UInt64) -> [UInt64]? {
        var leaves: [UInt64] = []
        leaves.reserveCapacity(blockCount)
        var next = 0
        for run in runs {
            switch run.source {
            case .zero: leaves += repeatElement(zeroLeaf, count: Int(run.count))
            case .segments:
                leaves += segmentLeaves[next..<next + Int(run.count)]
                next += Int(run.count)
            case .old(let first):
                let blocks = Int(first)..<Int(first) + Int(run.count)
                guard blocks.upperBound <= old.leaves.count, !old.unreadable.containsAny(blocks) else {
                    return nil
                }
                leaves += old.leaves[blocks]
            }
        }
        return RootIndex.digest(of: leaves) == leavesDigest ? leaves : nil
    }

    /// The blocks of the new root that are in each segment, as runs.
    public var segmentBlocks: [[Range<Int>]] {
        var result: [[Range<Int>]] = []
        var left = runs.makeIterator()
        var position = 0
        var pending: Range<Int> = 0..<0
        for segment in segments {
            var blocks: [Range<Int>] = []
            var wanted = Int(segment.blockCount)
            while wanted > 0 {
                while pending.isEmpty {
                    guard let run = left.next() else { return result }
                    if case .segments = run.source { pending = position..<position + Int(run.count) }
                    position += Int(run.count)
                }
                let count = min(wanted, pending.count)
                blocks.append(pending.prefix(count))
                pending = pending.dropFirst(count)
                wanted -= count
            }
            result.append(blocks)
        }
        return result
    }
}
