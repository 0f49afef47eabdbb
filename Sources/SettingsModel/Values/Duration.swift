/// A length of time as Go's `time.ParseDuration` reads it and kubelet takes it: `30s`, `1m30s`, `1.5h`.
public struct GoDuration: TextSetting, Hashable {
    /// The duration, as it was given.
    public let text: String

    /// Takes numbers with units that follow each other; nil for anything else, and for more than 292 years.
    public init?(_ text: String) {
        guard (2...64).contains(text.utf8.count) else { return nil }
        var rest = text[...]
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest[number.endIndex...]
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest[unit.endIndex...]
            guard let length = Self.units[String(unit)], Self.isDecimal(number), let count = Double(number)
            else { return nil }
            total += count * length
        }
        guard total < Double(Int64.max) else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "duration",
            allowed: "a duration such as 30s, 1m30s or 1.5h; the units are h, m, s, ms, us and ns",
            form: .text(
                pattern: Pattern.whole(#"(?:[0-9]+(?:\.[0-9]+)?(?:h|ms?|s|us|ns))+"#),
                length: 2...64
            )
        )
    }

    private static let units = ["h": 3.6e12, "m": 6e10, "s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0]

    private static func isDecimal(_ text: Substring) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).count <= 2
            && text.isList(separatedBy: ".") { $0.utf8.allSatisfy(\.isDigit) }
    }
}
