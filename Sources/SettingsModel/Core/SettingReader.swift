public import JSON

/// Reads a JSON value as a setting and gathers everything that is wrong with it, not only the first fault.
public struct SettingReader {
    /// Problems are gathered up to this number, so that a hostile document can't make the answer huge.
    public static let maximumProblems = 200

    /// What is wrong so far.
    public private(set) var problems: [SettingProblem] = []
    /// How many problems there are beyond the gathered ones.
    public private(set) var omittedProblems = 0
    /// Which values problems may show.
    var hiding = Hiding.nothing

    private var path: [Step]

    /// A reader that begins at a key.
    public init(at key: SettingKey = SettingKey([])) { path = [.key(key)] }

    /// Where in the document the reader is.
    public var place: String {
        path.reduce(into: "") { text, step in
            switch step {
            case .key(let key): text += key.description
            case .name(let name): text += SettingKey([name]).description.dropFirst(SettingKey.root.count)
            case .index(let index): text += "[\(index)]"
            }
        }
    }

    /// All that is wrong: the gathered problems, and one that says how many there are beyond them.
    var allProblems: [SettingProblem] {
        guard omittedProblems > 0 else { return problems }
        let more = "\(omittedProblems) more values are not allowed; correct those above first"
        return problems + [SettingProblem(key: SettingKey.root, value: nil, allowed: more)]
    }

    /// Reads the value of a key.
    public mutating func at<Result>(_ key: SettingKey, _ body: (inout SettingReader) -> Result) -> Result {
        let outer = path
        path = [.key(key)]
        defer { path = outer }
        return body(&self)
    }

    /// Notes that a value is not allowed here.
    public mutating func refuse(_ value: JSONValue?, allowed: String) {
        guard problems.count < Self.maximumProblems else { return omittedProblems += 1 }
        problems.append(SettingProblem(key: place, value: value.map(hiding.shown), allowed: allowed))
    }

    /// Reads inside of a member of an object.
    public mutating func inside<Result>(_ name: String, _ body: (inout SettingReader) -> Result) -> Result {
        path.append(.name(name))
        defer { path.removeLast() }
        return body(&self)
    }

    /// Reads inside of an element of an array.
    public mutating func inside<Result>(_ index: Int, _ body: (inout SettingReader) -> Result) -> Result {
        path.append(.index(index))
        defer { path.removeLast() }
        return body(&self)
    }

    /// Tries to read without noting problems.
    func attempt<Result>(_ body: (inout SettingReader) -> Result?) -> Result? {
        var probe = SettingReader()
        return body(&probe)
    }

    private enum Step {
        case key(SettingKey)
        case name(String)
        case index(Int)
    }

    /// Which values may be shown where people and logs see them.
    enum Hiding {
        case nothing
        /// What may have a secret inside of it: texts, lists and objects.
        case contents
        /// The value is a secret.
        case everything

        /// What holds inside of a setting.
        func entering(_ field: FieldDescription) -> Hiding {
            if self == .everything || field.isSecret { return .everything }
            return field.type.shape.hasSecrets ? .contents : .nothing
        }

        func shown(_ value: JSONValue) -> JSONValue {
            switch (self, value) {
            case (.nothing, _), (.contents, .bool), (.contents, .integer), (.contents, .number),
                (.contents, .null):
                value
            default: SettingsDocument.redaction
            }
        }
    }
}
