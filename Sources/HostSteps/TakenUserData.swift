internal import Hashing
internal import JSON
internal import SettingsModel

/// What earlier boots took of user data: for each source its keys, and of each value a digest, as values may be secrets.
struct TakenUserData: Equatable {
    /// Digests of values by the texts of their keys.
    typealias Digests = [String: String]

    /// By the names of the sources.
    private(set) var sources: [String: Digests] = [:]

    init() {}

    /// Reads a note; earlier versions wrote the names of the sources only, and still find them where they look.
    init(names: JSONValue?, values: JSONValue?) {
        for name in (names?.elements ?? []).compactMap(\.string) {
            sources[name] = (values?[name]?.members ?? [:]).compactMapValues(\.string)
        }
    }

    /// The names of the sources, for a note.
    var names: JSONValue { .array(sources.keys.sorted().map { .string($0) }) }

    /// The digests of each source, for a note.
    var values: JSONValue { .object(sources.mapValues { .object($0.mapValues { .string($0) }) }) }

    /// Adds a source.
    mutating func add(_ source: String, _ settings: SettingsDocument) {
        sources[source] = Self.digests(of: settings)
    }

    /// The settings of a source that is read at a later boot than others, as far as they still count.
    ///
    /// They would have counted at the first boot over the sources before it, and not over those behind it; and what
    /// was changed since, by people or programs, stays.
    ///
    /// - Parameters:
    ///   - settings: what the source gave.
    ///   - source: its name.
    ///   - order: the names of all sources; where two set one key, the later one counts.
    ///   - inForce: the settings that are set now, without defaults and generated ones.
    func stillCounting(
        _ settings: SettingsDocument,
        of source: String,
        order: [String],
        inForce: SettingsDocument
    ) -> SettingsDocument {
        guard !sources.isEmpty, let place = order.firstIndex(of: source) else { return settings }
        let before = merged(order[..<place])
        let behind = merged(order[(place + 1)...])
        let now = Self.digests(of: SettingsDocument(inForce.values.filter { settings.values[$0.key] != nil }))
        return SettingsDocument(
            settings.values.filter { key, _ in
                let name = key.description
                return behind[name] == nil && now[name] == before[name]
            }
        )
    }

    private func merged(_ names: ArraySlice<String>) -> Digests {
        names.reduce(into: [:]) { all, name in all.merge(sources[name] ?? [:]) { $1 } }
    }

    private static func digests(of settings: SettingsDocument) -> Digests {
        var digests: Digests = [:]
        for (key, value) in settings.values {
            digests[key.description] = SHA256Digest(hashing: value.description).hex
        }
        return digests
    }
}
