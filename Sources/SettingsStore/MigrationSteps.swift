public import JSON
public import SettingsModel

extension MigrationStep {
    /// A key, with everything inside of it, gets another name.
    ///
    /// For one setting as for a group or map. A value that already has the new name gives way.
    public static func rename(_ key: SettingKey, to other: SettingKey) -> MigrationStep {
        MigrationStep(forward: { move($0, key, other) }, backward: { move($0, other, key) })
    }

    /// A key, with everything inside of it, is gone from now on; back, nothing comes in its place.
    public static func remove(_ key: SettingKey) -> MigrationStep {
        MigrationStep(forward: { without($0, key) }, backward: { $0 })
    }

    /// A key is new, its value comes from the defaults; back, it goes with everything inside of it.
    public static func add(_ key: SettingKey) -> MigrationStep { remove(key).reversed }

    /// One value of a key is replaced by another; any other value stays.
    public static func replace(_ key: SettingKey, _ old: JSONValue, with new: JSONValue) -> MigrationStep {
        MigrationStep(
            forward: { map($0, at: key) { $0 == old ? new : $0 } },
            backward: { map($0, at: key) { $0 == new ? old : $0 } }
        )
    }

    /// The texts at a key and inside of it are mapped, also those in lists and objects.
    ///
    /// - Parameters:
    ///   - forward: the newer form of a text.
    ///   - backward: the older form of a text; must undo `forward`.
    public static func mapStrings(
        inside key: SettingKey,
        forward: @escaping @Sendable (String) -> String,
        backward: @escaping @Sendable (String) -> String
    ) -> MigrationStep {
        MigrationStep(
            forward: { map($0, inside: key, strings: forward) },
            backward: { map($0, inside: key, strings: backward) }
        )
    }

    /// The texts at a key and inside of it get a prefix, where they don't have it; back, they lose it.
    public static func addTextPrefix(_ prefix: String, inside key: SettingKey) -> MigrationStep {
        mapStrings(
            inside: key,
            forward: { $0.hasPrefix(prefix) ? $0 : prefix + $0 },
            backward: { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0 }
        )
    }

    /// The texts at a key and inside of it lose a prefix; back, they get it.
    public static func removeTextPrefix(_ prefix: String, inside key: SettingKey) -> MigrationStep {
        addTextPrefix(prefix, inside: key).reversed
    }

    private static func move(
        _ document: SettingsDocument,
        _ key: SettingKey,
        _ other: SettingKey
    ) -> SettingsDocument {
        let moved = document.inside(key)
        var result = without(document, key)
        for (old, value) in moved.values {
            result.values[SettingKey(other.segments + old.segments.dropFirst(key.segments.count))] = value
        }
        return result
    }

    private static func without(_ document: SettingsDocument, _ key: SettingKey) -> SettingsDocument {
        SettingsDocument(document.values.filter { !$0.key.isInside(key) })
    }

    private static func map(
        _ document: SettingsDocument,
        at key: SettingKey,
        _ body: (JSONValue) -> JSONValue
    ) -> SettingsDocument {
        var document = document
        if let value = document.values[key] { document.values[key] = body(value) }
        return document
    }

    private static func map(
        _ document: SettingsDocument,
        inside key: SettingKey,
        strings body: (String) -> String
    ) -> SettingsDocument {
        var document = document
        for (inner, value) in document.values where inner.isInside(key) {
            document.values[inner] = mapStrings(value, body)
        }
        return document
    }

    private static func mapStrings(_ json: JSONValue, _ body: (String) -> String) -> JSONValue {
        switch json {
        case .string(let text): .string(body(text))
        case .array(let elements): .array(elements.map { mapStrings($0, body) })
        case .object(let members): .object(members.mapValues { mapStrings($0, body) })
        case .null, .bool, .integer, .number: json
        }
    }
}
