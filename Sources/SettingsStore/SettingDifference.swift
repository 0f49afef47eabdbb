public import JSON
public import SettingsModel

/// A setting that two generations have in force differently.
public struct SettingDifference: Sendable, Equatable {
    /// How it differs.
    public enum Kind: String, Sendable { case added, removed, changed }

    /// The setting.
    public let key: SettingKey
    /// Its value in the first generation; nil if it has none there.
    public let before: JSONValue?
    /// Its value in the second generation; nil if it has none there.
    public let after: JSONValue?

    /// A difference.
    public init(key: SettingKey, before: JSONValue?, after: JSONValue?) {
        self.key = key
        self.before = before
        self.after = after
    }

    /// How it differs.
    public var kind: Kind {
        if before == nil { .added } else if after == nil { .removed } else { .changed }
    }
}

extension Generation {
    /// The settings whose value in force is another one in a second generation, sorted by key.
    public func differences(to other: Generation) -> [SettingDifference] {
        let (before, after) = (settings, other.settings)
        return before.differences(from: after).sorted().map {
            SettingDifference(key: $0, before: before.values[$0], after: after.values[$0])
        }
    }
}
