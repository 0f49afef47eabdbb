import ArgumentParser
import HostAPI
import HostAPIClient
import JSON
import Presentation
import Systemd
import Updater

/// `--json`.
struct JSONFlag: ParsableArguments {
    @Flag(name: [.customShort("j"), .long], help: "Print JSON.")
    var json = false

    func print(_ json: JSONValue, _ lines: () -> [String]) {
        Output.print(self.json ? json.prettyText : lines().joined(separator: "\n"))
    }
}

/// `updater check-update`.
struct CheckUpdateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-update",
        abstract: "Look for updates and print the one that would be taken.",
        discussion: "Example: updater check-update --all",
        aliases: ["whats"]
    )

    @Flag(name: .shortAndLong, help: "Print every newer release for this host, 100 at most.")
    var all = false

    @Flag(
        name: [.customShort("n"), .customLong("ignore-waves")],
        help: "Do not wait for the wave of this host."
    )
    var ignoresWaves = false

    @OptionGroup var output: JSONFlag
    @OptionGroup var options: SocketOption

    func run() async throws {
        let status = try await UpdateSession(socket: options.socket).run(
            .refresh,
            query: ignoresWaves ? [("ignore-waves", "true")] : []
        )
        if all {
            let image = status.activePartition?.image
            let found = status.availableUpdates.map {
                UpdateStatus.Image(arch: image?.arch ?? "", version: $0, variant: image?.variant ?? "")
            }
            return output.print(.array(found.map(Self.json))) { found.map(StatusText.name) }
        }
        if let chosen = status.chosenUpdate {
            output.print(Self.json(chosen)) { [StatusText.name(chosen)] }
        } else {
            if output.json { Output.print("null") }
            Output.tell("no update: \(status.noUpdateReason ?? "none is offered")")
        }
    }

    private static func json(_ image: UpdateStatus.Image) -> JSONValue {
        ["variant": .string(image.variant), "arch": .string(image.arch), "version": .string(image.version)]
    }
}

/// `updater update`.
struct UpdateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update",
        abstract: "Look for an update, write it to the inactive slot and let the next boot try it.",
        discussion: "Example: updater update --image 1.2.0 --reboot"
    )

    @Option(name: .shortAndLong, help: ArgumentHelp("Take this release.", valueName: "version"))
    var image: String?

    @Flag(name: .shortAndLong, help: "Do not wait for the wave of this host, for this once.")
    var now = false

    @Flag(name: .shortAndLong, help: "Reboot into it.")
    var reboot = false

    @OptionGroup var options: SocketOption

    func run() async throws {
        let session = UpdateSession(socket: options.socket)
        var query: [(String, String)] = []
        if let image { query.append(("version", image)) }
        if now { query.append(("ignore-waves", "true")) }
        let status = try await session.run(.refresh, query: query)
        if status.state == .ready {
            // A reboot would cut its health checks off, and take one of its tries.
            guard status.stagingPartition != nil else {
                let version = status.chosenUpdate?.version ?? "the release that runs"
                let error = UpdaterError.trialRuns(version: version)
                throw UpdateFailure(error.description, exitStatus: error.exitStatus)
            }
            Output.tell(
                "an update is activated already: reboot into it, or take it back ('updater deactivate')"
            )
        } else {
            guard let chosen = status.chosenUpdate else {
                let reason = status.noUpdateReason ?? "none is offered"
                guard image == nil else { throw UpdateFailure(reason, exitStatus: 66) }
                return Output.tell("no update: \(reason)")
            }
            Output.tell("installing \(StatusText.name(chosen))")
            _ = try await session.run(.prepare)
            _ = try await session.run(.activate)
            Output.tell("the next boot tries \(StatusText.name(chosen))")
        }
        if reboot { try Reboot.now() }
    }
}

/// `updater prepare`.
struct PrepareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prepare",
        abstract: "Write the chosen update to the inactive slot; nothing that boots changes.",
        discussion: "Example: updater prepare",
        aliases: ["update-image"]
    )

    @OptionGroup var options: SocketOption

    func run() async throws { _ = try await UpdateSession(socket: options.socket).run(.prepare) }
}

/// `updater activate`.
struct ActivateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "activate",
        abstract: "Let the next boot try the staged update.",
        discussion: "Example: updater activate --reboot",
        aliases: ["update-apply"]
    )

    @Flag(name: .shortAndLong, help: "Reboot into it.")
    var reboot = false

    @OptionGroup var options: SocketOption

    func run() async throws {
        _ = try await UpdateSession(socket: options.socket).run(.activate)
        if reboot { try Reboot.now() }
    }
}

/// `updater deactivate`.
struct DeactivateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deactivate",
        abstract: "Let the next boot take the running release; stops a 'prepare' that is at work.",
        discussion: "Example: updater deactivate",
        aliases: ["update-revert"]
    )

    @OptionGroup var options: SocketOption

    func run() async throws { _ = try await UpdateSession(socket: options.socket).run(.deactivate) }
}

/// `updater rollback`.
struct RollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Let the next boot take the release before this one, if the other slot still holds it.",
        discussion: """
            The other slot is read and verified first. Then the running release loses its boot entry, which can't be \
            undone: to have it again, install it again ('updater update -i VERSION').

            Example: updater rollback --reboot
            """
    )

    @Flag(name: .shortAndLong, help: "Reboot into it.")
    var reboot = false

    @OptionGroup var options: SocketOption

    func run() async throws {
        try await UpdateSession(socket: options.socket).call(.rollBack, limit: .seconds(1800))
        Output.tell("the next boot takes the release in the other slot")
        if reboot { try Reboot.now() }
    }
}

/// `updater status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "How far an update is.",
        discussion: "Example: updater status --json"
    )

    @OptionGroup var output: JSONFlag
    @OptionGroup var options: SocketOption

    func run() async throws {
        guard let status = try await UpdateSession(socket: options.socket).status() else {
            throw UpdateFailure("a command is at work: ask again when it has ended", exitStatus: 64)
        }
        output.print(status.json) { StatusText.lines(status) }
    }
}

/// `updater commit`.
struct CommitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "commit",
        abstract: "Commit the running release, which has proved itself; for bulkhead-commit-boot.service.",
        discussion: "Example: updater commit"
    )

    @OptionGroup var options: SocketOption

    func run() async throws {
        try await UpdateSession(socket: options.socket).call(.commitBoot, limit: .seconds(100))
    }
}

/// Restarts the machine.
enum Reboot {
    static func now() throws {
        do throws(SystemdError) {
            var manager = try ServiceManager()
            try manager.reboot()
        } catch {
            throw UpdateFailure("the host can't be rebooted: \(error)")
        }
        Output.tell("rebooting")
    }
}
