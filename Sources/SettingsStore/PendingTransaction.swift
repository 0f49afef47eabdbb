public import JSON
public import SettingsModel

/// Changes that were asked for and are not committed yet.
public struct PendingTransaction: Sendable, Equatable {
    /// How long a value lives: see `Generation.strong` and `Generation.weak`.
    public enum Strength: String, Sendable, CaseIterable { case strong, weak }

    /// What shall happen to one key.
    public enum Change: Sendable, Equatable {
        case set(JSONValue, Strength)
        /// Back to the generated value or the default.
        case delete
    }

    /// The name the clients know it by.
    public var name: String
    /// A random id, so that a commit can be told from an earlier one of the same name.
    public var id: String
    /// The changes by key; for a map's or group's key, `delete` means everything inside of it.
    public var changes: [SettingKey: Change]

    /// A transaction.
    public init(name: String, id: String, changes: [SettingKey: Change]) {
        self.name = name
        self.id = id
        self.changes = changes
    }

    /// What the changes set, as a document.
    public var settings: SettingsDocument {
        SettingsDocument(
            changes.compactMapValues { if case .set(let value, _) = $0 { value } else { nil } }
        )
    }
}
