import ArgumentParser
import HostAPI
import HostAPIClient
import JSON

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
            discussion: """
                Examples:
                  apiclient update check
                  apiclient update check --release 1.2.0
                """
        )

        @Option(
            help: ArgumentHelp(
                "Choose this release, also one that failed on this host before.",
                valueName: "version"
            )
        )
        var release: String?

        @OptionGroup var output: JSONOption
        @OptionGroup var globals: GlobalOptions

        func run() async throws {
            let status = try await UpdateRun(globals: globals).check(release: release)
            try output.print(status.json) { StatusText.lines(status) }
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
                // Why there is none was told.
                guard status.chosenUpdate != nil else { return }
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
                    as: .deactivate
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
                try output.print(json) { StatusText.lines(status) }
            }
        }
    }
}
