public import JSON

/// Pieces of JSON Schema (2020-12) that payloads are described with.
public enum PayloadSchema {
    /// An object; other members are not answered by this version of the host.
    public static func object(
        _ description: String,
        _ properties: [String: JSONValue],
        required: [String]? = nil
    ) -> JSONValue {
        var schema: [String: JSONValue] = [
            "type": "object", "description": .string(description), "properties": .object(properties),
            "additionalProperties": false,
        ]
        let names = required ?? properties.keys.sorted()
        if !names.isEmpty { schema["required"] = .array(names.map { .string($0) }) }
        return .object(schema)
    }

    /// An object of values under names that are not known beforehand.
    public static func map(of values: JSONValue, _ description: String? = nil) -> JSONValue {
        var schema: [String: JSONValue] = ["type": "object", "additionalProperties": values]
        if let description { schema["description"] = .string(description) }
        return .object(schema)
    }

    /// A list.
    public static func list(_ items: JSONValue, _ description: String? = nil) -> JSONValue {
        var schema: [String: JSONValue] = ["type": "array", "items": items]
        if let description { schema["description"] = .string(description) }
        return .object(schema)
    }

    /// A text.
    public static func text(_ description: String) -> JSONValue {
        ["type": "string", "description": .string(description)]
    }

    /// A whole number of at least 0.
    public static func count(_ description: String) -> JSONValue {
        ["type": "integer", "minimum": 0, "description": .string(description)]
    }

    /// A truth value.
    public static func flag(_ description: String) -> JSONValue {
        ["type": "boolean", "description": .string(description)]
    }

    /// A time (RFC 3339).
    public static func time(_ description: String) -> JSONValue {
        ["type": "string", "format": "date-time", "description": .string(description)]
    }

    /// One of a few words.
    public static func choice<Word: RawRepresentable & CaseIterable>(_ type: Word.Type, _ description: String)
        -> JSONValue
    where Word.RawValue == String {
        [
            "type": "string", "enum": .array(type.allCases.map { .string($0.rawValue) }),
            "description": .string(description),
        ]
    }

    /// What the schema allows, or null.
    public static func nullable(_ schema: JSONValue) -> JSONValue {
        ["anyOf": [schema, ["type": "null"]]]
    }

    /// The key of a setting.
    public static let key: JSONValue = [
        "type": "string",
        "description": "The key of a setting, such as settings.network.hostname.",
    ]

    /// The members that are there.
    static func members(_ members: KeyValuePairs<String, JSONValue?>) -> [String: JSONValue] {
        var result: [String: JSONValue] = [:]
        for (name, value) in members { if let value { result[name] = value } }
        return result
    }
}

extension JSONValue {
    /// A list of strings.
    static func strings(_ texts: some Sequence<String>) -> JSONValue { .array(texts.map { .string($0) }) }
}
