import ArgumentParser
import Glibc

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
                APIClientCommand.separatingRemoteCommand(arguments)
            )
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return 0
        } catch let failure as CommandFailure {
            if let message = failure.message { Console.error(message) }
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
            ExecCommand.self,
            RawCommand.self, CompletionCommand.self,
        ],
        defaultSubcommand: RawCommand.self
    )

    @OptionGroup var globals: GlobalOptions

    /// Puts `--` before the command that `exec` runs elsewhere, so that none of its options is taken for ours.
    static func separatingRemoteCommand(_ arguments: [String]) -> [String] {
        var words = 0
        var index = arguments.startIndex
        while index < arguments.endIndex {
            let argument = arguments[index]
            if argument == "--" { return arguments }
            if ["-s", "--socket-path", "--log-level"].contains(argument) {
                index += 2
                continue
            }
            if !argument.hasPrefix("-") {
                words += 1
                // The first word is the command, the second the target, the third where the remote command begins.
                if words == 1, argument != "exec" { return arguments }
                if words == 3 { return arguments[..<index] + ["--"] + arguments[index...] }
            }
            index += 1
        }
        return arguments
    }
}
