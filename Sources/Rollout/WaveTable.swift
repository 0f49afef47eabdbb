/// The waves of one release: from which moment which seeds may take it.
///
/// A wave is the range of seeds from its own first seed to that of the next wave, and it lasts from its own start to
/// that of the next. Inside of it the hosts are spread evenly: host `seed` of a wave with seeds `a ..< b` and times
/// `s ..< e` may take the release at `s + (e - s) * (seed - a) / (b - a)`. The last wave lasts as long as the one before
/// it; a wave that is alone has no length: all hosts come at once. A table without waves is open to everybody.
///
/// All times are seconds since 1970, UTC.
public struct WaveTable: Sendable, Equatable {
    /// The start of a wave.
    public struct Start: Sendable, Equatable {
        /// The first seed of the wave; its last is the one before the first of the next wave.
        public let seed: Int
        /// When its first host may take the release.
        public let time: Int64

        /// States a start; ``WaveTable/init(_:)`` checks it.
        public init(seed: Int, time: Int64) {
            self.seed = seed
            self.time = time
        }
    }

    /// The waves in the order of their seeds, the first from seed 0; empty if the release is open to everybody.
    public let starts: [Start]

    /// The times that a wave may have: until the end of the year 9999.
    static let times: ClosedRange<Int64> = 0...253_402_300_799

    /// A release that everybody may take.
    public static let open = WaveTable()

    private init() { starts = [] }

    /// Takes waves in the order of their seeds.
    ///
    /// - Throws: `RolloutError.badTable` if the first seed is not 0, seeds or times do not grow, or a value is outside of
    ///   its range; there are at most ``WaveSchedule/waveLimit`` waves.
    public init(_ starts: [Start]) throws(RolloutError) {
        guard starts.count <= WaveSchedule.waveLimit else {
            throw .badTable(value: "\(starts.count) waves", allowed: "at most \(WaveSchedule.waveLimit)")
        }
        var previous: Start?
        for start in starts {
            guard Fleet.isSeed(start.seed), previous.map({ start.seed > $0.seed }) ?? (start.seed == 0) else {
                throw .badTable(
                    value: "\(start.seed)",
                    allowed: previous.map { "a seed from \($0.seed + 1) to \(Fleet.seedCount - 1)" }
                        ?? "seed 0 first"
                )
            }
            guard Self.times.contains(start.time), previous.map({ start.time > $0.time }) ?? true else {
                throw .badTable(value: "\(start.time)", allowed: "a time after that of the wave before")
            }
            previous = start
        }
        self.starts = starts
    }

    /// Applies a schedule.
    ///
    /// - Parameter time: when the release is scheduled, in seconds since 1970.
    /// - Throws: `RolloutError.badTable` for a time that no wave may have.
    public init(_ schedule: WaveSchedule, from time: Int64) throws(RolloutError) {
        guard Self.times.contains(time) else {
            throw .badTable(value: "\(time)", allowed: "a time before the year 10000")
        }
        var starts: [Start] = []
        var share = 0
        for wave in schedule.waves {
            starts.append(Start(seed: share * Fleet.seedCount / 100, time: time + wave.startAfter))
            share = wave.fleetPercentage
        }
        try self.init(starts)
    }

    /// When the last host may take the release, in seconds since 1970; nil if it is open to everybody.
    public var end: Int64? {
        guard let last = starts.last else { return nil }
        return starts.count < 2 ? last.time : last.time + (last.time - starts[starts.count - 2].time)
    }

    /// When a host may take the release, in seconds since 1970; nil if it is open to everybody.
    ///
    /// - Throws: `RolloutError.badSeed`.
    public func releaseTime(seed: Int) throws(RolloutError) -> Int64? {
        guard Fleet.isSeed(seed) else { throw .badSeed(seed) }
        guard let index = starts.lastIndex(where: { $0.seed <= seed }), let end else { return nil }
        let wave = starts[index]
        let isLast = index == starts.count - 1
        let (nextSeed, nextTime) =
            isLast ? (Fleet.seedCount, end) : (starts[index + 1].seed, starts[index + 1].time)
        // At most 2^38 seconds times 2^11 seeds.
        return wave.time + (nextTime - wave.time) * Int64(seed - wave.seed) / Int64(nextSeed - wave.seed)
    }
}
