public import ArgumentParser

/// The build machine's command line.
public struct BulkheadCommand: AsyncParsableCommand {
    /// Name, abstract and subcommands.
    public static let configuration = CommandConfiguration(
        commandName: "bulkhead",
        abstract: "Builds minimal, immutable Linux hosts whose only job is to run containers.",
        discussion: """
            Exit status: 0 done, 1 failed, 2 wrong usage.

            Examples:
              bulkhead build vm-containerd
              bulkhead run vm-containerd
            """,
        subcommands: [
            BuildCommand.self, BuildContainerCommand.self, LockCommand.self, InspectCommand.self,
            DiffCommand.self, RunCommand.self,
            KeysCommand.self, RepoCommand.self, SettingsCommand.self, APICommand.self,
        ]
    )

    /// Needed by the parser.
    public init() {}

    /// Runs the command that the process was started with and exits.
    public static func runProgram() async -> Never {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            exit(withError: nil)
        } catch {
            // A command that has said what is wrong only gives its status.
            if let status = error as? ExitCode { exit(withError: status) }
            let code = exitCode(for: error)
            if code == .success || code == .validationFailure {
                let text = fullMessage(for: error)
                code == .success ? print(text) : Console.error(text)
                exit(withError: ExitCode(code == .success ? 0 : 2))
            }
            Console.error("bulkhead: \(message(for: error))")
            exit(withError: ExitCode.failure)
        }
    }
}
