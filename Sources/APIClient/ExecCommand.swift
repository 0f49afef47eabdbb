import ArgumentParser
import Glibc
import HostAPI

/// `apiclient exec`.
struct ExecCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec",
        abstract: "Run a command in a host container.",
        discussion: """
            The command's exit status is that of apiclient, or 128 and the number of the signal that ended it. If it could \
            not be run at all, standard error says why, and the exit status is 1. A command whose apiclient ends is \
            ended, too.

            Without -t and -T, the command gets a pseudoterminal if standard input and output are terminals.

            Examples:
              apiclient exec admin -- ls -l /
              apiclient exec -t admin bash
              apiclient exec -T admin -- cat /etc/os-release > os-release
            """
    )

    @Flag(name: [.customShort("t"), .customLong("tty")], help: "Run it in a pseudoterminal.")
    var tty = false

    @Flag(name: [.customShort("T"), .customLong("no-tty")], help: "Don't run it in a pseudoterminal.")
    var noTTY = false

    @Argument(help: "The container.")
    var target: String

    @Argument(help: ArgumentHelp("The command and its arguments.", valueName: "command"))
    var command: [String]

    @OptionGroup var globals: GlobalOptions

    func validate() throws {
        if tty, noTTY { throw ValidationError("-t and -T exclude each other") }
        if command.isEmpty { throw ValidationError("Must specify a command for 'exec' to run.") }
    }

    func run() async throws {
        let wantsTerminal = tty || !noTTY && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
        let outcome = try await CommandFailure.explaining("Failed to exec") {
            try await ExecRun(
                socketPath: globals.socketPath,
                request: .init(
                    command: command,
                    target: target,
                    terminal: wantsTerminal ? LocalTerminal.description : nil
                )
            ).run()
        }
        switch outcome {
        case .exited(0): return
        case .exited(let status):
            var failure = CommandFailure(nil)
            failure.status = status
            throw failure
        case .failed(let reason): throw CommandFailure("Failed to exec: \(reason)")
        case .refused(404, _), .refused(405, _), .refused(501, _):
            throw CommandFailure("Failed to exec: this host's API can't run commands in containers")
        case .refused(_, let reason): throw CommandFailure("Failed to exec: \(reason)")
        case .outputFailed(let errno): throw OutputFailure(errno: errno)
        }
    }
}
