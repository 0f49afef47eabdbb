public import JSON

/// The reference of all settings, made from the model.
///
/// `make docs` writes both forms to docs/; a test fails when they are not what the model says.
public enum SettingsReference {
    /// A document in which every setting has its example as its value, and every map one entry at least.
    public static let example: JSONValue = example(of: Settings.type.shape)

    /// One setting of the reference: the names on the way to it, maps' entries under their example's name.
    struct Entry {
        var path: [Step]
        var field: FieldDescription
        var example: JSONValue

        enum Step: Equatable {
            case name(String)
            /// The name of an entry of a map, which the user chooses.
            case choice(String)
        }
    }

    /// The settings inside of a shape, in the order of the model.
    static func entries(of field: FieldDescription, at path: [Entry.Step]) -> [Entry] {
        let path = path + [.name(field.name)]
        switch field.type.shape.form {
        case .group(let fields): return fields.flatMap { entries(of: $0, at: path) }
        case .map(_, let value, _):
            let names = field.example?.members?.keys.sorted() ?? []
            if case .group(let fields) = value.shape.form {
                return names.prefix(1).flatMap { name in
                    fields.flatMap { entries(of: $0, at: path + [.choice(name)]) }
                }
            }
            // The entries of a map of values share one line of the reference.
            return names.prefix(1).map { name in
                Entry(
                    path: path + [.choice(name)],
                    field: field,
                    example: field.example?[name] ?? .null
                )
            }
        default: return [Entry(path: path, field: field, example: field.example ?? .null)]
        }
    }

    /// The example of a shape that has fields inside of it.
    private static func example(of shape: ValueShape) -> JSONValue {
        guard case .group(let fields) = shape.form else { return .null }
        var members: [String: JSONValue] = [:]
        for field in fields { members[field.name] = example(of: field) }
        return .object(members)
    }

    private static func example(of field: FieldDescription) -> JSONValue {
        switch field.type.shape.form {
        case .group: return example(of: field.type.shape)
        case .map(_, let value, _):
            guard case .group = value.shape.form else { return field.example ?? .object([:]) }
            return .object((field.example?.members ?? [:]).mapValues { _ in example(of: value.shape) })
        default: return field.example ?? .null
        }
    }
}
