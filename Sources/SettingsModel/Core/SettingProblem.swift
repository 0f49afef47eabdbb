public import JSON

/// Why one setting can't have the value that was given.
public struct SettingProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// The key, or the place inside of its value: `settings.dns.name-servers[1]`.
    public let key: String
    /// The value as JSON, shortened; nil when the key itself is the problem.
    public let value: String?
    /// What would be allowed.
    public let allowed: String

    /// A problem with a value.
    public init(key: String, value: JSONValue?, allowed: String) {
        self.key = Self.shown(key, limit: 200)
        self.value = value.map { Self.shown($0.description, limit: 80) }
        self.allowed = allowed
    }

    /// Which key, which value, and what is allowed.
    public var description: String {
        if let value { "\(key): \(value) is not allowed: \(allowed)" } else { "\(key): \(allowed)" }
    }

    /// Shortens a text and spells out the characters that would do something to a terminal or hide what is there.
    private static func shown(_ text: String, limit: Int) -> String {
        var shown = ""
        for (index, scalar) in text.unicodeScalars.enumerated() {
            guard index < limit else { return shown + "..." }
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse:
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }
}
