public import JSON

/// Settings by their keys: every value that is not a group or a map, under the path that leads to it.
///
/// This is what is stored, compared and staged; `Settings` is what programs read. The model decides where a path ends:
/// `settings.container-registry.mirrors` is one value, a list of objects; `settings.kernel.sysctl.<key>` are many.
public struct SettingsDocument: Sendable, Equatable {
    /// The most settings that one transaction changes, and that one source of user data may therefore have.
    public static let mostInTransaction = 10_000

    /// The values by their keys.
    public var values: [SettingKey: JSONValue]

    /// A document of values that were checked before.
    public init(_ values: [SettingKey: JSONValue] = [:]) { self.values = values }

    /// Checks settings and takes them apart.
    ///
    /// - Parameter json: an object of groups, as `GET /settings` answers it.
    /// - Throws: `InvalidSettings` with every fault.
    public init(checking json: JSONValue) throws(InvalidSettings) {
        let (document, problems) = Self.sift(json)
        guard problems.isEmpty else { throw InvalidSettings(problems: problems) }
        self = document
    }

    /// Takes settings apart, keeps the good ones and names the others.
    ///
    /// Used where one bad line must not cost the rest: user data.
    public static func sift(_ json: JSONValue) -> (good: SettingsDocument, problems: [SettingProblem]) {
        var sieve = Sieve()
        sieve.take(json, at: SettingKey([]), as: Settings.type)
        var good = SettingsDocument(sieve.values)
        let impossible = good.impossibleResourceLimits
        for (key, _) in impossible { good.values[key] = nil }
        return (good, sieve.reader.allProblems + impossible.map(\.problem))
    }

    /// Checks one value for one key.
    ///
    /// - Throws: `InvalidSettings` when there is no such key, or the value is not allowed for it.
    public mutating func set(_ key: SettingKey, to json: JSONValue) throws(InvalidSettings) {
        let nested = key.segments.reversed().reduce(json) { JSONValue.object([$1: $0]) }
        let other = try SettingsDocument(checking: nested)
        values.merge(other.values) { $1 }
    }

    /// The settings as one JSON object of groups.
    public var json: JSONValue {
        var root = Tree()
        for (key, value) in values { root.insert(value, at: key.segments[...]) }
        return root.json
    }

    /// The settings at or inside of a key.
    public func inside(_ key: SettingKey) -> SettingsDocument {
        SettingsDocument(values.filter { $0.key.isInside(key) })
    }

    /// The settings at or inside of any of some keys, and those of the keys that have none; one pass over the values.
    public func inside(anyOf keys: Set<SettingKey>) -> (found: SettingsDocument, missing: Set<SettingKey>) {
        var found = SettingsDocument()
        var missing = keys
        for (key, value) in values {
            for length in 0...key.segments.count {
                let parent = SettingKey(Array(key.segments.prefix(length)))
                guard keys.contains(parent) else { continue }
                found.values[key] = value
                missing.remove(parent)
            }
        }
        return (found, missing)
    }

    /// The settings whose key's text begins with a text, as the `prefix` of queries does.
    public func beginning(with prefix: String) -> SettingsDocument {
        SettingsDocument(values.filter { $0.key.description.hasPrefix(prefix) })
    }

    /// Settings of both documents; where both have one, the other's.
    public func merging(_ other: SettingsDocument) -> SettingsDocument {
        SettingsDocument(values.merging(other.values) { $1 })
    }

    /// The keys whose values differ, or that only one of the documents has.
    public func differences(from other: SettingsDocument) -> Set<SettingKey> {
        var keys: Set<SettingKey> = []
        for (key, value) in values where other.values[key] != value { keys.insert(key) }
        for key in other.values.keys where values[key] == nil { keys.insert(key) }
        return keys
    }

    private struct Tree {
        var value: JSONValue?
        var members: [String: Tree] = [:]

        mutating func insert(_ value: JSONValue, at path: ArraySlice<String>) {
            guard let first = path.first else { return self.value = value }
            members[first, default: Tree()].insert(value, at: path.dropFirst())
        }

        var json: JSONValue { value ?? .object(members.mapValues(\.json)) }
    }
}

/// Settings that are not what the model allows.
public struct InvalidSettings: Error, Equatable, CustomStringConvertible {
    /// Every fault, in the order of the keys.
    public let problems: [SettingProblem]

    /// Faults.
    public init(problems: [SettingProblem]) { self.problems = problems }

    /// The faults, one a line.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
