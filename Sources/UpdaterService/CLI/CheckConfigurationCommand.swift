import ArgumentParser
import JSON
import SmallFiles
import Updater

/// `updater check-configuration`.
struct CheckConfigurationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-configuration",
        abstract:
            "Say whether the service can use what settings have rendered; for its unit, when that changed.",
        discussion: """
            The service reads its configuration when a command begins, so that a change needs no restart, which would \
            end a command at work.

            Example: updater check-configuration
            """
    )

    @Option(help: ArgumentHelp("The folder that is \"/\" on a real host.", valueName: "folder"))
    var host = "/"

    func run() throws {
        let path = UpdateHost(root: host).configurationFile
        if Self.namesNoRepository(path) {
            return Output.tell("the settings do not say where updates come from: this host takes none")
        }
        do throws(UpdaterError) { _ = try UpdaterConfiguration(file: path) } catch {
            throw UpdateFailure(error.description)
        }
    }

    /// Whether it is the configuration of a host that nobody has set up for updates, which is no fault.
    private static func namesNoRepository(_ path: String) -> Bool {
        guard let bytes = try? readSmallFile(path, maximumLength: 256 << 10),
            let members = try? JSONValue(parsing: bytes).members
        else { return false }
        return ["metadata-base-url", "targets-base-url"].allSatisfy { name in
            members[name].map { $0 == .null || $0.string == "" } ?? true
        }
    }
}
