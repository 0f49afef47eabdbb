internal import JSON
internal import SettingsModel

extension OpenAPI {
    /// The JSON Schema of settings, made from the model.
    static var settingsSchema: JSONValue { schema(of: Settings.shape) }

    private static func schema(of shape: ValueShape) -> JSONValue {
        var schema: [String: JSONValue] =
            switch shape.form {
            case .boolean: ["type": "boolean"]
            case .integer(let range):
                [
                    "type": "integer", "minimum": .integer(range.lowerBound),
                    "maximum": .integer(range.upperBound),
                ]
            case .text(let pattern, let length):
                PayloadSchema.members([
                    "type": "string", "pattern": pattern.map { .string($0) },
                    "minLength": .integer(Int64(length.lowerBound)),
                    "maxLength": .integer(Int64(length.upperBound)),
                ])
            case .choice(let words): ["type": "string", "enum": .strings(words)]
            case .list(let element, let maximumCount):
                [
                    "type": "array", "items": self.schema(of: element),
                    "maxItems": .integer(Int64(maximumCount)),
                ]
            case .tuple(let elements, let rest, let maximumCount):
                [
                    "type": "array", "prefixItems": .array(elements.map { self.schema(of: $0) }),
                    "items": rest.map { self.schema(of: $0) } ?? false,
                    "minItems": .integer(Int64(elements.count)), "maxItems": .integer(Int64(maximumCount)),
                ]
            case .group(let fields):
                [
                    "type": "object", "additionalProperties": false,
                    "properties": .object(
                        Dictionary(fields.map { ($0.name, self.schema(of: $0)) }) { first, _ in first }
                    ),
                ]
            case .map(let name, let value, let maximumCount):
                [
                    "type": "object", "additionalProperties": self.schema(of: value.shape),
                    "propertyNames": self.schema(of: name.shape),
                    "maxProperties": .integer(Int64(maximumCount)),
                ]
            case .either(let shapes): ["anyOf": .array(shapes.map { self.schema(of: $0) })]
            }
        if case .group = shape.form {} else { schema["description"] = .string(shape.allowed) }
        return .object(schema)
    }

    private static func schema(of field: FieldDescription) -> JSONValue {
        var schema = schema(of: field.type.shape).members ?? [:]
        schema["description"] = .string(field.summary)
        if let example = field.example { schema["examples"] = [example] }
        return .object(schema)
    }
}
