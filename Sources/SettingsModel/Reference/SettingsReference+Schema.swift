public import JSON

extension SettingsReference {
    /// docs/settings.schema.json: JSON Schema 2020-12 of the document that `GET /settings` answers and user data holds
    /// inside of `settings`.
    ///
    /// It accepts everything that the model accepts. The model is stricter where a schema can't say it: the content of
    /// certificates and keys.
    public static var jsonSchema: JSONValue {
        var definitions = Definitions()
        var members = schema(of: Settings.type.shape, &definitions).members ?? [:]
        members["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        members["title"] = "Settings of a Bulkhead host"
        members["description"] = "Made from Sources/SettingsModel by 'make docs'."
        members["$defs"] = .object(definitions.schemas)
        return .object(members)
    }

    /// The text of docs/settings.schema.json.
    public static var jsonSchemaText: String { jsonSchema.prettyText + "\n" }

    /// The types with a name of their own, which the schema refers to.
    private struct Definitions {
        var schemas: [String: JSONValue] = [:]

        /// A reference to a definition; the schema itself where another type has the name.
        mutating func reference(_ name: String, _ schema: JSONValue) -> JSONValue {
            let slug = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
            guard schemas[slug, default: schema] == schema else { return schema }
            schemas[slug] = schema
            return ["$ref": .string("#/$defs/\(slug)")]
        }
    }

    private static func schema(of shape: ValueShape, _ definitions: inout Definitions) -> JSONValue {
        switch shape.form {
        case .boolean: return ["type": "boolean"]
        case .integer(let range):
            return definitions.reference(
                shape.name,
                [
                    "type": "integer", "minimum": .integer(range.lowerBound),
                    "maximum": .integer(range.upperBound), "description": .string(shape.allowed),
                ]
            )
        case .text(let pattern, let length):
            var members: [String: JSONValue] = [
                "type": "string", "minLength": .integer(Int64(length.lowerBound)),
                "maxLength": .integer(Int64(length.upperBound)), "description": .string(shape.allowed),
            ]
            if let pattern { members["pattern"] = .string(pattern) }
            return definitions.reference(shape.name, .object(members))
        case .choice(let words): return ["enum": .array(words.map { .string($0) })]
        case .list(let element, let count):
            return [
                "type": "array", "items": schema(of: element, &definitions),
                "maxItems": .integer(Int64(count)),
            ]
        case .tuple(let elements, let rest, let count):
            return [
                "type": "array", "prefixItems": .array(elements.map { schema(of: $0, &definitions) }),
                "items": rest.map { schema(of: $0, &definitions) } ?? false,
                "minItems": .integer(Int64(elements.count)), "maxItems": .integer(Int64(count)),
            ]
        case .either(let shapes):
            return ["anyOf": .array(shapes.map { schema(of: $0, &definitions) })]
        case .group(let fields):
            var properties: [String: JSONValue] = [:]
            for field in fields { properties[field.name] = schema(of: field, &definitions) }
            var members: [String: JSONValue] = [
                "type": "object", "properties": .object(properties), "additionalProperties": false,
            ]
            let required = fields.filter(\.isRequired).map { JSONValue.string($0.name) }
            if !required.isEmpty { members["required"] = .array(required) }
            if !shape.alternatives.isEmpty {
                members["anyOf"] = .array(
                    shape.alternatives.map { ["required": .array($0.map { .string($0) })] }
                )
            }
            return .object(members)
        case .map(let name, let value, let count):
            return [
                "type": "object", "propertyNames": schema(of: name.shape, &definitions),
                "additionalProperties": schema(of: value.shape, &definitions),
                "maxProperties": .integer(Int64(count)),
            ]
        }
    }

    private static func schema(of field: FieldDescription, _ definitions: inout Definitions) -> JSONValue {
        // 2020-12 lets annotations stand beside a reference.
        var members = schema(of: field.type.shape, &definitions).members ?? [:]
        members["description"] = .string(field.summary)
        if let example = field.example { members["examples"] = [example] }
        // As in OpenAPI, where it keeps a value from being shown.
        if field.isSecret { members["format"] = "password" }
        return .object(members)
    }
}
