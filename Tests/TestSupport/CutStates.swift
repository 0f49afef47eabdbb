/// The states of a disk that a loss of power may leave, as lists of what reached the medium.
///
/// Writes of one flush interval reach it in any order and any part, in whole sectors; what was flushed is all there.
public struct CutStates {
    let events: [RecordedDisk.Event]
    /// States of an interval are tried completely up to this many writes, else drawn.
    public var completeUpTo = 7
    /// How many are drawn from a larger interval.
    public var drawn = 1000
    private var random: SplitMix

    /// Writes between two flushes.
    public struct Interval: Sendable {
        /// How many events of the log come before its first write.
        public let start: Int
        /// Its writes, in order.
        public let writes: [RecordedDisk.Event]
    }

    /// The states of a log, the same ones for the same seed.
    public init(_ events: [RecordedDisk.Event], seed: UInt64) {
        self.events = events
        random = SplitMix(state: seed)
    }

    /// The intervals of the log in which anything was written.
    public var intervals: [Interval] {
        var intervals: [Interval] = []
        var start = 0
        for end in events.indices.filter({ events[$0] == .flush }) + [events.count] {
            if start < end { intervals.append(Interval(start: start, writes: Array(events[start..<end]))) }
            start = end + 1
        }
        return intervals
    }

    /// Calls a function with each state: the disk as it was flushed last, and the writes since that reached it.
    ///
    /// The first state is the disk as it was, the last one has everything.
    public mutating func forEach(
        from disk: RecordedDisk,
        flushed: (RecordedDisk) throws -> Void = { _ in },
        _ body: (RecordedDisk, [RecordedDisk.Event]) throws -> Void
    ) throws {
        var durable = disk.copy()
        for interval in intervals {
            try flushed(durable)
            for state in states(of: interval) { try body(durable, state.part(of: interval.writes)) }
            durable = durable.applying(interval.writes)
        }
        try flushed(durable)
        try body(durable, [])
    }

    /// The states that a loss of power in an interval may leave.
    public mutating func states(of interval: Interval) -> [CutState] {
        let writes = interval.writes
        var states: [CutState] = []
        // Every prefix, the next write torn at every sector (large ones: at 40 places).
        for (index, write) in writes.enumerated() {
            states.append(CutState(.prefix(index)))
            let sectors = CutState.sectorCount(write)
            states += stride(from: 1, to: sectors, by: max(1, sectors / 40)).map {
                CutState(.torn(index, sectors: $0))
            }
            // And its sectors in another order: some of them, anywhere. One sector is there or not.
            guard sectors > 1 else { continue }
            for _ in 0..<8 { states.append(CutState(.scattered(index, seed: random.next()))) }
        }
        if writes.count <= completeUpTo {
            states += (0..<(1 << writes.count)).map { CutState(.subset($0)) }
            // Writes of one sector were tried in all combinations.
            if writes.allSatisfy({ CutState.sectorCount($0) <= 1 }) { return states }
        }
        let samples = writes.count <= completeUpTo ? 16 * writes.count : drawn
        for _ in 0..<samples { states.append(CutState(.drawn(seed: random.next()))) }
        return states
    }
}

/// What of an interval's writes reached the medium.
public struct CutState: Sendable, CustomStringConvertible {
    /// What is special about a state.
    public enum Kind: String, Sendable, CaseIterable {
        /// Whole writes in their order.
        case ordered
        /// The last of them is cut off after one of its sectors.
        case torn
        /// Later writes or sectors are there and earlier ones are not.
        case reordered
    }

    enum Choice: Equatable {
        /// So many writes.
        case prefix(Int)
        /// So many writes, and so many sectors of the next.
        case torn(Int, sectors: Int)
        /// So many writes, and some sectors of the next.
        case scattered(Int, seed: UInt64)
        /// The writes whose bit is set.
        case subset(Int)
        /// Some writes, of others some sectors.
        case drawn(seed: UInt64)
    }

    let choice: Choice

    init(_ choice: Choice) { self.choice = choice }

    /// What is special about it.
    public var kind: Kind {
        switch choice {
        case .prefix: .ordered
        case .torn: .torn
        case .scattered, .drawn: .reordered
        // Without a gap it is a prefix.
        case .subset(let mask): mask & (mask + 1) == 0 ? .ordered : .reordered
        }
    }

    /// Which writes are there.
    public var description: String {
        switch choice {
        case .prefix(let count): "\(count) writes"
        case .torn(let count, let sectors): "\(count) writes and \(sectors) sectors of the next"
        case .scattered(let count, let seed): "\(count) writes and some sectors of the next (seed \(seed))"
        case .subset(let mask): "the writes of the mask 0b\(String(mask, radix: 2))"
        case .drawn(let seed): "some writes and some sectors of others (seed \(seed))"
        }
    }

    /// What is written of the interval's writes.
    public func part(of writes: [RecordedDisk.Event]) -> [RecordedDisk.Event] {
        switch choice {
        case .prefix(let count): return Array(writes[..<count])
        case .torn(let count, let sectors):
            guard case .write(let offset, let bytes) = writes[count] else { return [] }
            return writes[..<count] + [.write(offset: offset, bytes: Array(bytes[..<(sectors * 512)]))]
        case .scattered(let count, let seed):
            var random = SplitMix(state: seed)
            return writes[..<count] + Self.scattered(writes[count], &random)
        case .subset(let mask): return writes.indices.filter { mask >> $0 & 1 == 1 }.map { writes[$0] }
        case .drawn(let seed):
            var random = SplitMix(state: seed)
            return writes.flatMap { write -> [RecordedDisk.Event] in
                switch random.next() % 4 {
                case 0: []
                case 1: Self.scattered(write, &random)
                default: [write]
                }
            }
        }
    }

    static func sectorCount(_ write: RecordedDisk.Event) -> Int {
        if case .write(_, let bytes) = write { (bytes.count + 511) / 512 } else { 0 }
    }

    /// Some of a write's sectors.
    private static func scattered(_ write: RecordedDisk.Event, _ random: inout SplitMix) -> [RecordedDisk
        .Event]
    {
        guard case .write(let offset, let bytes) = write, bytes.count > 512, offset.isMultiple(of: 512) else {
            return []
        }
        return stride(from: 0, to: bytes.count, by: 512).compactMap { start in
            random.next() % 2 == 0
                ? nil
                : .write(
                    offset: offset + UInt64(start),
                    bytes: Array(bytes[start..<min(start + 512, bytes.count)])
                )
        }
    }
}

/// The same numbers for the same seed (SplitMix64).
public struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    /// Numbers of a seed.
    public init(state: UInt64) { self.state = state }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
