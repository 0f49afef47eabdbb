import ArgumentParser
import Glibc
import HostAPIServer
import Presentation

/// The program `updater`: the service, and the command that people and units type.
public enum UpdaterProgram {
    /// Runs a command.
    ///
    /// - Parameter arguments: what stands behind the program's name.
    /// - Returns: the exit status: 0 done, 1 failed, 2 wrong usage, 64 another command is at work, 65 the state does not
    ///   allow it, 66 no such update, 67 nothing is staged.
    public static func main(arguments: [String]) async -> Int32 {
        // A closed pipe is an error of write(2), not the end in the middle of a command.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try UpdaterCommand.parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return 0
        } catch let failure as UpdateFailure {
            Output.tell("updater: \(failure)")
            return failure.exitStatus
        } catch {
            let code = UpdaterCommand.exitCode(for: error)
            let text = UpdaterCommand.fullMessage(for: error)
            if code == .success {
                Output.print(text)
                return 0
            }
            Output.tell(text)
            return code == .validationFailure ? 2 : 1
        }
    }
}

/// The commands.
struct UpdaterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "updater",
        abstract: "Looks for releases of the OS, writes one to the inactive slot, lets the next boot try it.",
        discussion: """
            The commands ask the service, which is the only program that writes slots and boot entries. A release that \
            was tried must prove itself; else the host goes back by itself.

            Examples:
              updater check-update
              updater update --reboot
              updater status --json

            Exit status: 0 done, 1 failed, 2 wrong usage, 64 another command is at work, 65 the state does not allow \
            it, 66 no such update, 67 nothing is staged.
            """,
        subcommands: [
            CheckUpdateCommand.self, UpdateCommand.self, PrepareCommand.self, ActivateCommand.self,
            DeactivateCommand.self, RollbackCommand.self, StatusCommand.self, CommitCommand.self,
            CheckConfigurationCommand.self, ServeCommand.self,
        ]
    )
}

/// `updater serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the service, on the socket that systemd hands over or on one of its own.",
        discussion: "Example: updater serve --socket /tmp/updater.sock --host /tmp/host --disk /tmp/disk.raw"
    )

    @OptionGroup var options: SocketOption

    @Option(help: ArgumentHelp("The folder that is \"/\" on a real host.", valueName: "folder"))
    var host = "/"

    @Option(
        help: ArgumentHelp("A disk or image file, instead of the one the root comes from.", valueName: "path")
    )
    var disk: String?

    func run() async throws {
        let place = UpdateHost(root: host, disk: disk)
        let logger = UpdaterLog.logger
        do {
            try await ServerProgram.serve(socketPath: options.socket, mode: 0o600, logger: logger) { socket in
                let server = try await UpdaterServer(place, socket: socket, logger: logger)
                return ServerProgram.Server(
                    greeting: "serving updates",
                    ping: { await server.ping() },
                    stop: { await server.stop() }
                )
            }
        } catch {
            throw UpdateFailure("\(error)")
        }
    }
}

/// `--socket`.
struct SocketOption: ParsableArguments {
    /// Where the service listens on a host.
    static let path = "/run/bulkhead/updater.sock"

    @Option(help: ArgumentHelp("The socket of the service.", valueName: "path"), completion: .file())
    var socket = Self.path
}
