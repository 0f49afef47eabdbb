public import JSON

/// The OpenAPI 3.1 document of the API, made from the route table and the payloads.
public enum OpenAPI {
    /// A reference to the schema of settings.
    public static let settingsReference: JSONValue = ["$ref": "#/components/schemas/Settings"]
}
