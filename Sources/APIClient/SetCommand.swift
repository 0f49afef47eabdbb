import ArgumentParser
import HostAPI
import HostAPIClient
import JSON
import SettingsModel

/// `apiclient set`.
struct SetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Change settings and apply them.",
        discussion: """
            The leading 'settings.' of a key may be left out. A part of a key with dots needs quotes of its own. With \
            --confirm-within the change is on trial, for changes that may cut you off.

            Examples:
              apiclient set motd="hi there" updates.ignore-waves=true
              apiclient set 'kernel.sysctl."vm.max_map_count"=262144'
              apiclient set -j '{"kernel": {"sysctl": {"vm.max_map_count": "262144"}}}'
              apiclient set network.https-proxy=http://10.0.0.1:3128 --confirm-within 120
            """
    )

    @Argument(help: ArgumentHelp("A key and its value.", valueName: "key=value"))
    var pairs: [String] = []

    @Option(
        name: [.customShort("j"), .customLong("json")],
        help: ArgumentHelp("The settings as a JSON object instead.", valueName: "json")
    )
    var documents: [String] = []

    @OptionGroup var trial: TrialOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var globals: GlobalOptions

    func validate() throws {
        if documents.count > 1 {
            throw ValidationError(
                "Can't specify the --json argument multiple times.  You can set as many settings as needed within the JSON object."
            )
        }
        if !documents.isEmpty, !pairs.isEmpty {
            throw ValidationError("Cannot specify key=value pairs and --json settings with 'set'")
        }
        if documents.isEmpty, pairs.isEmpty {
            throw ValidationError("Must specify key=value settings or --json settings with 'set'")
        }
        for pair in pairs where !pair.contains("=") { throw ValidationError("Unknown argument '\(pair)'") }
        if let text = documents.first { _ = try Self.settings(text) }
    }

    func run() async throws {
        let change = Change(
            failure: "Failed to change settings",
            globals: globals,
            isJSON: output.isJSON,
            confirmWithin: trial.confirmWithin
        )
        try await change.run(named: "set") { client, transaction in
            let query = [("tx", transaction)]
            if let text = documents.first {
                _ = try await client.call(.patchSettings, query: query, body: Self.settings(text))
            } else {
                let body: JSONValue = ["request_payload": .array(pairs.map { .string($0) })]
                _ = try await client.call(.patchKeyPairs, query: query, body: body)
            }
        }
    }

    private static func settings(_ text: String) throws -> JSONValue {
        do {
            let value = try JSONValue(parsing: text)
            guard value.members != nil else { throw ValidationError("JSON input must be an object (map)") }
            return try value.withoutSettingsLayer()
        } catch let error as JSONError {
            throw ValidationError("Couldn't parse given JSON input: \(error)")
        } catch is SettingsLayerError {
            throw ValidationError("JSON 'settings' value must be an object (map)")
        }
    }
}

/// `apiclient unset`.
struct UnsetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unset",
        abstract: "Set settings back to their defaults and apply them.",
        discussion: """
            The key of a group sets everything in the group back.

            Examples:
              apiclient unset motd
              apiclient unset settings.ntp 'kernel.sysctl."vm.max_map_count"'
            """
    )

    @Argument(help: "The keys; the leading 'settings.' may be left out.")
    var keys: [String]

    @OptionGroup var trial: TrialOptions
    @OptionGroup var output: JSONOption
    @OptionGroup var globals: GlobalOptions

    func validate() throws {
        for key in keys {
            do {
                if try SettingKey(parsing: key).segments.isEmpty {
                    throw ValidationError("'\(key)' is all settings: name groups or single ones")
                }
            } catch let error as InvalidKey {
                throw ValidationError(error.description)
            }
        }
    }

    func run() async throws {
        let change = Change(
            failure: "Failed to unset settings",
            globals: globals,
            isJSON: output.isJSON,
            confirmWithin: trial.confirmWithin
        )
        try await change.run(named: "unset") { client, transaction in
            for keys in try Self.batches(keys) {
                _ = try await client.call(.deleteSettings, query: [("keys", keys), ("tx", transaction)])
            }
        }
    }

    /// The keys in lists that are short enough for the target of a request.
    static func batches(_ keys: [String], maximumLength: Int = 4096) throws -> [String] {
        var batches: [String] = []
        for key in keys {
            let text = try SettingKey(parsing: key).description
            if let last = batches.last, last.utf8.count + text.utf8.count < maximumLength {
                batches[batches.count - 1] = "\(last),\(text)"
            } else {
                batches.append(text)
            }
        }
        return batches
    }
}

/// A member `settings` that is no object.
struct SettingsLayerError: Error, CustomStringConvertible {
    var description: String { "'settings' must be a table of settings" }
}

extension JSONValue {
    /// The settings without the layer `settings` that documents may have around them.
    func withoutSettingsLayer() throws(SettingsLayerError) -> JSONValue {
        guard case .object(var members) = self, let layer = members.removeValue(forKey: SettingKey.root)
        else {
            return self
        }
        guard layer.members != nil else { throw SettingsLayerError() }
        var settings = JSONValue.object(members)
        settings.join(layer)
        return settings
    }
}
