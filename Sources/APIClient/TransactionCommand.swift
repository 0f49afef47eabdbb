import ArgumentParser
import HostAPI
import HostAPIClient
import JSON
import Presentation

/// `apiclient tx`.
struct TransactionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tx",
        abstract: "Look at pending transactions, commit or drop them.",
        discussion: """
            Settings that were staged with 'apiclient raw' or by a program wait in a transaction until it is committed.

            Examples:
              apiclient tx list
              apiclient tx show mine
            """,
        subcommands: [List.self, Show.self, Discard.self, Commit.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The names of the pending transactions.",
            discussion: "Example: apiclient tx list"
        )

        @OptionGroup var output: JSONOption
        @OptionGroup var globals: GlobalOptions

        func run() async throws {
            try await CommandFailure.explaining("Failed to list transactions") {
                let json = try await globals.client.call(.listTransactions).json()
                try output.print(json) {
                    let names = (json.elements ?? []).compactMap(\.string).map { HumanText.safe($0) }
                    return names.isEmpty ? ["No transaction is pending."] : names
                }
            }
        }
    }

    /// The transaction that a command is about.
    struct Name: ParsableArguments {
        @Argument(help: "The transaction.")
        var name = "default"
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What is pending in a transaction.",
            discussion: "Example: apiclient tx show mine"
        )

        @OptionGroup var transaction: Name
        @OptionGroup var output: JSONOption
        @OptionGroup var globals: GlobalOptions

        func run() async throws {
            try await CommandFailure.explaining("Failed to show the transaction") {
                let answer = try await globals.client.call(
                    .getTransactionWithMetadata,
                    query: [("tx", transaction.name)]
                )
                let json = try answer.json()
                try output.print(json) {
                    let deletions = (json["deletions"]?.elements ?? []).compactMap(\.string)
                    return [(json["settings"] ?? [:]).prettyText]
                        + deletions.map { "back to its default: \(HumanText.safe($0))" }
                }
            }
        }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Drop a transaction.",
            discussion: "Example: apiclient tx discard mine"
        )

        @OptionGroup var transaction: Name
        @OptionGroup var output: JSONOption
        @OptionGroup var globals: GlobalOptions

        func run() async throws {
            try await CommandFailure.explaining("Failed to drop the transaction") {
                let answer = try await globals.client.call(
                    .deleteTransaction,
                    query: [("tx", transaction.name)]
                )
                let json = try answer.json()
                try output.print(json) {
                    let keys = (json.elements ?? []).compactMap(\.string)
                    return ["Dropped \(HumanText.count(keys.count, "change"))."]
                        + keys.map { "  \(HumanText.safe($0))" }
                }
            }
        }
    }

    struct Commit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make what is pending the settings in force, and apply it.",
            discussion: "Example: apiclient tx commit mine --confirm-within 60"
        )

        @OptionGroup var transaction: Name

        @Flag(inversion: .prefixedNo, help: "Apply what was committed: write files, restart services.")
        var apply = true

        @OptionGroup var trial: TrialOptions
        @OptionGroup var output: JSONOption
        @OptionGroup var globals: GlobalOptions

        func run() async throws {
            let seconds = trial.confirmWithin
            let change = Change(
                failure: "Failed to commit the transaction",
                globals: globals,
                isJSON: output.isJSON,
                confirmWithin: seconds
            )
            let result = try await CommandFailure.explaining(change.failure) {
                if apply {
                    return try await Change.commit(
                        transaction.name,
                        client: globals.client,
                        confirmWithin: seconds
                    )
                }
                var query = [("tx", transaction.name)]
                if let seconds { query.append(("confirm-within", String(seconds))) }
                return try ApplyResult(answer: try await globals.client.call(.commit, query: query))
            }
            try change.print(result)
        }
    }
}

/// `apiclient confirm`.
struct ConfirmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm",
        abstract: "Confirm the change that is on trial: it stays.",
        discussion: """
            A change made with --confirm-within is taken back unless this comes in time.

            Example: apiclient confirm
            """
    )

    @OptionGroup var globals: GlobalOptions

    func run() async throws {
        try await CommandFailure.explaining("Failed to confirm the change") {
            _ = try await globals.client.call(.confirmCommit)
            globals.info("Confirmed: the change stays.")
        }
    }
}
