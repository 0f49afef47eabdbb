public import JSON

/// Settings as `key=value` texts: the body of `PATCH /settings/keypair`, in Bottlerocket's form.
public struct KeyPairs: Payload {
    /// Pairs in one request, at most.
    public static let maximumPairs = 10_000

    /// One pair.
    public struct Pair: Sendable, Equatable {
        /// What stands before the first `=` that is outside of double quotes.
        public var key: String
        /// What stands behind it.
        public var value: String

        /// A pair.
        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }

        /// The value as Bottlerocket guesses it: a truth value, a whole number, a number, else a text.
        public var guessedValue: JSONValue {
            if value == "true" || value == "false" { return .bool(value == "true") }
            // Only what JSON itself would write is a number: "+1", "0x10", "nan" and "007" stay texts.
            guard let first = value.utf8.first, value.utf8.count <= 40,
                first == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first),
                let json = try? JSONValue(parsing: value)
            else { return .string(value) }
            return json
        }
    }

    /// The pairs, in the order of the request.
    public var pairs: [Pair]

    /// Pairs.
    public init(_ pairs: [Pair]) { self.pairs = pairs }

    /// The name in the OpenAPI document.
    public static let schemaName = "KeyPairs"

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "Settings as texts.",
        [
            "request_payload": [
                "type": "array", "maxItems": 10000,
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
        let texts = try object.texts("request_payload")
        guard texts.count <= Self.maximumPairs else {
            throw PayloadError(
                place: "request_payload",
                reason: "at most \(Self.maximumPairs) pairs are taken at once"
            )
        }
        pairs = []
        for (index, text) in texts.enumerated() {
            guard let pair = Self.split(text) else {
                throw PayloadError(
                    place: "request_payload[\(index)]",
                    reason: "must be a key, '=' and a value, not \(JSONValue.string(String(text.prefix(60))))"
                )
            }
            pairs.append(pair)
        }
    }

    /// The body as JSON.
    public var json: JSONValue { ["request_payload": .strings(pairs.map { "\($0.key)=\($0.value)" })] }

    private static func split(_ text: String) -> Pair? {
        var isQuoted = false
        let scalars = text.unicodeScalars
        for index in scalars.indices {
            if scalars[index] == "\"" { isQuoted.toggle() }
            guard scalars[index] == "=", !isQuoted, index > scalars.startIndex else { continue }
            return Pair(
                key: String(scalars[..<index]),
                value: String(scalars[scalars.index(after: index)...])
            )
        }
        return nil
    }
}
