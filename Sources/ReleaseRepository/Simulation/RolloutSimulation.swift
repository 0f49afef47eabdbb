public import Rollout

/// How a release reaches a fleet: a computation with made-up hosts, the same every time.
///
/// Every host draws its seed, the moment of its first look for updates, and its luck from SplitMix64 with the host's
/// number as the seed of that generator. It looks every `pollInterval` seconds and takes the release at its first look
/// at or after the time that the waves give its seed. A host whose draw is below the failure rate fails and goes back.
public struct RolloutSimulation: Sendable, Equatable {
    /// What is computed.
    public struct Parameters: Sendable, Equatable {
        /// The number of hosts.
        public var hosts: Int
        /// The share of hosts on which the release does not prove itself, 0 to 1.
        public var failureRate: Double
        /// Seconds between two looks of a host.
        public var pollInterval: Int64
        /// When the release is withdrawn, in seconds after `start`; nil if it is not.
        public var halt: Int64?

        /// Most hosts.
        public static let hostLimit = 10_000_000

        /// States what is computed.
        public init(hosts: Int, failureRate: Double = 0, pollInterval: Int64 = 3600, halt: Int64? = nil) {
            self.hosts = hosts
            self.failureRate = failureRate
            self.pollInterval = pollInterval
            self.halt = halt
        }
    }

    /// The fleet at one moment.
    public struct Sample: Sendable, Equatable, Encodable {
        /// Seconds after the release was scheduled.
        public let time: Int64
        /// Hosts that have taken the release, failed ones too.
        public let taken: Int
        /// Hosts on which it has failed.
        public let failed: Int
    }

    /// What was computed.
    public let parameters: Parameters
    /// When the release was scheduled, in seconds since 1970.
    public let start: Int64
    /// When waves start and the last one ends, in seconds after `start`.
    public let marks: [Int64]
    /// When each host takes the release in seconds after `start`, in rising order, and whether it fails; after a halt
    /// nobody does.
    public let events: [Event]

    /// A host takes the release.
    public struct Event: Sendable, Equatable {
        /// Seconds after the release was scheduled.
        public let time: Int64
        /// Whether it fails there.
        public let fails: Bool
    }

    /// Computes.
    ///
    /// - Throws: `RepositoryError.badValue` for parameters that make no sense.
    public init(_ waves: WaveTable, start: Int64, parameters: Parameters) throws(RepositoryError) {
        guard (1...Parameters.hostLimit).contains(parameters.hosts) else {
            throw .badValue(
                what: "the number of hosts",
                value: "\(parameters.hosts)",
                allowed: "1 to \(Parameters.hostLimit)"
            )
        }
        guard (0...1).contains(parameters.failureRate) else {
            throw .badValue(
                what: "the failure rate",
                value: "\(parameters.failureRate)",
                allowed: "0 to 1, such as 0.02"
            )
        }
        guard (1...DurationText.longest).contains(parameters.pollInterval) else {
            throw .badValue(
                what: "the poll interval",
                value: DurationText.format(parameters.pollInterval),
                allowed: "1 second to 10 years"
            )
        }
        var times: [Int64] = []
        for seed in 0..<Fleet.seedCount {
            do throws(RolloutError) {
                times.append(max(0, (try waves.releaseTime(seed: seed) ?? start) - start))
            } catch {
                throw .rollout(error)
            }
        }
        var events: [Event] = []
        events.reserveCapacity(parameters.hosts)
        for host in 0..<parameters.hosts {
            var random = SplitMix64(state: UInt64(host))
            let seed = Int(random.next() % UInt64(Fleet.seedCount))
            let phase = Int64(random.next() % UInt64(parameters.pollInterval))
            // 53 bits are what a Double holds exactly.
            let luck = Double(random.next() >> 11) / Double(1 << 53)
            let late = max(0, times[seed] - phase)
            let looks = (late + parameters.pollInterval - 1) / parameters.pollInterval
            let time = phase + looks * parameters.pollInterval
            if let halt = parameters.halt, time >= halt { continue }
            events.append(Event(time: time, fails: luck < parameters.failureRate))
        }
        self.parameters = parameters
        self.start = start
        self.events = events.sorted { ($0.time, $0.fails ? 1 : 0) < ($1.time, $1.fails ? 1 : 0) }
        marks = waves.starts.map { max(0, $0.time - start) } + (waves.end.map { [max(0, $0 - start)] } ?? [0])
    }

    /// The fleet at some moments, which must rise.
    public func samples(at times: [Int64]) -> [Sample] {
        var (index, failed) = (0, 0)
        return times.map { time in
            while index < events.count, events[index].time <= time {
                if events[index].fails { failed += 1 }
                index += 1
            }
            return Sample(time: time, taken: index, failed: failed)
        }
    }

    /// The fleet where waves start and end, at the halt, and when the last host has come.
    public var table: [Sample] {
        var times = Set(marks)
        if let halt = parameters.halt { times.insert(halt) }
        if let last = events.last { times.insert(last.time) }
        return samples(at: times.sorted())
    }
}

/// The generator of Steele, Lea and Flood, which a few lines in any language repeat.
struct SplitMix64 {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
