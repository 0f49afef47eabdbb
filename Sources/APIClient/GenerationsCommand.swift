import ArgumentParser
import HostAPI
import HostAPIClient
import JSON
import Presentation

/// `apiclient generations`.
struct GenerationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generations",
        abstract: "Look at earlier states of the settings, compare them, bring one back.",
        discussion: """
            Every commit makes a generation; the last 32 are kept.

            Examples:
              apiclient generations list
              apiclient generations diff 4 7
              apiclient generations restore 4
            """,
        subcommands: [List.self, Show.self, Diff.self, Restore.self]
    )

    /// Refuses what can't be the number of a generation.
    static func check(_ numbers: Int64...) throws {
        for number in numbers where number < 1 {
            throw ValidationError("\(number) is not the number of a generation: they begin with 1")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The generations that are kept, the oldest first.",
            discussion: "Example: apiclient generations list"
        )

        @OptionGroup var output: JSONOption
        @OptionGroup var globals: GlobalOptions

        func run() async throws {
            try await CommandFailure.explaining("Failed to list generations") {
                let answer = try await globals.client.call(.listGenerations)
                let json = try answer.json()
                let generations = try (json.elements ?? []).map { element in
                    try answer.reading { () throws(PayloadError) in try GenerationSummary(json: element) }
                }
                try output.print(json) { Self.lines(generations) }
            }
        }

        static func lines(_ generations: [GenerationSummary]) -> [String] {
            var table = TextTable([
                ("", .left), ("NUMBER", .right), ("TIME", .left), ("REASON", .left), ("BY", .left),
                ("OS", .left),
                ("TRIAL", .left),
            ])
            for generation in generations {
                table.add(
                    generation.isCurrent ? "*" : "",
                    String(generation.number),
                    generation.time.description,
                    HumanText.safe(generation.reason),
                    HumanText.safe("\(generation.author.program) (uid \(generation.author.uid))"),
                    HumanText.safe(generation.osVersion),
                    generation.trial.map { "\($0.secondsLeft) s left, then back to \($0.previous)" } ?? ""
                )
            }
            return table.lines(indent: 0)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One generation with its settings, as JSON.",
            discussion: "Example: apiclient generations show 4"
        )

        @Argument(help: "The number.")
        var number: Int64

        @OptionGroup var globals: GlobalOptions

        func validate() throws { try GenerationsCommand.check(number) }

        func run() async throws {
            try await CommandFailure.explaining("Failed to show the generation") {
                let answer = try await globals.client.call(.getGeneration, path: ["number": String(number)])
                try Console.print(try answer.json().prettyText)
            }
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What differs between two generations.",
            discussion: "Example: apiclient generations diff 4 7"
        )

        @Argument(help: "The first one.")
        var from: Int64

        @Argument(help: "The second one; the one in force if not given.")
        var to: Int64?

        @OptionGroup var output: JSONOption
        @OptionGroup var globals: GlobalOptions

        func validate() throws { try GenerationsCommand.check(from, to ?? 1) }

        func run() async throws {
            try await CommandFailure.explaining("Failed to compare the generations") {
                var query = [("from", String(from))]
                if let to { query.append(("to", String(to))) }
                let answer = try await globals.client.call(.compareGenerations, query: query)
                let json = try answer.json()
                let comparison = try answer.reading { () throws(PayloadError) in
                    try GenerationComparison(json: json)
                }
                try output.print(json) { Self.lines(comparison) }
            }
        }

        /// The changes in the form of diff(1).
        static func lines(_ comparison: GenerationComparison) -> [String] {
            if comparison.changes.isEmpty {
                return ["Generations \(comparison.from) and \(comparison.to) have the same settings."]
            }
            return ["--- generation \(comparison.from)", "+++ generation \(comparison.to)"]
                + comparison.changes.flatMap { change in
                    let key = HumanText.safe(change.key)
                    return [
                        change.before.map { "-\(key) = \(HumanText.safe($0.description))" },
                        change.after.map { "+\(key) = \(HumanText.safe($0.description))" },
                    ].compactMap(\.self)
                }
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring the settings of an older generation back and apply them.",
            discussion: "Example: apiclient generations restore 4"
        )

        @Argument(help: "The number.")
        var number: Int64

        @OptionGroup var output: JSONOption
        @OptionGroup var globals: GlobalOptions

        func validate() throws { try GenerationsCommand.check(number) }

        func run() async throws {
            let change = Change(
                failure: "Failed to restore the generation",
                globals: globals,
                isJSON: output.isJSON,
                confirmWithin: nil
            )
            let result = try await CommandFailure.explaining(change.failure) {
                let answer = try await globals.client.call(
                    .restoreGeneration,
                    path: ["number": String(number)],
                    accept: "\(ApplyResult.mediaType), application/json;q=0.5",
                    timeLimit: Change.applyLimit
                )
                return try ApplyResult(answer: answer)
            }
            try change.print(result)
        }
    }
}

extension HostAPIResponse {
    /// Reads a payload and names the request where it is not what the API promises.
    func reading<Content>(_ body: () throws(PayloadError) -> Content) throws(HostAPIError) -> Content {
        do throws(PayloadError) {
            return try body()
        } catch {
            throw .invalidResponse(request: request, reason: error.description)
        }
    }
}
