import ArgumentParser
import Foundation
import ReleaseRepository
import Rollout
import TUF

/// `bulkhead repo`: the repository that hosts update from.
struct RepoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repo",
        abstract: "Publish releases in a signed repository (TUF) that any web server serves.",
        discussion: """
            A repository is a folder of static files. A change writes 'metadata/timestamp.json' last, so a reader sees
            the state before or after; what an interrupted change left is removed by the next one. A release is named
            VARIANT/ARCH/VERSION.

            Examples:
              bulkhead keys init keys
              bulkhead repo init site --keys keys
              bulkhead repo plan build/vm-containerd-amd64-0.1.0 build/vm-containerd-amd64-0.2.0
              bulkhead repo publish site build/vm-containerd-amd64-0.2.0 --keys keys
              bulkhead repo withdraw site vm-containerd/amd64/0.2.0 --keys keys
              bulkhead repo verify site
            """,
        subcommands: [
            RepoInitCommand.self, RepoPlanCommand.self, RepoPublishCommand.self, RepoWaveCommand.self,
            RepoPromoteCommand.self, RepoWithdrawCommand.self, RepoRefreshCommand.self,
            RepoVerifyCommand.self,
        ]
    )
}

/// `bulkhead repo init`.
struct RepoInitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make an empty repository.",
        discussion: """
            The folder is made. A repository that is there already is left as it is. A key ring is for one repository.

            Examples:
              bulkhead repo init site --keys keys
            """
    )

    @OptionGroup var options: RepositoryOptions

    @Flag(help: "Make one in place of another that this key ring published and that is lost.")
    var acceptOlder = false

    @Flag(help: "Print what was done as JSON.")
    var json = false

    func run() async throws {
        // Without a key ring no folder is made.
        _ = try KeyRing(reading: options.keys)
        try FolderStorage.makeFolder(options.folder)
        let isNew = try await options.repository().initialize(acceptingOlder: acceptOlder)
        if json { return try Console.json(RepositoryChange(changed: isNew)) }
        print(isNew ? "\(options.folder): made" : "\(options.folder): there already, nothing changed")
    }
}

/// `bulkhead repo publish`.
struct RepoPublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Publish builds: hosts take them in waves.",
        discussion: """
            A build is a folder that 'bulkhead build' made. Its files are checked against its release.json, copied, and
            the metadata written. What saves hosts bytes is made on the way: the root in frames that can be fetched one
            by one, their index, and packs from the releases before. Publishing the same build again changes nothing,
            and a version that is published can never get other bytes.

            Without --schedule or --open, 1 % of the hosts may take a release after an hour and all within a week.
            Versions are ordered as the boot loader orders them: 1.0.0~rc1 comes before 1.0.0, 1.0.0-1 after it.

            Examples:
              bulkhead repo publish site build/vm-containerd-amd64-0.2.0 --keys keys
              bulkhead repo publish site BUILD --keys keys --schedule waves.toml
              bulkhead repo publish site BUILD --keys keys --open
            """
    )

    @OptionGroup var options: RepositoryOptions

    @Argument(help: ArgumentHelp("Build folders.", valueName: "build"))
    var builds: [String]

    @Option(help: ArgumentHelp("The waves, in TOML.", valueName: "file"))
    var schedule: String?

    @Flag(help: "Let all hosts take it now.")
    var open = false

    @Option(
        help: ArgumentHelp(
            "The newest version that hosts of the variant and architecture may take, of releases to come too.",
            valueName: "version"
        )
    )
    var maxVersion: String?

    @Flag(help: "Let hosts of the variant and architecture take every version again.")
    var noMaxVersion = false

    @Option(
        help: ArgumentHelp(
            "From how many of the releases before it a new release gets a pack, which saves hosts bytes.",
            valueName: "releases"
        )
    )
    var packs = 3

    @Flag(help: "Print what was done as JSON.")
    var json = false

    func validate() throws {
        if !(0...64).contains(packs) { throw ValidationError("--packs \(packs): give 0 to 64") }
        if open && schedule != nil { throw ValidationError("--open and --schedule exclude each other") }
        if noMaxVersion && maxVersion != nil {
            throw ValidationError("--max-version and --no-max-version exclude each other")
        }
    }

    func run() async throws {
        let repository = try options.repository()
        let waves =
            try open ? WaveTable.open : WaveTable(ScheduleFile.read(schedule), from: repository.now.seconds)
        let folders = try builds.map { try ReleaseFolder(reading: $0) }
        let packs = packs
        let maximum = noMaxVersion ? .removed : maxVersion.map(MaximumVersion.version) ?? .unchanged
        let result = try await Interruption.stopping("hosts see the repository as it was before") {
            try await repository.publish(folders, waves: waves, maximum: maximum, packs: packs)
        }
        if json {
            try Console.json(RepositoryChange(changed: result.isChanged, releases: result.added))
        } else {
            show(result, waves, maximum)
        }
        if !result.lost.isEmpty { throw RepositoryError.lost(files: result.lost) }
    }

    private func show(_ result: Publication, _ waves: WaveTable, _ maximum: MaximumVersion) {
        for name in result.restored { print("\(name): lost or damaged, and put back") }
        for name in result.added {
            let end = waves.end.map { "; all hosts by \(MetadataTime(seconds: $0))" } ?? "; open to all hosts"
            print("\(name): published\(end)")
        }
        if !result.isChanged {
            print("published already, nothing changed")
        } else if result.added.isEmpty, result.hasNewMetadata {
            print("published already; newest version set")
        }
    }
}

