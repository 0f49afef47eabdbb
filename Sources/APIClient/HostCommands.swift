import ArgumentParser
import HostAPI
import HostAPIClient
import JSON
import Presentation

/// `apiclient reboot`.
struct RebootCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reboot",
        abstract: "Reboot the host.",
        discussion: """
            A program that holds the reboot back (systemd-inhibit(1)) is respected and named.

            Example: apiclient reboot
            """
    )

    @OptionGroup var globals: GlobalOptions

    func run() async throws {
        try await CommandFailure.explaining("Failed to reboot") {
            _ = try await globals.client.call(.reboot)
            globals.info("Rebooting, goodbye...")
        }
    }
}

/// `apiclient lockdown`.
struct LockdownCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lockdown",
        abstract: "Refuse changes of settings until the next boot.",
        discussion: "Example: apiclient lockdown"
    )

    @OptionGroup var globals: GlobalOptions

    func run() async throws {
        try await CommandFailure.explaining("Failed to lockdown") {
            _ = try await globals.client.call(.lockdown)
            globals.info("Settings can't be changed until the host reboots.")
        }
    }
}

/// `apiclient health`.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "How the host is, and what was wrong at its boot.",
        discussion: """
            Fails if the host is degraded, so that scripts may ask.

            Example: apiclient health
            """
    )

    @OptionGroup var output: JSONOption
    @OptionGroup var globals: GlobalOptions

    func run() async throws {
        let health = try await CommandFailure.explaining("Failed to get the health") {
            let answer = try await globals.client.call(.getHealth)
            let json = try answer.json()
            let health = try answer.reading { () throws(PayloadError) in try Health(json: json) }
            try output.print(json) { Self.lines(health) }
            return health
        }
        if health.status == .degraded { throw CommandFailure(nil) }
    }

    static func lines(_ health: Health) -> [String] {
        var lines = [health.status.rawValue]
        for problem in health.problems {
            let place = problem.key.map { " \(HumanText.safe($0))" } ?? ""
            let value = problem.value.map { " = \(HumanText.safe($0))" } ?? ""
            let message = HumanText.safe(problem.message)
            lines.append("  \(problem.time) \(HumanText.safe(problem.source))\(place)\(value): \(message)")
        }
        return lines
    }
}

/// `apiclient report`.
struct ReportCommand: AsyncParsableCommand {
    enum Benchmark: String, CaseIterable, ExpressibleByArgument {
        case cis, fips
        case cisKubernetes = "cis-k8s"
    }

    enum Format: String, CaseIterable, ExpressibleByArgument { case text, json }

    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Print a report on the host, or on how it follows a benchmark.",
        discussion: """
            Examples:
              apiclient report
              apiclient report cis -l 2 -f json
            """
    )

    @Argument(help: "A benchmark, where the host has reports on it.")
    var benchmark: Benchmark?

    @Option(name: .shortAndLong, help: "The level of the CIS benchmark: 1 or 2.")
    var level: Int?

    @Option(name: .shortAndLong, help: "The format of a benchmark's report.")
    var format: Format?

    @OptionGroup var globals: GlobalOptions

    func validate() throws {
        if benchmark == nil, level != nil || format != nil {
            throw ValidationError("-l and -f belong to the report on a benchmark: apiclient report cis -l 1")
        }
        if let level, benchmark == .fips || !(1...2).contains(level) {
            throw ValidationError("-l takes 1 or 2, for the CIS benchmarks")
        }
    }

    func run() async throws {
        try await CommandFailure.explaining("Failed to get report") {
            let response = try await globals.client.raw(
                method: "GET",
                uri: uri,
                timeLimit: .seconds(120)
            )
            try response.requireSuccess()
            try Console.write(response.body)
        }
    }

    private var uri: String {
        guard let benchmark else { return RouteTable.endpoint(for: .getReport).target() }
        var query: [String] = []
        if let level { query.append("level=\(level)") }
        if let format { query.append("format=\(format.rawValue)") }
        if benchmark == .cisKubernetes { query.append("type=kubernetes") }
        let path = benchmark == .fips ? "/report/fips" : "/report/cis"
        return query.isEmpty ? path : "\(path)?\(query.joined(separator: "&"))"
    }
}

/// `apiclient completion`.
struct CompletionCommand: ParsableCommand {
    enum Shell: String, CaseIterable, ExpressibleByArgument { case bash, zsh, fish }

    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Print a script that lets a shell complete commands and options.",
        discussion: """
            Examples:
              apiclient completion bash > /etc/bash_completion.d/apiclient
              apiclient completion fish > ~/.config/fish/completions/apiclient.fish
            """
    )

    @Argument(help: "The shell.")
    var shell: Shell

    func run() throws {
        let shell: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        try Console.print(APIClientCommand.completionScript(for: shell))
    }
}
