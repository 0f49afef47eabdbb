import ArgumentParser
import HostAPI
import HostAPIClient
import JSON
import Presentation

/// `apiclient host-containers`.
struct HostContainersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host-containers",
        abstract: "The host and bootstrap containers: what they shall do, and what they do.",
        discussion: """
            Fails if one of them has failed, so that scripts may ask.

            Examples:
              apiclient host-containers
              apiclient host-containers --json
            """
    )

    @OptionGroup var output: JSONOption
    @OptionGroup var globals: GlobalOptions

    func run() async throws {
        let containers = try await CommandFailure.explaining("Failed to get the host containers") {
            let answer = try await globals.client.call(.getHostContainers)
            let json = try answer.json()
            let members = json.members ?? [:]
            let containers = try members.sorted { $0.key < $1.key }.map { _, member in
                try answer.reading { () throws(PayloadError) in try HostContainerStatus(json: member) }
            }
            try output.print(json) { Self.lines(containers) }
            return containers
        }
        if containers.contains(where: { $0.state == .failed }) { throw CommandFailure(nil) }
    }

    static func lines(_ containers: [HostContainerStatus]) -> [String] {
        guard !containers.isEmpty else { return ["There are no host containers in the settings."] }
        var table = TextTable([
            ("NAME", .left), ("KIND", .left), ("DESIRED", .left), ("STATE", .left), ("SINCE", .left),
            ("RESTARTS", .right), ("IMAGE", .left),
        ])
        for container in containers {
            table.add(
                HumanText.safe(container.name),
                container.kind.rawValue,
                container.desired.rawValue,
                container.state.rawValue + (container.progress.map { " \(Self.text(of: $0))" } ?? ""),
                container.since.description,
                String(container.restarts),
                HumanText.safe(container.image.source)
            )
        }
        let errors = containers.compactMap { container in
            container.lastError.map { "\(HumanText.safe(container.name)): \(HumanText.safe($0))" }
        }
        return table.lines(indent: 0) + (errors.isEmpty ? [] : [""]) + errors
    }

    private static func text(of progress: HostContainerStatus.Progress) -> String {
        let done = HumanText.size(progress.done)
        return progress.total > 0 ? "\(done) of \(HumanText.size(progress.total))" : done
    }
}
