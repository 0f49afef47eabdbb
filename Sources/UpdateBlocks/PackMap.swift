import BlockDevices

/// Which blocks of a new root an old one has, and where the others would have been in it.
struct PackMap {
    /// For each new block, the old block with the same bytes.
    let old: [UInt32?]
    /// New blocks that must travel.
    let missing: BlockSet
    /// New blocks of zeros.
    let zero: BlockSet
    /// Old blocks that no new block is a copy of: what was replaced.
    private let replaced: BlockSet
    /// Pairs of new and old numbers that both ascend: the common order of the two images.
    private let anchors: [(new: Int, old: Int)]
    private let oldCount: Int

    /// Finds old blocks by their truncated leaves and compares the bytes of each pair.
    init(
        old: any BlockDevice,
        oldLeaves: HashedBlocks,
        new: any BlockDevice,
        newLeaves: [UInt64],
        zeroLeaf: UInt64
    ) throws(UpdateBlocksError) {
        let lookup = BlockLookup(oldLeaves)
        var found = [UInt32?](repeating: nil, count: newLeaves.count)
        var missing = BlockSet(capacity: newLeaves.count)
        var zero = BlockSet(capacity: newLeaves.count)
        var next = 0
        for (block, leaf) in newLeaves.enumerated() {
            if leaf == zeroLeaf, try Self.isZero(new, block) {
                zero.insert(block)
            } else if let place = lookup.block(with: leaf, preferring: next), try Self.isSame(old, place, new, block) {
                found[block] = UInt32(place)
                next = place + 1
            } else {
                missing.insert(block)
                next += 1
            }
        }
        self.old = found
        self.missing = missing
        self.zero = zero
        oldCount = oldLeaves.leaves.count
        var replaced = BlockSet(capacity: oldLeaves.leaves.count)
        replaced.insert(0..<oldLeaves.leaves.count)
        for place in found { if let place { replaced.remove(Int(place)) } }
        for (block, leaf) in oldLeaves.leaves.enumerated() where leaf == zeroLeaf { replaced.remove(block) }
        self.replaced = replaced
        anchors = Self.longestAscent(found, oldCount: oldCount)
    }

    private static func isZero(_ image: any BlockDevice, _ block: Int) throws(UpdateBlocksError) -> Bool {
        let size = BlockFormat.blockSize
        do throws(BlockDeviceError) {
            return try image.read(at: UInt64(block * size), count: size).allSatisfy { $0 == 0 }
        } catch {
            throw .device(error)
        }
    }

    private static func isSame(_ old: any BlockDevice, _ place: Int, _ new: any BlockDevice, _ block: Int)
        throws(UpdateBlocksError) -> Bool
    {
        let size = BlockFormat.blockSize
        do throws(BlockDeviceError) {
            return try old.read(at: UInt64(place * size), count: size)
                == new.read(at: UInt64(block * size), count: size)
        } catch {
            throw .device(error)
        }
    }

    /// The longest sequence of found blocks whose old numbers ascend, by patience sorting.
    private static func longestAscent(_ found: [UInt32?], oldCount: Int) -> [(new: Int, old: Int)] {
        var tails: [Int] = []
        var previous = [Int](repeating: -1, count: found.count)
        for (block, place) in found.enumerated() {
            guard let place else { continue }
            var low = 0
            var high = tails.count
            while low < high {
                let middle = (low + high) / 2
                if let tail = found[tails[middle]], tail < place { low = middle + 1 } else { high = middle }
            }
            previous[block] = low > 0 ? tails[low - 1] : -1
            if low == tails.count { tails.append(block) } else { tails[low] = block }
        }
        var result: [(new: Int, old: Int)] = [(found.count, oldCount)]
        var block = tails.last ?? -1
        while block >= 0 {
            if let place = found[block] { result.append((block, Int(place))) }
            block = previous[block]
        }
        result.append((-1, -1))
        return result.reversed()
    }

    /// Where a new block would be in the old image, by its neighbours on both sides.
    private func expected(_ block: Int) -> Int {
        var low = 0
        var high = anchors.count - 1
        while high - low > 1 {
            let middle = (low + high) / 2
            if anchors[middle].new <= block { low = middle } else { high = middle }
        }
        let (before, after) = (anchors[low], anchors[high])
        let span = max(1, after.new - before.new)
        return before.old + (block - before.new) * (after.old - before.old) / span
    }

    /// The runs of old blocks that resemble runs of new ones most likely: around where they would have been.
    ///
    /// - Parameter limit: how many blocks they have together at most.
    func neighbourhood(of runs: [Range<Int>], limit: Int) -> [Range<UInt32>] {
        let places = runs.map { run in
            let start = min(max(expected(run.lowerBound), 0), oldCount - 1)
            return start..<min(max(expected(run.upperBound), start + 1), oldCount)
        }.sorted { $0.lowerBound < $1.lowerBound }
        var margin = oldCount
        while true {
            var union: [Range<Int>] = []
            for place in places {
                let range = max(0, place.lowerBound - margin)..<min(oldCount, place.upperBound + margin)
                if let last = union.last, range.lowerBound <= last.upperBound {
                    union[union.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
                } else {
                    union.append(range)
                }
            }
            let chosen = replacedRuns(in: union)
            if chosen.reduce(0, { $0 + $1.count }) <= limit, chosen.count <= PackHead.maximumPrefixRuns {
                return chosen.map { UInt32($0.lowerBound)..<UInt32($0.upperBound) }
            }
            if margin == 0 { return [] }
            margin = margin > 8 ? margin * 3 / 4 : margin - 1
        }
    }

    private func replacedRuns(in ranges: [Range<Int>]) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        for range in ranges {
            for block in range where replaced.contains(block) {
                if let last = runs.last, last.upperBound == block {
                    runs[runs.count - 1] = last.lowerBound..<block + 1
                } else {
                    runs.append(block..<block + 1)
                }
            }
        }
        return runs
    }
}
