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

    /// The states of a log, the same ones for the same seed.
    public init(_ events: [RecordedDisk.Event], seed: UInt64) {
        self.events = events
        random = SplitMix(state: seed)
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
        var interval: [RecordedDisk.Event] = []
        for event in events + [.flush] {
            if case .write = event {
                interval.append(event)
                continue
            }
            if interval.isEmpty { continue }
            try flushed(durable)
            for state in states(of: interval) { try body(durable, state) }
            durable = durable.applying(interval)
            interval = []
        }
        try flushed(durable)
        try body(durable, [])
    }

    private mutating func states(of writes: [RecordedDisk.Event]) -> [[RecordedDisk.Event]] {
        var states: [[RecordedDisk.Event]] = []
        // Every prefix, the next write torn at every sector (large ones: at 40 places).
        for (index, write) in writes.enumerated() {
            states.append(Array(writes[..<index]))
            for torn in Self.torn(write) { states.append(Array(writes[..<index]) + torn) }
            // And its sectors in another order: some of them, anywhere. One sector is there or not.
            guard Self.sectorCount(write) > 1 else { continue }
            for _ in 0..<8 { states.append(Array(writes[..<index]) + scattered(write)) }
        }
        if writes.count <= completeUpTo {
            for mask in 0..<(1 << writes.count) {
                let chosen = writes.indices.filter { mask >> $0 & 1 == 1 }.map { writes[$0] }
                states.append(chosen)
            }
        }
        // Writes of one sector were tried in all combinations.
        if writes.count <= completeUpTo, writes.allSatisfy({ Self.sectorCount($0) <= 1 }) { return states }
        let samples = writes.count <= completeUpTo ? 16 * writes.count : drawn
        for _ in 0..<samples {
            states.append(
                writes.flatMap { write -> [RecordedDisk.Event] in
                    switch random.next() % 4 {
                    case 0: []
                    case 1: scattered(write)
                    default: [write]
                    }
                }
            )
        }
        return states
    }

    private static func sectorCount(_ write: RecordedDisk.Event) -> Int {
        if case .write(_, let bytes) = write { (bytes.count + 511) / 512 } else { 0 }
    }

    /// A write cut off after each of its sectors.
    private static func torn(_ write: RecordedDisk.Event) -> [[RecordedDisk.Event]] {
        guard case .write(let offset, let bytes) = write else { return [] }
        let sectors = bytes.count / 512
        let step = max(1, sectors / 40)
        return stride(from: 1, to: sectors, by: step).map {
            [.write(offset: offset, bytes: Array(bytes[..<($0 * 512)]))]
        }
    }

    /// Some of a write's sectors.
    private mutating func scattered(_ write: RecordedDisk.Event) -> [RecordedDisk.Event] {
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
