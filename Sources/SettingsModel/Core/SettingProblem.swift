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
        self.key = key
        self.value = value.map { Self.shortened($0.description) }
        self.allowed = allowed
    }

    /// Which key, which value, and what is allowed.
    public var description: String {
        if let value { "\(key): \(value) is not allowed: \(allowed)" } else { "\(key): \(allowed)" }
    }

    private static func shortened(_ text: String) -> String {
        text.count <= 80 ? text : text.prefix(77) + "..."
    }
}

/// Reads a JSON value as a setting and gathers everything that is wrong with it, not only the first fault.
public struct SettingReader {
    /// Problems are gathered up to this number, so that a hostile document can't make the answer huge.
    public static let maximumProblems = 200

    /// What is wrong so far.
    public private(set) var problems: [SettingProblem] = []
    /// Where in the document the reader is.
    public private(set) var place: String

    /// A reader that begins at a key.
    public init(at key: SettingKey = SettingKey([])) { place = key.description }

    /// Reads the value of a key.
    public mutating func at<Result>(_ key: SettingKey, _ body: (inout SettingReader) -> Result) -> Result {
        let outer = place
        place = key.description
        defer { place = outer }
        return body(&self)
    }

    /// Notes that a value is not allowed here.
    public mutating func refuse(_ value: JSONValue?, allowed: String) {
        guard problems.count < Self.maximumProblems else { return }
        problems.append(SettingProblem(key: place, value: value, allowed: allowed))
    }

    /// Reads inside of a member of an object.
    public mutating func inside<Result>(_ name: String, _ body: (inout SettingReader) -> Result) -> Result {
        inside(suffix: String(SettingKey([name]).description.dropFirst(SettingKey.root.count)), body)
    }

    /// Reads inside of an element of an array.
    public mutating func inside<Result>(_ index: Int, _ body: (inout SettingReader) -> Result) -> Result {
        inside(suffix: "[\(index)]", body)
    }

    private mutating func inside<Result>(suffix: String, _ body: (inout SettingReader) -> Result) -> Result {
        let outer = place
        place += suffix
        defer { place = outer }
        return body(&self)
    }
}
