import JSON
import TOML

/// How fast a release reaches the fleet: waves, each with a start and the share of the fleet that has come by its end.
///
/// The file is TOML in Bottlerocket's form:
///
/// ```toml
/// [[waves]]
/// start_after = '4 hours'
/// fleet_percentage = 5
/// ```
///
/// `start_after` counts from the time that the release is scheduled, `fleet_percentage` counts the hosts of this wave
/// and of all before it. Both grow from wave to wave, and the last wave ends at 100 %: what stops a release is
/// `withdraw`, not a schedule that forgets hosts.
public struct WaveSchedule: Sendable, Equatable {
    /// A wave.
    public struct Wave: Sendable, Equatable {
        /// When the wave starts, in seconds after the release is scheduled.
        public let startAfter: Int64
        /// The share of the fleet that this wave and those before it make together, in percent.
        public let fleetPercentage: Int

        /// States a wave; ``WaveSchedule/init(_:)`` checks it.
        public init(startAfter: Int64, fleetPercentage: Int) {
            self.startAfter = startAfter
            self.fleetPercentage = fleetPercentage
        }
    }

    /// The waves in the order of their starts; at least one.
    public let waves: [Wave]

    /// Most waves of a schedule: more would be finer than percents.
    public static let waveLimit = 100
    /// Largest file that is read, in bytes.
    public static let sizeLimit = 64 << 10

    /// The schedule of a release that names no other: 1 % after an hour, all within a week.
    public static let standard = WaveSchedule(unchecked: [
        (1, 1), (4, 5), (24, 15), (48, 40), (96, 60), (120, 90), (144, 100),
    ])

    private init(unchecked hours: [(after: Int64, percent: Int)]) {
        waves = hours.map { Wave(startAfter: $0.after * 3600, fleetPercentage: $0.percent) }
    }

    /// Takes waves in order.
    ///
    /// - Throws: `RolloutError.badSchedule` or `.badWave`.
    public init(_ waves: [Wave]) throws(RolloutError) {
        try self.init(waves, lines: [:])
    }

    /// Reads a schedule file.
    ///
    /// - Throws: `RolloutError.notTOML`, `.badSchedule` or `.badWave`, which names the line.
    public init(parsingTOML bytes: [UInt8]) throws(RolloutError) {
        let document: JSONValue
        do throws(TOMLError) {
            document = try JSONValue(
                parsingTOML: bytes,
                limits: JSONLimits(bytes: Self.sizeLimit, depth: 4, values: 8 * Self.waveLimit)
            )
        } catch {
            throw .notTOML("\(error)")
        }
        guard let tables = document["waves"]?.elements else {
            throw .badSchedule(
                reason: "it has no [[waves]]; write at least one, with start_after and fleet_percentage"
            )
        }
        for name in (document.members ?? [:]).keys.sorted() where name != "waves" {
            throw .badSchedule(
                reason: "'\(RolloutError.shown(name))' means nothing here; write [[waves]] only"
            )
        }
        let lines = LineFinder(bytes)
        var waves: [Wave] = []
        for (index, table) in tables.enumerated() {
            waves.append(try Self.wave(table, index: index, lines: lines))
        }
        try self.init(waves, lines: lines.all)
    }

    private init(_ waves: [Wave], lines: [LineFinder.Place: Int]) throws(RolloutError) {
        guard !waves.isEmpty else { throw .badSchedule(reason: "it has no waves; write at least one") }
        guard waves.count <= Self.waveLimit else {
            throw .badSchedule(reason: "it has \(waves.count) waves; write at most \(Self.waveLimit)")
        }
        var previous: Wave?
        for (index, wave) in waves.enumerated() {
            let floor = previous.map(\.startAfter)
            if wave.startAfter < 0 || wave.startAfter > DurationText.longest
                || floor.map({ wave.startAfter <= $0 }) ?? false
            {
                throw .badWave(
                    wave: index + 1,
                    line: lines[.init(wave: index, key: "start_after")],
                    key: "start_after",
                    value: "'\(DurationText.format(wave.startAfter))'",
                    allowed: floor.map { "more than the '\(DurationText.format($0))' of the wave before" }
                        ?? "a duration of at most 10 years"
                )
            }
            let least = (previous?.fleetPercentage ?? 0) + 1
            let isLast = index == waves.count - 1
            guard wave.fleetPercentage >= least, wave.fleetPercentage <= 100,
                isLast == (wave.fleetPercentage == 100)
            else {
                throw .badWave(
                    wave: index + 1,
                    line: lines[.init(wave: index, key: "fleet_percentage")],
                    key: "fleet_percentage",
                    value: "\(wave.fleetPercentage)",
                    allowed: isLast
                        ? "100, for it is the last wave and all hosts must have come"
                        : least < 100
                            ? "\(least) to 99, for it counts the waves before with it, and others follow"
                            : "less in the waves before, for others follow"
                )
            }
            previous = wave
        }
        self.waves = waves
    }

    private static func wave(_ table: JSONValue, index: Int, lines: LineFinder) throws(RolloutError) -> Wave {
        func bad(_ key: String, _ value: JSONValue?, _ allowed: String) -> RolloutError {
            .badWave(
                wave: index + 1,
                line: lines.all[.init(wave: index, key: key)] ?? lines.all[.init(wave: index, key: "")],
                key: RolloutError.shown(key),
                value: value.map { RolloutError.shown($0.description) } ?? "missing",
                allowed: allowed
            )
        }
        guard let members = table.members else { throw bad("waves", table, "[[waves]] before each wave") }
        for name in members.keys.sorted() where name != "start_after" && name != "fleet_percentage" {
            throw bad(name, members[name], "start_after and fleet_percentage only")
        }
        guard let text = members["start_after"]?.string, let seconds = try? DurationText.parse(text) else {
            throw bad(
                "start_after",
                members["start_after"],
                "a duration such as '4 hours', of at most 10 years"
            )
        }
        guard let percentage = members["fleet_percentage"]?.integer, (1...100).contains(percentage) else {
            throw bad("fleet_percentage", members["fleet_percentage"], "a whole number from 1 to 100")
        }
        return Wave(startAfter: seconds, fleetPercentage: Int(percentage))
    }
}

/// On which line a schedule sets a key; the parser's values no longer know.
///
/// It understands what schedules look like when they are written a key a line; of others the lines stay unknown, and a
/// message names the wave only.
struct LineFinder {
    /// A key of a wave, which is counted from 0; the key "" is its heading.
    struct Place: Hashable {
        let wave: Int
        let key: String
    }

    /// The lines, counted from 1.
    private(set) var all: [Place: Int] = [:]

    init(_ bytes: [UInt8]) {
        var wave = -1
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let text = String(decoding: line, as: UTF8.self).filter { $0 != " " && $0 != "\t" && $0 != "\r" }
            if text.hasPrefix("[[waves]]") {
                wave += 1
                all[Place(wave: wave, key: "")] = index + 1
            } else if wave >= 0, let equals = text.firstIndex(of: "=") {
                all[Place(wave: wave, key: String(text[..<equals]))] = index + 1
            }
        }
    }
}
