public import JSON

extension Settings {
    /// The type of the document as a whole.
    public static let type = ValueType(Settings.self)

    /// The type of a key's value: of a setting, a group or a map; nil when there is no such key.
    ///
    /// The names of entries of maps need not be in use, only allowed: `settings.kernel.sysctl.some_name` has a type.
    public static func type(of key: SettingKey) -> ValueType? { walk(key)?.type }

    /// What is known about the setting that a key leads to; nil for entries of maps, and when there is no such key.
    public static func field(of key: SettingKey) -> FieldDescription? { walk(key)?.field }

    /// Whether the value of a key is a secret, has one inside of it, or is a part of one.
    static func isSecret(_ key: SettingKey) -> Bool {
        guard let end = walk(key) else { return false }
        return end.isInSecret || end.type.shape.hasSecrets
    }

    /// Follows a key through groups and maps.
    static func walk(_ key: SettingKey) -> (type: ValueType, field: FieldDescription?, isInSecret: Bool)? {
        var place: (type: ValueType, field: FieldDescription?, isInSecret: Bool) = (type, nil, false)
        for segment in key.segments {
            switch place.type.shape.form {
            case .group(let fields):
                guard let field = fields.first(where: { $0.name == segment }) else { return nil }
                place = (field.type, field, place.isInSecret || field.isSecret)
            case .map(let name, let value, _):
                guard name.name(segment) == segment else { return nil }
                place = (value, nil, place.isInSecret)
            default: return nil
            }
        }
        return place
    }
}

extension SettingsDocument {
    /// What stands in the place of a secret.
    public static let redaction: JSONValue = "***"

    /// Whether the value of a key is a secret or has one inside of it, so that it must not be shown as it is.
    public static func isSecret(_ key: SettingKey) -> Bool { Settings.isSecret(key) }

    /// The document for logs, events and reports: each secret is replaced by `***`, and nothing else is.
    public var redacted: SettingsDocument {
        SettingsDocument(
            Dictionary(
                uniqueKeysWithValues: values.map { key, value in
                    guard let end = Settings.walk(key) else { return (key, Self.redaction) }
                    return (key, end.isInSecret ? Self.redaction : end.type.shape.redacted(value))
                }
            )
        )
    }
}

extension ValueShape {
    /// A value of this shape, its secrets replaced.
    ///
    /// Where a value does not fit its shape (a document written by another version), all of it is replaced.
    fileprivate func redacted(_ value: JSONValue) -> JSONValue {
        guard hasSecrets else { return value }
        switch (form, value) {
        case (.list(let element, _), .array(let elements)):
            return .array(elements.map(element.redacted))
        case (.group(let fields), .object(let members)):
            let fields = Dictionary(fields.map { ($0.name, $0) }) { first, _ in first }
            return .object(
                Dictionary(
                    uniqueKeysWithValues: members.map { name, member in
                        guard let field = fields[name], !field.isSecret else {
                            return (name, SettingsDocument.redaction)
                        }
                        return (name, field.type.shape.redacted(member))
                    }
                )
            )
        case (.map(_, let type, _), .object(let members)):
            return .object(members.mapValues(type.shape.redacted))
        default: return SettingsDocument.redaction
        }
    }
}
