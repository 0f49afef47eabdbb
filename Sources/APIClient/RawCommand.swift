import ArgumentParser
import HostAPI
import HostAPIClient
import JSON

/// `apiclient raw`, and `apiclient` without the name of a command.
struct RawCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "raw",
        abstract: "Send any request and print the answer; the command if none is named.",
        discussion: """
            Examples:
              apiclient raw -u /tx/list
              apiclient -m PATCH -u '/settings?tx=mine' -d '{"motd": "hi"}'
            """
    )

    @Option(name: .shortAndLong, help: "The URI, such as /settings?prefix=settings.ntp.")
    var uri: String

    @Option(
        name: [.customShort("m"), .customShort("X"), .customLong("method")],
        help: "The method of HTTP."
    )
    var method = "GET"

    @Option(name: .shortAndLong, help: "The body.")
    var data: String?

    @OptionGroup var globals: GlobalOptions

    func run() async throws {
        try await CommandFailure.explaining("Failed \(method) request to '\(uri)'") {
            let response = try await globals.client.raw(
                method: method,
                uri: uri,
                body: data.map { Array($0.utf8) },
                timeLimit: .seconds(660)
            )
            globals.debug("\(response.status) \(Problem.reasonPhrase(response.status))")
            try response.requireSuccess()
            if !response.body.isEmpty {
                try Console.write(response.body + (response.body.last == 0x0a ? [] : [0x0a]))
            }
        }
    }
}

/// An answer that is no success, in the words of Bottlerocket's client.
struct UnsuccessfulAnswer: Error, CustomStringConvertible {
    var response: HostAPIResponse

    var description: String {
        let words = response.request.split(separator: " ", maxSplits: 1)
        let method = words.first ?? ""
        let uri = words.last ?? ""
        let problem = (try? response.json()).flatMap { try? Problem(json: $0) }
        return "Status \(response.status) when \(method)ing \(uri): \(problem?.detail ?? response.text)"
    }
}

extension HostAPIResponse {
    /// Throws unless the status is one of success.
    func requireSuccess() throws {
        if !(200..<300).contains(status) { throw UnsuccessfulAnswer(response: self) }
    }
}
