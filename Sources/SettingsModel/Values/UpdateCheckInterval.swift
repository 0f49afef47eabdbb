/// How often a host looks for updates by itself: hours and minutes, 10 minutes at least.
///
/// Fewer forms than `GoDuration` has: what is allowed is a pattern, so that the schema says all of it.
public struct UpdateCheckInterval: TextSetting, Hashable {
    /// The interval as it was given.
    public let text: String
    /// The interval in seconds.
    public let seconds: Int64

    /// Takes minutes (`30m`), hours (`6h`) or both (`1h30m`); nil for anything else, and for less than 10 minutes.
    public init?(_ text: String) {
        var rest = text[...]
        var seconds: Int64 = 0
        if let hours = rest.firstIndex(of: "h") {
            guard rest[..<hours].isNumber(in: 1...999) else { return nil }
            seconds = 3600 * (Int64(rest[..<hours]) ?? 0)
            rest = rest[rest.index(after: hours)...]
        }
        if !rest.isEmpty {
            guard rest.last == "m", rest.dropLast().isNumber(in: seconds == 0 ? 10...9999 : 0...59) else {
                return nil
            }
            seconds += 60 * (Int64(rest.dropLast()) ?? 0)
        }
        guard seconds > 0 else { return nil }
        self.text = text
        self.seconds = seconds
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "interval",
            allowed: "hours, minutes or both, such as 30m, 6h or 1h30m, and no less than 10m",
            form: .text(
                pattern: Pattern.whole("[1-9][0-9]{1,3}m|[1-9][0-9]{0,2}h(?:[1-5]?[0-9]m)?"),
                length: 2...7
            )
        )
    }
}
