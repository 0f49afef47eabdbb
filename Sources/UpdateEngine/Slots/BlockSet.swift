/// A set of block numbers below a bound, a bit each: 64 KiB for a root of 2 GiB.
public struct BlockSet: Sendable, Equatable {
    /// Numbers in the set are below this one.
    public let bound: UInt64
    /// How many numbers are in the set.
    public private(set) var count: UInt64 = 0
    private var words: [UInt64]

    /// An empty set.
    public init(bound: UInt64) {
        self.bound = bound
        words = [UInt64](repeating: 0, count: Int((bound + 63) / 64))
    }

    /// The set of all numbers below a bound.
    public init(allBelow bound: UInt64) {
        self.init(bound: bound)
        for block in 0..<bound { insert(block) }
    }

    /// Whether a number is in the set.
    public func contains(_ block: UInt64) -> Bool {
        block < bound && words[Int(block / 64)] >> (block % 64) & 1 == 1
    }

    /// Adds a number; one that is not below the bound is left out.
    public mutating func insert(_ block: UInt64) {
        guard block < bound, !contains(block) else { return }
        words[Int(block / 64)] |= 1 << (block % 64)
        count += 1
    }

    /// Takes a number out.
    public mutating func remove(_ block: UInt64) {
        guard contains(block) else { return }
        words[Int(block / 64)] &= ~(1 << (block % 64))
        count -= 1
    }

    /// Whether no number is in the set.
    public var isEmpty: Bool { count == 0 }

    /// The lowest number, if there is one.
    public var first: UInt64? {
        guard let index = words.firstIndex(where: { $0 != 0 }) else { return nil }
        return UInt64(index) * 64 + UInt64(words[index].trailingZeroBitCount)
    }

    /// The set as ranges without gaps, ascending.
    public var ranges: [Range<UInt64>] {
        var ranges: [Range<UInt64>] = []
        for (index, word) in words.enumerated() where word != 0 {
            var rest = word
            while rest != 0 {
                let block = UInt64(index) * 64 + UInt64(rest.trailingZeroBitCount)
                rest &= rest - 1
                if let last = ranges.last, last.upperBound == block {
                    ranges[ranges.count - 1] = last.lowerBound..<block + 1
                } else {
                    ranges.append(block..<block + 1)
                }
            }
        }
        return ranges
    }
}
