import ArgumentParser
import HostAPIClient
import JSON

/// Options that every command takes, before or behind its name.
struct GlobalOptions: ParsableArguments {
    enum LogLevel: String, CaseIterable, ExpressibleByArgument {
        case trace, debug, info, warn, error
    }

    @Option(
        name: [.customShort("s"), .customLong("socket-path")],
        help: ArgumentHelp("The socket of the server.", valueName: "socket"),
        completion: .file()
    )
    var socketPath = HostAPIClient.defaultSocketPath

    @Option(name: .customLong("log-level"), help: ArgumentHelp("How much is told.", valueName: "level"))
    var level = LogLevel.info

    @Flag(name: [.customShort("v"), .customLong("verbose")], help: "As --log-level debug.")
    var verbose = false

    /// A client for the socket.
    var client: HostAPIClient { HostAPIClient(socketPath: socketPath) }

    private var rank: Int {
        let level = verbose ? .debug : level
        return LogLevel.allCases.firstIndex(of: level) ?? 0
    }

    /// Whether it is told how it goes on.
    var showsInfo: Bool { rank <= 2 }

    /// Tells how it goes on.
    func info(_ line: String) {
        if showsInfo { Console.error(line) }
    }

    /// Tells something that seldom matters.
    func debug(_ line: String) {
        if rank <= 1 { Console.error(line) }
    }
}

/// How a result is printed.
struct OutputOptions: ParsableArguments {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case auto, text, json
    }

    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: ArgumentHelp("'auto' is text on a terminal and JSON elsewhere.", valueName: "format")
    )
    var format = Format.auto

    /// Whether programs will read the result.
    var isJSON: Bool { format == .json || (format == .auto && !Console.isTerminal) }
}

/// `--json`, where it does not mean something else.
struct JSONOption: ParsableArguments {
    @OptionGroup var output: OutputOptions

    @Flag(help: "As --output json.")
    var json = false

    /// Whether programs will read the result.
    var isJSON: Bool { json || output.isJSON }

    /// Prints a result as JSON or as lines for people.
    func print(_ json: JSONValue, _ lines: () -> [String]) throws {
        try Console.print(isJSON ? json.prettyText : lines().joined(separator: "\n"))
    }
}

/// Options of commands that commit.
struct TrialOptions: ParsableArguments {
    @Option(
        name: .customLong("confirm-within"),
        help: ArgumentHelp(
            "Take the change back unless 'apiclient confirm' comes within so many seconds (10 to 86400).",
            valueName: "seconds"
        )
    )
    var confirmWithin: Int?

    func validate() throws {
        if let confirmWithin, !(10...86_400).contains(confirmWithin) {
            throw ValidationError("--confirm-within takes 10 to 86400 seconds, not \(confirmWithin)")
        }
    }
}
