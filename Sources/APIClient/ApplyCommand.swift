import ArgumentParser
import HostAPI
import HostAPIClient
import JSON
import TOML

/// `apiclient apply`.
struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Apply settings from TOML or JSON documents.",
        discussion: """
            Each document is read from a file, a URI (file://, base64:, http://, https://) or, with '-' or without \
            arguments, from standard input. All of them are read before the first is sent, and are committed together; \
            later ones win.

            Examples:
              apiclient apply settings.toml https://config.example/base.toml
              echo '{"motd": "hi"}' | apiclient apply
              apiclient apply base64:bW90ZCA9ICJoaSIK
            """
    )

    @Argument(
        help: ArgumentHelp("Files or URIs; '-' is standard input.", valueName: "uri"),
        completion: .file()
    )
    var sources: [String] = []

    @OptionGroup var trial: TrialOptions
    @OptionGroup var output: JSONOption
    @OptionGroup var globals: GlobalOptions

    func validate() throws {
        if sources.count(where: { $0 == "-" }) > 1 {
            throw ValidationError("Standard input ('-') can only be read once.")
        }
        for source in sources { _ = try Self.source(source) }
    }

    func run() async throws {
        let failure = "Failed to apply settings"
        let documents = try await CommandFailure.explaining(failure) {
            var documents: [JSONValue] = []
            for text in sources.isEmpty ? ["-"] : sources {
                let source = try Self.source(text)
                let bytes = try await source.read()
                documents.append(try Self.settings(in: bytes, from: source))
            }
            return documents
        }
        let change = Change(
            failure: failure,
            globals: globals,
            isJSON: output.isJSON,
            confirmWithin: trial.confirmWithin
        )
        try await change.run(named: "apply") { client, transaction in
            for document in documents {
                _ = try await client.call(.patchSettings, query: [("tx", transaction)], body: document)
            }
        }
    }

    private static func source(_ text: String) throws -> InputSource {
        do {
            return try InputSource(text)
        } catch {
            throw ValidationError(error.description)
        }
    }

    /// Reads TOML, or JSON where the document begins with a brace, which TOML can't.
    static func settings(in bytes: [UInt8], from source: InputSource) throws -> JSONValue {
        let first = bytes.first { $0 != 0x20 && $0 != 0x0a && $0 != 0x0d && $0 != 0x09 }
        do {
            let value =
                if first == UInt8(ascii: "{") {
                    try JSONValue(parsing: bytes)
                } else {
                    try JSONValue(parsingTOML: bytes)
                }
            return try value.withoutSettingsLayer()
        } catch {
            let kind = first == UInt8(ascii: "{") ? "JSON" : "TOML"
            throw CommandFailure("Failed to apply settings: \(source), read as \(kind): \(error)")
        }
    }
}
