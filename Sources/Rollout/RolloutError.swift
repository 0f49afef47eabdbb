/// Why a schedule, a table of waves or a duration is not accepted.
public enum RolloutError: Error, Equatable, CustomStringConvertible {
    /// The schedule is no TOML.
    case notTOML(String)
    /// The schedule has no waves, too many, or something that no schedule has.
    case badSchedule(reason: String)
    /// A value of a wave is not allowed; waves are counted from 1, and so are lines (nil where it is not known).
    case badWave(wave: Int, line: Int?, key: String, value: String, allowed: String)
    /// A text is no duration.
    case badDuration(String)
    /// A table of waves in a release's metadata is damaged.
    case badTable(value: String, allowed: String)
    /// A member of a release's description in the metadata is missing or damaged.
    case badDescription(key: String, value: String, allowed: String)
    /// A seed is outside of the fleet.
    case badSeed(Int)

    /// What is wrong, with which value, and what to do.
    public var description: String {
        switch self {
        case .notTOML(let problem):
            return "the schedule is not TOML: \(problem)"
        case .badSchedule(let reason):
            return "the schedule cannot be used: \(reason)"
        case .badWave(let wave, let line, let key, let value, let allowed):
            let place = line.map { "line \($0), wave \(wave)" } ?? "wave \(wave)"
            return "\(place): '\(key)' is \(value); write \(allowed)"
        case .badDuration(let text):
            return
                "'\(Self.shown(text))' is no duration; write a whole number and a unit (seconds, minutes, hours, "
                + "days, weeks), such as '4 hours', of at most 10 years"
        case .badTable(let value, let allowed):
            return "the waves of the release have '\(Self.shown(value))' where there must be \(allowed); "
                + "schedule the release again"
        case .badDescription(let key, let value, let allowed):
            return
                "the release's '\(key)' in the metadata is \(Self.shown(value)), where there must be \(allowed); "
                + "publish the release again"
        case .badSeed(let seed):
            return "the seed \(seed) is outside of the fleet; use 0 to \(Fleet.seedCount - 1)"
        }
    }

    /// A value for a message: shortened and without control characters.
    static func shown(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(80) {
            result +=
                (0x20...0x7E).contains(scalar.value)
                ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
        }
        return result
    }
}
