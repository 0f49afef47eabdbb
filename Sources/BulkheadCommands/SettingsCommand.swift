import ArgumentParser
import SettingsModel

/// `bulkhead settings`: what can be configured on a host.
struct SettingsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings",
        abstract: "Show what can be configured on a host, and check user data before a host does.",
        discussion: """
            Examples:
              bulkhead settings reference
              bulkhead settings check user-data.toml
            """,
        subcommands: [SettingsCheckCommand.self, SettingsReferenceCommand.self]
    )
}

/// `bulkhead settings reference`: the reference of all settings.
struct SettingsReferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference",
        abstract: "Print the reference of all settings.",
        discussion: """
            Examples:
              bulkhead settings reference > settings.md
              bulkhead settings reference --format json-schema > settings.schema.json
            """
    )

    /// The forms of the reference.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case markdown
        case jsonSchema = "json-schema"
    }

    @Option(help: "markdown for people, json-schema (2020-12) for editors and other programs.")
    var format = Format.markdown

    func run() {
        switch format {
        case .markdown: print(SettingsReference.markdown, terminator: "")
        case .jsonSchema: print(SettingsReference.jsonSchemaText, terminator: "")
        }
    }
}

/// `bulkhead settings check`: what a host would say to user data.
struct SettingsCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract:
            "Check user data: every setting that is not there or has a value that is not allowed is named.",
        discussion: """
            FILE is user data in TOML or JSON, with or without a table 'settings' around everything, gzip's form or
            not: what hosts read, with their limits. Nothing is asked of a host.

            Exit status: 0 all is good, 1 something is not or FILE cannot be read, 2 wrong usage.

            Examples:
              bulkhead settings check user-data.toml
              bulkhead settings check - < settings.json
              bulkhead settings check --json user-data.toml
            """
    )

    @Argument(help: ArgumentHelp("The user data; - for standard input.", valueName: "file"))
    var file: String

    @Flag(help: "Print the problems as JSON.")
    var json = false

    func run() async throws {
        let (document, problems) = try await UserDataFile(path: file).check()
        if json {
            try Console.json(problems.map(Problem.init))
        } else {
            for problem in problems { Console.error("\(file): \(problem)") }
            if problems.isEmpty {
                let count = document.values.count
                print("\(file): \(count) setting\(count == 1 ? "" : "s"), all good")
            }
        }
        if !problems.isEmpty { throw ExitCode.failure }
    }

    /// A problem as `--json` prints it; the names are those of the API's problem details.
    private struct Problem: Encodable {
        var key: String
        var value: String?
        var allowed: String

        init(_ problem: SettingProblem) {
            (key, value, allowed) = (problem.key, problem.value, problem.allowed)
        }
    }
}
