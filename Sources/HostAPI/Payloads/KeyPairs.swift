public import JSON

/// Settings as `key=value` texts: the body of `PATCH /settings/keypair`, in Bottlerocket's form.
///
/// What the texts mean is the model's: `SettingsDocument.parseKeyPair`.
public struct KeyPairs: Payload {
    /// Texts in one request, at most.
    public static let maximumCount = 10_000

    /// The texts, in the order of the request.
    public var texts: [String]

    /// Texts, each a key, `=` and a value.
    public init(_ texts: [String]) { self.texts = texts }

    /// The name in the OpenAPI document.
    public static let schemaName = "KeyPairs"

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "Settings as texts.",
        [
            "request_payload": [
                "type": "array", "maxItems": .integer(Int64(maximumCount)),
                "items": [
                    "type": "string", "pattern": "^[^=]+=",
                    "description": "A key, '=' and the value: settings.motd=Hello",
                ],
            ]
        ]
    )

    /// Reads a body.
    public init(json: JSONValue) throws(PayloadError) {
        let object = try PayloadReader(json)
        try object.refuseOthers(than: ["request_payload"])
        texts = try object.texts("request_payload")
        guard texts.count <= Self.maximumCount else {
            throw PayloadError(
                place: "request_payload",
                reason: "at most \(Self.maximumCount) are taken at once"
            )
        }
    }

    /// The body as JSON.
    public var json: JSONValue { ["request_payload": .strings(texts)] }
}
