import ArgumentParser
import HostAPI
import HostAPIClient
import JSON
import Presentation

/// `apiclient update`.
struct UpdateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update",
        abstract: "Look for updates of the OS, write one to the disk, take it back.",
        discussion: """
            Examples:
              apiclient update check
              apiclient update apply --check --reboot
            """,
        subcommands: [Check.self, Apply.self, Cancel.self, Status.self]
    )

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Look for updates and print what there is.",
            discussion: "Example: apiclient update check"
        )

        @OptionGroup var output: JSONOption
        @OptionGroup var globals: GlobalOptions

        func run() async throws {
            let status = try await UpdateRun(globals: globals).check()
            try output.print(status.json) { UpdateRun.lines(status) }
        }
    }

    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the chosen update to the inactive slot; the next boot takes it.",
            discussion: "Example: apiclient update apply --check --reboot"
        )

        @Flag(name: .shortAndLong, help: "Look for updates first and take what is found.")
        var check = false

        @Flag(name: .shortAndLong, help: "Reboot if an update was found and written.")
        var reboot = false

        @OptionGroup var globals: GlobalOptions

        func run() async throws {
            let run = UpdateRun(globals: globals)
            if check {
                let status = try await run.check()
                if status.state == .ready {
                    globals.info("An update is already applied; reboot for it to take effect, or cancel it.")
                    return
                }
                guard status.chosenUpdate != nil else {
                    globals.info("No updates available.")
                    return
                }
            }
            try await run.apply()
            guard reboot else {
                globals.info("Update has been applied and will take effect on next reboot.")
                return
            }
            try await CommandFailure.explaining("Failed to reboot") {
                _ = try await globals.client.call(.reboot)
                globals.info("Rebooting, goodbye...")
            }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let the next boot take the running OS again.",
            discussion: "Example: apiclient update cancel"
        )

        @OptionGroup var globals: GlobalOptions

        func run() async throws {
            try await CommandFailure.explaining("Failed to cancel update") {
                _ = try await UpdateRun(globals: globals).command(
                    .deactivateUpdate,
                    as: .deactivate,
                    limit: .seconds(60)
                )
                globals.info("Update has been cancelled: the next boot takes the running OS.")
            }
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How far an update is.",
            discussion: "Example: apiclient update status"
        )

        @OptionGroup var output: JSONOption
        @OptionGroup var globals: GlobalOptions

        func run() async throws {
            try await CommandFailure.explaining("Failed to get the update status") {
                let answer = try await globals.client.call(.getUpdateStatus)
                let json = try answer.json()
                let status = try answer.reading { () throws(PayloadError) in try UpdateStatus(json: json) }
                try output.print(json) { UpdateRun.lines(status) }
            }
        }
    }
}

/// The commands of an update, each of which goes on after its answer and is waited for here.
struct UpdateRun {
    var globals: GlobalOptions
    /// How long the status may stay as it was before an end within the same second is believed.
    var doubt = Duration.seconds(3)

    /// Looks for updates.
    func check() async throws -> UpdateStatus {
        globals.info("Refreshing updates...")
        return try await CommandFailure.explaining("Failed to check for updates") {
            let status = try await command(
                .refreshUpdates,
                as: .refresh,
                limit: .seconds(60),
                interval: .milliseconds(100)
            )
            if status.chosenUpdate == nil { globals.info("No updates available.") }
            return status
        }
    }

    /// Writes the chosen update and lets the next boot take it.
    func apply() async throws {
        try await CommandFailure.explaining("Failed to apply update") {
            globals.info("Downloading and applying update to disk...")
            _ = try await command(.prepareUpdate, as: .prepare, limit: .seconds(600))
            globals.info("Setting the update active so it will apply on the next reboot...")
            _ = try await command(.activateUpdate, as: .activate, limit: .seconds(60))
        }
    }

    /// Starts a command and waits for its end.
    func command(
        _ operation: Operation,
        as kind: UpdateStatus.Command.Kind,
        limit: Duration,
        interval: Duration = .milliseconds(500)
    ) async throws -> UpdateStatus {
        let before = try await status()?.mostRecentCommand
        _ = try await globals.client.call(operation)
        let start = ContinuousClock.now
        var told = start
        while true {
            let waited = ContinuousClock.now - start
            if let status = try await status() {
                let command = status.mostRecentCommand
                if command.kind == kind, command.status != .unknown, command != before || waited > doubt {
                    guard command.status == .success else {
                        let reason = command.stderr.flatMap { $0.isEmpty ? nil : $0 }
                        throw CommandFailure(
                            "The command '\(kind.rawValue)' failed: \(reason ?? "no reason given; see the host's journal")"
                        )
                    }
                    return status
                }
            }
            guard waited < limit else {
                throw CommandFailure(
                    "The command '\(kind.rawValue)' did not end within \(limit.components.seconds) seconds: it may go on; 'apiclient update status' tells"
                )
            }
            if ContinuousClock.now - told > .seconds(5) {
                told = .now
                let left = (limit - waited).components.seconds
                globals.info("Still waiting for updated status, will wait up to \(left)s longer...")
            }
            try await Task.sleep(for: interval)
        }
    }

    /// The status; nil before the first command, and while one is under way.
    private func status() async throws -> UpdateStatus? {
        do {
            let answer = try await globals.client.call(.getUpdateStatus)
            let json = try answer.json()
            return try answer.reading { () throws(PayloadError) in try UpdateStatus(json: json) }
        } catch {
            if case HostAPIError.problem(let problem) = error, [404, 423].contains(problem.status) {
                return nil
            }
            throw error
        }
    }

    /// The status for people.
    static func lines(_ status: UpdateStatus) -> [String] {
        func name(_ image: UpdateStatus.Image) -> String {
            HumanText.safe("\(image.variant) \(image.version) (\(image.arch))")
        }
        var table = TextTable(alignments: [.left, .left])
        table.add("state", status.state.rawValue)
        table.add("available", HumanText.safe(status.availableUpdates.joined(separator: ", ")))
        table.add("chosen", status.chosenUpdate.map(name) ?? "none")
        for (title, slot) in [
            ("active slot", status.activePartition), ("staging slot", status.stagingPartition),
        ] {
            table.add(title, slot.map { name($0.image) + ($0.nextToBoot ? ", next to boot" : "") } ?? "none")
        }
        let command = status.mostRecentCommand
        table.add(
            "last command",
            "\(command.kind.rawValue): \(command.status.rawValue), \(command.timestamp)"
        )
        if let text = command.stderr, !text.isEmpty { table.add("", HumanText.safe(text)) }
        return table.lines(indent: 0)
    }
}
