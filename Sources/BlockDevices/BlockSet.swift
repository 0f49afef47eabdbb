/// A set of block numbers, a bit each: 64 KiB for a root of 2 GiB.
public struct BlockSet: Sendable, Equatable {
    /// The block numbers are below this.
    public let capacity: Int
    /// How many blocks are in the set.
    public private(set) var count = 0
    private var words: [UInt64]

    /// An empty set of block numbers below a capacity.
    public init(capacity: Int) {
        self.capacity = capacity
        words = [UInt64](repeating: 0, count: (capacity + 63) / 64)
    }

    /// The set of all block numbers below a capacity.
    public init(allBelow capacity: Int) {
        self.init(capacity: capacity)
        for index in words.indices {
            words[index] = index < capacity / 64 ? .max : 1 << UInt64(capacity % 64) - 1
        }
        count = capacity
    }

    /// Whether no block is in the set.
    public var isEmpty: Bool { count == 0 }

    /// The lowest block, if there is one.
    public var first: Int? {
        words.firstIndex { $0 != 0 }.map { $0 * 64 + words[$0].trailingZeroBitCount }
    }

    /// Whether a block is in the set; one beyond the capacity never is.
    public func contains(_ block: Int) -> Bool {
        guard block >= 0, block < capacity else { return false }
        return words[block / 64] >> UInt64(block % 64) & 1 == 1
    }

    /// Adds a block; one beyond the capacity is ignored.
    public mutating func insert(_ block: Int) {
        guard block >= 0, block < capacity, !contains(block) else { return }
        words[block / 64] |= 1 << UInt64(block % 64)
        count += 1
    }

    /// Adds a run of blocks.
    public mutating func insert(_ blocks: Range<Int>) {
        for block in blocks { insert(block) }
    }

    /// Takes a block out.
    public mutating func remove(_ block: Int) {
        guard contains(block) else { return }
        words[block / 64] &= ~(1 << UInt64(block % 64))
        count -= 1
    }

    /// Adds all blocks of another set.
    public mutating func formUnion(_ other: BlockSet) {
        for block in other.blocks { insert(block) }
    }

    /// Whether any block of a run is in the set.
    public func containsAny(_ blocks: Range<Int>) -> Bool { blocks.contains { contains($0) } }

    /// The blocks in order.
    public var blocks: some Sequence<Int> {
        (0..<capacity).lazy.filter { contains($0) }
    }

    /// The blocks as runs of consecutive numbers, in order.
    public var runs: [Range<Int>] {
        var result: [Range<Int>] = []
        var position = 0
        while position < capacity {
            // Most words of a sparse set are empty.
            if position % 64 == 0, words[position / 64] == 0 {
                position += 64
                continue
            }
            guard contains(position) else {
                position += 1
                continue
            }
            let start = position
            while contains(position) { position += 1 }
            result.append(start..<position)
        }
        return result
    }
}
