/// Durations as people write them in schedules and options: `4 hours`, `1 week`.
public enum DurationText {
    /// The longest duration that is accepted, in seconds: 10 years of 365 days.
    public static let longest: Int64 = 315_360_000

    /// The units, from the longest, and their seconds.
    private static let units: [(name: String, seconds: Int64)] = [
        ("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1),
    ]

    /// The seconds of a text such as `4 hours` or `1 day`: a whole number, blanks, and a unit with or without its `s`.
    ///
    /// - Throws: `RolloutError.badDuration` for any other text, and for more than ``longest``.
    public static func parse(_ text: String) throws(RolloutError) -> Int64 {
        let words = text.split(separator: " ")
        guard words.count == 2, words[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int64(words[0]),
            let unit = units.first(where: { words[1] == $0.name || words[1] == "\($0.name)s" })
        else { throw .badDuration(text) }
        let (seconds, overflow) = number.multipliedReportingOverflow(by: unit.seconds)
        guard !overflow, seconds <= longest else { throw .badDuration(text) }
        return seconds
    }

    /// The shortest text of a number of seconds: `36 hours`, `0 seconds`; ``parse(_:)`` reads it.
    public static func format(_ seconds: Int64) -> String {
        for unit in units where seconds != 0 && seconds % unit.seconds == 0 {
            let number = seconds / unit.seconds
            return "\(number) \(unit.name)\(number == 1 ? "" : "s")"
        }
        return "\(seconds) second\(seconds == 1 ? "" : "s")"
    }
}
