import ArgumentParser
import Debian
import ImageBuilder

/// `bulkhead lock`: pins the packages and tools of a variant, or the packages of a container.
struct LockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lock",
        abstract: "Resolve the packages of a variant or a container and write its packages.lock.",
        discussion: """
            apt's own solver chooses from trixie, trixie-updates and trixie-security, in a private state
            directory. Locked versions are kept as long as the archive has them; --update moves them. The lock of a
            variant has the build tools, too; that of a container (image/containers/) only its packages.

            Examples:
              bulkhead lock vm-containerd
              bulkhead lock vm-containerd --update openssl
              bulkhead lock vm-containerd --update
              bulkhead lock admin
            """
    )

    @Argument(help: "The variant, a folder below variants/; or the container, one below image/containers/.")
    var variant: String

    @Flag(
        name: .customLong("update"),
        help: "Take the newest versions: of the packages named behind it, or of all."
    )
    var update = false

    @Argument(help: ArgumentHelp("Packages to update; only with --update.", valueName: "package"))
    var packages: [String] = []

    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var place: PlaceOptions

    @Flag(help: "Print what changed as JSON.")
    var json = false

    func validate() throws {
        if !packages.isEmpty && !update {
            throw ValidationError("packages can only be named together with --update")
        }
    }

    func run() async throws {
        let locking = try Locking(variant, workspace: place.workspace())
        let choice: Locking.Update =
            update ? (packages.isEmpty ? .everything : .packages(Set(packages))) : .nothing
        let mirror = mirror
        let outcome = try await Interruption.stopping("'\(locking.lockFile)' is unchanged") {
            try await locking.run(archives: try await mirror.archives(), update: choice) {
                Console.error($0)
            }
        }
        if json {
            try Console.json(
                Dictionary(
                    uniqueKeysWithValues: outcome.differences.map { ($0.list.description, $0.difference) }
                )
            )
            return
        }
        for (list, difference) in outcome.differences {
            print("\(list):\n\(difference)")
        }
        if outcome.differences.isEmpty { print("nothing changed") }
        for list in outcome.lock.listNames {
            guard let packages = outcome.lock[list] else { continue }
            print("\(list): \(packages.packages.count) packages, \(packages.totalSize) bytes")
        }
    }
}
