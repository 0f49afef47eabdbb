public import JSON

/// A group of settings: a struct whose optional properties are its settings.
///
/// The list of fields is the one authority on names, types and documentation of the group.
public protocol SettingsGroup: SettingValue {
    /// The group with nothing set.
    init()

    /// The settings of the group, in the order of the reference.
    static var fields: [Field<Self>] { get }

    /// Sets of settings of which one at least must be given as a whole; empty, the default, if nothing must.
    ///
    /// Only for groups that are elements of a list: the settings of all others are set one by one.
    static var alternatives: [[String]] { get }
}

/// One setting of a group: its name, what it is for, and the property that holds it.
public struct Field<Group: Sendable>: Sendable {
    /// Everything the reference says.
    public let description: FieldDescription
    let read: @Sendable (JSONValue, inout SettingReader, inout Group) -> Bool
    let write: @Sendable (Group) -> JSONValue?

    /// A setting.
    ///
    /// - Parameters:
    ///   - name: in kebab case.
    ///   - property: the property that holds it; nil where it is not set.
    ///   - summary: one sentence for the reference.
    ///   - example: a value that is allowed; tests read it.
    ///   - secret: whether the value must not be shown in logs, events and reports.
    ///   - required: whether the group makes no sense without it. Only for groups that are elements of a list: the
    ///     settings of all others are set one by one.
    public init<Value: SettingValue>(
        _ name: String,
        _ property: any WritableKeyPath<Group, Value?> & Sendable,
        _ summary: String,
        example: JSONValue? = nil,
        secret: Bool = false,
        required: Bool = false
    ) {
        description = FieldDescription(
            name: name,
            summary: summary,
            example: example,
            isSecret: secret,
            isRequired: required,
            type: ValueType(Value.self)
        )
        read = { json, reader, group in
            guard let value = Value.read(json, &reader) else { return false }
            group[keyPath: property] = value
            return true
        }
        write = { $0[keyPath: property]?.json }
    }
}

extension SettingsGroup {
    /// Nothing must be given.
    public static var alternatives: [[String]] { [] }

    /// An object with the settings of the group.
    public static var shape: ValueShape {
        let needed = alternatives.isEmpty ? "" : "; it must have \(neededNames)"
        return ValueShape(
            name: "group",
            allowed: "an object with some of: \(names)\(needed)",
            form: .group(fields.map(\.description)),
            alternatives: alternatives
        )
    }

    /// Reads a JSON object; names that are no settings of the group are faults.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> Self? {
        guard let members = json.members else {
            reader.refuse(json, allowed: shape.allowed)
            return nil
        }
        var group = Self()
        var isGood = true
        let fields = Dictionary(Self.fields.map { ($0.description.name, $0) }) { first, _ in first }
        for (name, member) in members.sorted(by: { $0.key < $1.key }) {
            reader.inside(name) { reader in
                guard let field = fields[name] else {
                    isGood = false
                    return reader.refuse(nil, allowed: "there is no such setting; here there is: \(names)")
                }
                let outer = reader.hiding
                reader.hiding = outer.entering(field.description)
                defer { reader.hiding = outer }
                if !field.read(member, &reader, &group) { isGood = false }
            }
        }
        for field in Self.fields.map(\.description) where field.isRequired && members[field.name] == nil {
            isGood = false
            reader.inside(field.name) { $0.refuse(nil, allowed: "it must be given here") }
        }
        if !alternatives.isEmpty, !alternatives.contains(where: { $0.allSatisfy { members[$0] != nil } }) {
            isGood = false
            reader.refuse(nil, allowed: "it must have \(neededNames)")
        }
        return isGood ? group : nil
    }

    /// The settings that are set, as JSON.
    public var json: JSONValue {
        var members: [String: JSONValue] = [:]
        for field in Self.fields {
            if let value = field.write(self) { members[field.description.name] = value }
        }
        return .object(members)
    }

    private static var names: String { fields.map(\.description.name).joined(separator: ", ") }

    private static var neededNames: String {
        alternatives.map { $0.joined(separator: " and ") }.joined(separator: ", or ")
    }
}
