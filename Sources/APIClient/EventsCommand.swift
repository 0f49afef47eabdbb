import ArgumentParser
import HostAPIClient
import JSON
import Presentation

/// `apiclient events`.
struct EventsCommand: AsyncParsableCommand {
    /// How often it tries to connect again, once a second.
    private static let tries = 30

    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Follow what happens: commits, applies, trials, updates, health, containers.",
        discussion: """
            Without --limit and --timeout it goes on until it is stopped, and connects again when the server restarts. \
            As JSON, each event is one line.

            Examples:
              apiclient events
              apiclient events --timeout 60 --json
            """
    )

    @Option(help: ArgumentHelp("End after so many events.", valueName: "number"))
    var limit: Int?

    @Option(help: ArgumentHelp("End after so many seconds.", valueName: "seconds"))
    var timeout: Int?

    @Option(help: ArgumentHelp("Begin behind this event, if the server still has it.", valueName: "id"))
    var after: String?

    @OptionGroup var output: JSONOption
    @OptionGroup var globals: GlobalOptions

    func validate() throws {
        if let limit, !(1...1_000_000).contains(limit) {
            throw ValidationError("--limit takes 1 to 1000000, not \(limit)")
        }
        if let timeout, !(1...86_400).contains(timeout) {
            throw ValidationError("--timeout takes 1 to 86400 seconds, not \(timeout)")
        }
        if let after, UInt64(after) == nil {
            throw ValidationError("--after takes the id of an event, not '\(after)'")
        }
    }

    func run() async throws {
        try await CommandFailure.explaining("Failed to follow events") { try await follow() }
    }

    private func follow() async throws {
        var query: [(String, String)] = []
        if let limit { query.append(("limit", String(limit))) }
        if let timeout { query.append(("timeout", String(timeout))) }
        let ends = !query.isEmpty
        var last = after
        // A server that restarts is away for a moment; one that is gone is not waited for without end. Nil: there was none
        // yet.
        var triesLeft: Int?
        var failure: OutputFailure?
        while true {
            do throws(HostAPIError) {
                var events = globals.client.events(after: last, query: query).makeAsyncIterator()
                try await events.connect()
                if !ends { triesLeft = Self.tries }
                while let event = try await events.next() {
                    if !event.id.isEmpty { last = event.id }
                    do {
                        try Console.print(output.isJSON ? Self.jsonLine(event) : Self.line(event))
                    } catch {
                        failure = error
                        throw HostAPIError.cancelled
                    }
                }
                if ends { return }
            } catch {
                if let failure { throw failure }
                if case .problem = error { throw error }
                // Whoever took the connection and closed it before the answer is about to restart, too.
                if triesLeft == nil, !ends, case .serverClosed = error { triesLeft = Self.tries }
                guard let left = triesLeft, left > 0 else { throw error }
                globals.info("\(error); connecting again")
            }
            triesLeft = triesLeft.map { $0 - 1 }
            try await Task.sleep(for: .seconds(1))
        }
    }

    static func jsonLine(_ event: ServerSentEvent) -> String {
        let id = Int64(event.id).map { JSONValue.integer($0) } ?? .string(event.id)
        return JSONValue.object([
            "id": id, "event": .string(event.name), "data": event.json ?? .string(event.data),
        ])
        .description
    }

    static func line(_ event: ServerSentEvent) -> String {
        guard let members = event.json?.members else {
            return "\(HumanText.safe(event.name)) \(HumanText.safe(event.data))"
        }
        let parts = members.sorted { $0.key < $1.key }.map { name, value in
            "\(name)=\(value.string.map { $0 } ?? value.description)"
        }
        return HumanText.safe("\(event.name) \(parts.joined(separator: " "))")
    }
}
