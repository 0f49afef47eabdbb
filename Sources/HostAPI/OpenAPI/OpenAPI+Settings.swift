internal import JSON
internal import SettingsModel

extension OpenAPI {
    /// The JSON Schema of settings, as `SettingsReference` makes it from the model, with its named types beside it.
    ///
    /// In an OpenAPI document a reference starts at the document's root, so the types move from the schema's own
    /// `$defs` to `components/schemas`, under names that begin with `setting-`.
    static let settingsSchemas: [String: JSONValue] = {
        var settings = SettingsReference.jsonSchema.members ?? [:]
        let types = settings.removeValue(forKey: "$defs")?.members ?? [:]
        settings["$schema"] = nil
        var schemas = ["Settings": moved(.object(settings))]
        for (name, type) in types { schemas["setting-\(name)"] = moved(type) }
        return schemas
    }()

    private static func moved(_ json: JSONValue) -> JSONValue {
        switch json {
        case .object(var members):
            // Examples are values, not schemas: what looks like a reference in them is none.
            let examples = members.removeValue(forKey: "examples")
            members = members.mapValues(moved)
            members["examples"] = examples
            let start = "#/$defs/"
            if let reference = members["$ref"]?.string, reference.hasPrefix(start) {
                members["$ref"] = .string("#/components/schemas/setting-\(reference.dropFirst(start.count))")
            }
            return .object(members)
        case .array(let elements): return .array(elements.map(moved))
        default: return json
        }
    }
}
