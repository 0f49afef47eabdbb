import JSON
import SettingsModel

/// Which keys the model of the settings has.
enum ModelKeys {
    /// Whether a key is the key of a setting, or of a group or map of settings.
    static func contains(_ key: SettingKey) -> Bool {
        var type = ValueType(Settings.self)
        for segment in key.segments {
            switch type.shape.form {
            case .group(let fields):
                guard let field = fields.first(where: { $0.name == segment }) else { return false }
                type = field.type
            case .map(let name, let value, _):
                var reader = SettingReader()
                guard name.check(.string(segment), &reader) != nil else { return false }
                type = value
            default: return false
            }
        }
        return true
    }

    /// Settings with every secret value replaced.
    static func withoutSecrets(_ json: JSONValue) -> JSONValue {
        withoutSecrets(json, ValueType(Settings.self).shape)
    }

    private static func withoutSecrets(_ json: JSONValue, _ shape: ValueShape) -> JSONValue {
        switch (shape.form, json) {
        case (.group(let fields), .object(let members)):
            let fields = Dictionary(fields.map { ($0.name, $0) }) { first, _ in first }
            return .object(
                Dictionary(
                    uniqueKeysWithValues: members.map { name, member in
                        guard let field = fields[name] else { return (name, member) }
                        return (
                            name,
                            field.isSecret ? "(secret)" : withoutSecrets(member, field.type.shape)
                        )
                    }
                )
            )
        case (.map(_, let value, _), .object(let members)):
            return .object(members.mapValues { withoutSecrets($0, value.shape) })
        case (.list(let element, _), .array(let elements)):
            return .array(elements.map { withoutSecrets($0, element) })
        case (.either(let shapes), _):
            // A value that has one of the forms has the secrets of that form.
            return shapes.reduce(json) { withoutSecrets($0, $1) }
        default: return json
        }
    }
}
