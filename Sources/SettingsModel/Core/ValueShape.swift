public import JSON

/// What a value of a setting may be, in words and as JSON Schema understands it.
public struct ValueShape: Sendable {
    /// The form of a value, as far as JSON Schema can say it.
    public indirect enum Form: Sendable {
        case boolean
        case integer(ClosedRange<Int64>)
        /// Text of so many characters; the pattern is one of ECMA-262, as JSON Schema wants it.
        case text(pattern: String?, length: ClosedRange<Int>)
        case choice([String])
        case list(ValueShape, maximumCount: Int)
        /// A list whose first elements each have a form of their own; without a rest it ends there.
        case tuple([ValueShape], rest: ValueShape?, maximumCount: Int)
        case group([FieldDescription])
        case map(name: ValueType, value: ValueType, maximumCount: Int)
        /// More than one JSON type is read, such as a number or its text.
        case either([ValueShape])
    }

    /// The name of the type in the reference: "host name".
    public let name: String
    /// What is allowed, as the end of a message: "1 to 63 letters, digits and '-'".
    public let allowed: String
    /// The form.
    public let form: Form
    /// Of a group: sets of its settings of which one at least must be given as a whole; none if nothing must.
    public let alternatives: [[String]]
    /// Whether a part of the value is a secret.
    public let hasSecrets: Bool

    /// A shape.
    public init(name: String, allowed: String, form: Form, alternatives: [[String]] = []) {
        self.name = name
        self.alternatives = alternatives
        self.allowed = allowed
        self.form = form
        hasSecrets =
            switch form {
            case .boolean, .integer, .text, .choice: false
            case .list(let element, _): element.hasSecrets
            case .tuple(let elements, let rest, _):
                elements.contains(where: \.hasSecrets) || rest?.hasSecrets == true
            case .group(let fields): fields.contains { $0.isSecret || $0.type.shape.hasSecrets }
            case .map(_, let value, _): value.shape.hasSecrets
            case .either(let shapes): shapes.contains(where: \.hasSecrets)
            }
    }
}

/// A type of values: its shape, and how a value is checked.
public struct ValueType: Sendable {
    /// What is allowed.
    public let shape: ValueShape
    /// Checks a value and returns it in the form in which it is stored; nil, with faults in the reader, if it is bad.
    public let check: @Sendable (JSONValue, inout SettingReader) -> JSONValue?

    /// The type of a Swift type.
    public init<Value: SettingValue>(_ type: Value.Type) {
        shape = Value.shape
        check = { Value.read($0, &$1)?.json }
    }
}

/// What is known about one setting of a group.
public struct FieldDescription: Sendable {
    /// The name, in kebab case, as in `host-containers`.
    public let name: String
    /// One sentence for the reference and the schema.
    public let summary: String
    /// A value to show; nil for groups.
    public let example: JSONValue?
    /// Whether the value must not be shown in logs, events and reports.
    public let isSecret: Bool
    /// Whether an element of a list is refused without it.
    public let isRequired: Bool
    /// What is allowed, and how it is checked.
    public let type: ValueType
}
