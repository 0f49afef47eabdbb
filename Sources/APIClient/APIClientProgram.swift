import ArgumentParser
import Glibc
import Presentation

/// The program `apiclient`.
public enum APIClientProgram {
    /// Runs a command.
    ///
    /// - Parameter arguments: what stands behind the program's name.
    /// - Returns: the exit status: 0 done, 1 failed, 2 wrong usage, 141 when nobody reads the output any more.
    public static func main(arguments: [String]) async -> Int32 {
        // A closed pipe is an error of write(2), told by an exit status, and not the end in the middle of a change.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try APIClientCommand.parseAsRoot(
                APIClientCommand.arranged(arguments)
            )
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return 0
        } catch let failure as CommandFailure {
            if let message = failure.message { Console.error(safe(message)) }
            return failure.status
        } catch let failure as OutputFailure {
            if failure.errno != EPIPE {
                Console.error("could not write the result: \(Console.text(ofErrno: failure.errno))")
            }
            return failure.exitStatus
        } catch {
            let code = APIClientCommand.exitCode(for: error)
            let text = APIClientCommand.fullMessage(for: error)
            guard code == .success else {
                Console.error(text)
                return code == .validationFailure ? 2 : 1
            }
            do {
                try Console.print(text)
                return 0
            } catch {
                return error.exitStatus
            }
        }
    }

    /// The lines of a message without what could steer a terminal: part of it may come from elsewhere.
    private static func safe(_ message: String) -> String {
        message.split(separator: "\n", omittingEmptySubsequences: false)
            .map { HumanText.safe(String($0)) }
            .joined(separator: "\n")
    }
}

/// The commands.
struct APIClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apiclient",
        abstract: "Reads and changes the settings of this host, and asks what it does.",
        discussion: """
            A change is made in a transaction of its own, is committed durably, and is applied: the files that follow \
            it are written and the services that read them are restarted. 'raw' is the command if none is named.

            Examples:
              apiclient get settings.ntp
              apiclient set motd="hi there" ntp.time-servers='["10.0.0.1"]'
              apiclient unset motd
              apiclient -u /os

            Exit status: 0 done, 1 failed, 2 wrong usage.
            """,
        subcommands: [
            GetCommand.self, SetCommand.self, UnsetCommand.self, ApplyCommand.self, ConfirmCommand.self,
            TransactionCommand.self, GenerationsCommand.self, UpdateCommand.self, HealthCommand.self,
            ReportCommand.self, EventsCommand.self, RebootCommand.self, LockdownCommand.self,
            HostContainersCommand.self,
            ExecCommand.self,
            RawCommand.self, CompletionCommand.self,
        ],
        defaultSubcommand: RawCommand.self
    )

    @OptionGroup var globals: GlobalOptions

    private static let optionsWithValue: Set = [
        "-s", "--socket-path", "--log-level", "-u", "--uri", "-m", "-X", "--method", "-d", "--data",
        "--generate-completion-script",
    ]

    /// The arguments as the parser needs them, after a look at the words among them.
    ///
    /// The first word must be a command: the parser would take it for an argument of `raw`. Before the command that
    /// `exec` runs elsewhere comes `--`, so that none of its options is taken for ours.
    ///
    /// - Throws: `ValidationError` when the first word is no command.
    static func arranged(_ arguments: [String]) throws -> [String] {
        if arguments.first == "---completion" { return arguments }
        let commands = configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
        var words = 0
        var index = arguments.startIndex
        while index < arguments.endIndex, arguments[index] != "--" {
            let argument = arguments[index]
            if optionsWithValue.contains(argument) {
                index += 1
            } else if !argument.hasPrefix("-") {
                words += 1
                if words == 1, !commands.contains(argument) {
                    throw ValidationError("There is no command '\(argument)'.")
                }
                if words == 1, argument != "exec" { return arguments }
                // The second word is the target, the third where the remote command begins.
                if words == 3 { return arguments[..<index] + ["--"] + arguments[index...] }
            }
            index += 1
        }
        return arguments
    }
}