/// `bulkhead repo promote`.
struct RepoPromoteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Let all hosts take a release now, whatever its waves.",
        discussion: """
            Examples:
              bulkhead repo promote site vm-containerd/amd64/0.2.0 --keys keys
            """
    )

    @OptionGroup var options: RepositoryOptions

    @Argument(help: "The release: VARIANT/ARCH/VERSION.")
    var release: String

    @Flag(help: "Print what was done as JSON.")
    var json = false

    func run() async throws {
        let changed = try await options.repository().promote(release)
        if json { return try Console.json(RepositoryChange(changed: changed, releases: [release])) }
        print("\(release): \(changed ? "open to all hosts" : "open to all hosts already, nothing changed")")
    }
}

/// `bulkhead repo withdraw`.
struct RepoWithdrawCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "withdraw",
        abstract: "Withdraw a release: no host takes it, and hosts that run it say so.",
        discussion: """
            A host that runs it stays on it until there is a newer one: publish the older content under a newer version,
            or go back to the other slot of a host with 'updater rollback'. A withdrawn release cannot be offered again.

            Examples:
              bulkhead repo withdraw site vm-containerd/amd64/0.2.0 --keys keys
            """
    )

    @OptionGroup var options: RepositoryOptions

    @Argument(help: "The release: VARIANT/ARCH/VERSION.")
    var release: String

    @Flag(help: "Print what was done as JSON.")
    var json = false

    func run() async throws {
        let changed = try await options.repository().withdraw(release)
        if json { return try Console.json(RepositoryChange(changed: changed, releases: [release])) }
        print("\(release): \(changed ? "withdrawn" : "withdrawn already, nothing changed")")
    }
}

/// `bulkhead repo refresh`.
struct RepoRefreshCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh",
        abstract: "Renew metadata before they expire, and take over keys that were rotated.",
        discussion: """
            The timestamp is always renewed; snapshot and targets when half of their life is over, or when the key ring
            has new root metadata. Run it daily: hosts refuse metadata that have expired.

            The key ring notes what it published last, and a repository that is older is refused: a restored backup, or
            somebody's replay. After a loss --accept-older goes on from a backup; what was withdrawn or published since
            must be withdrawn or published again.

            Examples:
              bulkhead repo refresh site --keys keys
            """
    )

    @OptionGroup var options: RepositoryOptions

    @Flag(help: "Take a repository that is older than what was published last.")
    var acceptOlder = false

    @Flag(help: "Print what was done as JSON.")
    var json = false

    func run() async throws {
        let written = try await options.repository().refresh(acceptingOlder: acceptOlder)
        if json { return try Console.json(RepositoryChange(changed: !written.isEmpty, written: written)) }
        print(written.isEmpty ? "nothing changed" : "renewed \(written.joined(separator: ", "))")
    }
}
