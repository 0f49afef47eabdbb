import ArgumentParser
import HostAPI
import HostAPIClient
import JSON
import SettingsModel

/// `apiclient get`.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Print settings, and what else the API knows, as JSON.",
        discussion: """
            Without arguments: all settings and what the host runs. With prefixes of keys: everything that begins so; \
            the leading 'settings.' may be left out. With a URI such as /services: the answer to it.

            Examples:
              apiclient get
              apiclient get network ntp.time-servers
              apiclient get settings --exclude settings.pki
              apiclient get /generations
            """
    )

    @Argument(help: ArgumentHelp("Prefixes of keys, or one URI that begins with '/'.", valueName: "prefix"))
    var prefixes: [String] = []

    @Option(
        help: ArgumentHelp("Leave out what begins with this; may be repeated.", valueName: "prefix")
    )
    var exclude: [String] = []

    @Flag(help: "Print canonical JSON: no white space, members sorted.")
    var canonicalize = false

    @OptionGroup var globals: GlobalOptions

    func validate() throws {
        let uris = prefixes.filter { $0.hasPrefix("/") }
        if uris.count > 1 { throw ValidationError("You can only specify one URI.") }
        if !uris.isEmpty, prefixes.count > 1 || !exclude.isEmpty {
            throw ValidationError("You can specify prefixes or a URI, but not both.")
        }
    }

    func run() async throws {
        try await CommandFailure.explaining("Failed to get settings") {
            let value =
                if let uri = prefixes.first, uri.hasPrefix("/") {
                    try await answer(to: uri)
                } else {
                    try await joined()
                }
            try Console.print(canonicalize ? value.description : value.prettyText)
        }
    }

    private func answer(to uri: String) async throws -> JSONValue {
        let response = try await globals.client.raw(method: "GET", uri: uri)
        globals.debug("\(response.status)")
        try response.requireSuccess()
        return try response.json()
    }

    private func joined() async throws -> JSONValue {
        var result = JSONValue.object([:])
        for prefix in prefixes.isEmpty ? ["os.", "settings."] : prefixes.map(Self.complete) {
            let answer = try await globals.client.call(.getAll, query: [("prefix", prefix)])
            result.join(try answer.json())
        }
        return result.removing(prefixes: exclude.map(Self.complete))
    }

    /// The prefix with the leading `settings.` where nothing else can be meant.
    static func complete(_ prefix: String) -> String {
        let first = prefix.prefix { $0 != "." }
        return ["settings", "os", "services", "configuration-files"].contains(String(first))
            ? prefix : "\(SettingKey.root).\(prefix)"
    }
}

extension JSONValue {
    /// Adds the members of another object, at every level; where both have a value, the other's.
    mutating func join(_ other: JSONValue) {
        guard case .object(var members) = self, case .object(let others) = other else {
            self = other
            return
        }
        for (name, value) in others {
            if members[name] == nil {
                members[name] = value
            } else {
                members[name]?.join(value)
            }
        }
        self = .object(members)
    }

    /// The value without members whose path begins with one of the texts, and without objects that are empty then.
    func removing(prefixes: [String]) -> JSONValue {
        prefixes.isEmpty ? self : removing(prefixes, below: []) ?? .object([:])
    }

    private func removing(_ prefixes: [String], below path: [String]) -> JSONValue? {
        guard case .object(let members) = self else { return self }
        var kept: [String: JSONValue] = [:]
        for (name, value) in members {
            let path = path + [name]
            // A key with dots may be written with and without its quotes.
            let quoted = String(SettingKey(path).description.dropFirst(SettingKey.root.count + 1))
            let plain = path.joined(separator: ".")
            if prefixes.contains(where: { plain.hasPrefix($0) || quoted.hasPrefix($0) }) { continue }
            kept[name] = value.removing(prefixes, below: path)
        }
        return kept.isEmpty ? nil : .object(kept)
    }
}
