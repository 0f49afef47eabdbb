public import JSON

/// A value of a setting: a type that checks itself and knows how to describe what it allows.
public protocol SettingValue: Sendable, Equatable {
    /// What is allowed: the one source of validation messages, the reference and the JSON Schema.
    static var shape: ValueShape { get }

    /// Reads the value; notes every fault in the reader and returns nil if there was one.
    static func read(_ json: JSONValue, _ reader: inout SettingReader) -> Self?

    /// The value as JSON; reading it gives the value again.
    var json: JSONValue { get }
}

/// A setting whose value is a text of a certain form: a host name, a URL, a version.
public protocol TextSetting: SettingValue, CustomStringConvertible {
    /// The text, in the form in which it is stored.
    var text: String { get }

    /// Takes a text that has the form; nil for any other.
    init?(_ text: String)
}

extension TextSetting {
    /// Reads a JSON string.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> Self? {
        guard let value = json.string.flatMap({ Self($0) }) else {
            reader.refuse(json, allowed: shape.allowed)
            return nil
        }
        return value
    }

    /// The text as a JSON string.
    public var json: JSONValue { .string(text) }

    /// The text.
    public var description: String { text }
}

extension Bool: SettingValue {
    /// `true` or `false`.
    public static var shape: ValueShape {
        ValueShape(name: "boolean", allowed: "true or false", form: .boolean)
    }

    /// Reads a JSON truth value.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> Bool? {
        if json.bool == nil { reader.refuse(json, allowed: shape.allowed) }
        return json.bool
    }

    /// The value as JSON.
    public var json: JSONValue { .bool(self) }
}

/// How many elements or entries a list or a map of settings may have.
let maximumCount = 10_000

extension Array: SettingValue where Element: SettingValue {
    /// A list.
    public static var shape: ValueShape {
        ValueShape(
            name: "list of \(Element.shape.name)",
            allowed: "a list; each element must be \(Element.shape.allowed)",
            form: .list(Element.shape, maximumCount: maximumCount)
        )
    }

    /// Reads a JSON array.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> [Element]? {
        guard let elements = json.elements, elements.count <= maximumCount else {
            reader.refuse(
                json,
                allowed: json.elements == nil ? shape.allowed : "at most \(maximumCount) elements"
            )
            return nil
        }
        var values: [Element] = []
        for (index, element) in elements.enumerated() {
            if let value = reader.inside(index, { Element.read(element, &$0) }) { values.append(value) }
        }
        return values.count == elements.count ? values : nil
    }

    /// The list as JSON.
    public var json: JSONValue { .array(map(\.json)) }
}

/// Settings under names that the user chooses: `host-containers.<name>`, `kernel.sysctl.<key>`.
public struct SettingMap<Name: TextSetting & Hashable, Value: SettingValue>: SettingValue {
    /// The values by their names.
    public var entries: [Name: Value]

    /// A map of entries.
    public init(_ entries: [Name: Value] = [:]) { self.entries = entries }

    /// The value under a name.
    public subscript(_ name: Name) -> Value? {
        get { entries[name] }
        set { entries[name] = newValue }
    }

    /// A map: each name and each value has its own form.
    public static var shape: ValueShape {
        ValueShape(
            name: "map of \(Value.shape.name)",
            allowed: "an object; each name must be \(Name.shape.allowed)",
            form: .map(name: ValueType(Name.self), value: ValueType(Value.self), maximumCount: maximumCount)
        )
    }

    /// Reads a JSON object.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> SettingMap? {
        guard let members = json.members, members.count <= maximumCount else {
            reader.refuse(
                json,
                allowed: json.members == nil ? shape.allowed : "at most \(maximumCount) entries"
            )
            return nil
        }
        var map = SettingMap()
        for (text, member) in members.sorted(by: { $0.key < $1.key }) {
            reader.inside(text) { reader in
                guard let name = Name(text) else {
                    return reader.refuse(nil, allowed: "the name must be \(Name.shape.allowed)")
                }
                guard map.entries[name] == nil else {
                    return reader.refuse(nil, allowed: "it is there twice, in two spellings: keep one")
                }
                if let value = Value.read(member, &reader) { map.entries[name] = value }
            }
        }
        return map.entries.count == members.count ? map : nil
    }

    /// The map as JSON.
    public var json: JSONValue {
        .object(Dictionary(uniqueKeysWithValues: entries.map { ($0.key.text, $0.value.json) }))
    }
}
