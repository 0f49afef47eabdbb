public import JSON
public import SettingsModel

/// What is pending in a transaction: the answer of `GET /v2/tx`.
public struct TransactionView: Payload {
    /// How long a value lives.
    public enum Strength: String, Sendable, CaseIterable {
        /// Until it is changed.
        case strong
        /// Until the next boot.
        case weak
    }

    /// The settings that the commit would set, as `GET /tx` answers them.
    public var settings: JSONValue
    /// How long each of them lives.
    public var strengths: [SettingKey: Strength]
    /// The keys that the commit would set back to their defaults, sorted.
    public var deletions: [SettingKey]

    /// What is pending.
    public init(settings: JSONValue, strengths: [SettingKey: Strength], deletions: [SettingKey]) {
        self.settings = settings
        self.strengths = strengths
        self.deletions = deletions
    }

    /// The name in the OpenAPI document.
    public static let schemaName = "Transaction"

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "What is pending in a transaction.",
        [
            "settings": OpenAPI.settingsReference,
            "metadata": PayloadSchema.map(
                of: PayloadSchema.object(
                    "What is known about one pending value.",
                    ["strength": PayloadSchema.choice(Strength.self, "How long the value lives.")]
                ),
                "What is known about each value, by key."
            ),
            "deletions": PayloadSchema.list(
                PayloadSchema.key,
                "What the commit would set back to its default."
            ),
        ]
    )

    /// Reads the answer.
    public init(json: JSONValue) throws(PayloadError) {
        let object = try PayloadReader(json)
        settings = .object(try object.object("settings").members)
        strengths = [:]
        let metadata = try object.object("metadata")
        for (name, value) in try metadata.entries({ entry throws(PayloadError) in
            try entry.choice("strength", Strength.self)
        }) {
            strengths[try Self.key(name)] = value
        }
        deletions = []
        for text in try object.optionalTexts("deletions") { deletions.append(try Self.key(text)) }
    }

    /// What is pending, as JSON.
    public var json: JSONValue {
        var metadata: [String: JSONValue] = [:]
        for (key, strength) in strengths {
            metadata[key.description] = ["strength": .string(strength.rawValue)]
        }
        return [
            "settings": settings, "metadata": .object(metadata),
            "deletions": .strings(deletions.map(\.description)),
        ]
    }

    private static func key(_ text: String) throws(PayloadError) -> SettingKey {
        do throws(InvalidKey) {
            return try SettingKey(parsing: text)
        } catch {
            throw PayloadError(place: "", reason: error.description)
        }
    }
}
