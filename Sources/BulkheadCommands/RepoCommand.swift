import ArgumentParser
import Foundation
import Presentation
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
            The folder is made. A repository that is there already is left as it is.

            Examples:
              bulkhead repo init site --keys keys
            """
    )

    @OptionGroup var options: RepositoryOptions

    @Flag(help: "Print what was done as JSON.")
    var json = false

    func run() async throws {
        // Without a key ring no folder is made.
        _ = try KeyRing(reading: options.keys)
        try FileManager.default.createDirectory(
            atPath: options.folder,
            withIntermediateDirectories: true
        )
        let isNew = try await options.repository().initialize()
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
            the metadata written. What saves hosts bytes is made on the way: the root in frames
            that can be fetched one by one, their index, and packs from the releases before. Publishing the same build again changes nothing, and a version that is published
            can never get other bytes.

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
            "The newest version that hosts of the variant and architecture may take; written to all their releases.",
            valueName: "version"
        )
    )
    var maxVersion: String?

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
    }

    func run() async throws {
        let repository = try options.repository()
        let waves =
            try open ? WaveTable.open : WaveTable(ScheduleFile.read(schedule), from: repository.now.seconds)
        let folders = try builds.map { try ReleaseFolder(reading: $0) }
        let (maximum, packs) = (maxVersion, packs)
        let added = try await Interruption.stopping("hosts see the repository as it was before") {
            try await repository.publish(folders, waves: waves, maxVersion: maximum, packs: packs)
        }
        if json { return try Console.json(RepositoryChange(changed: !added.isEmpty, releases: added)) }
        for name in added {
            let end = waves.end.map { "; all hosts by \(MetadataTime(seconds: $0))" } ?? "; open to all hosts"
            print("\(name): published\(end)")
        }
        if added.isEmpty {
            print(
                maximum == nil
                    ? "published already, nothing changed" : "published already; newest version set"
            )
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
        abstract: "Withdraw a release: no host takes it, and hosts that run it may go back.",
        discussion: """
            A host goes back to an older release only where its operator allows that. A withdrawn release cannot be
            offered again: publish a new version.

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

            Examples:
              bulkhead repo refresh site --keys keys
            """
    )

    @OptionGroup var options: RepositoryOptions

    @Flag(help: "Print what was done as JSON.")
    var json = false

    func run() async throws {
        let written = try await options.repository().refresh()
        if json { return try Console.json(RepositoryChange(changed: !written.isEmpty, written: written)) }
        print(written.isEmpty ? "nothing changed" : "renewed \(written.joined(separator: ", "))")
    }
}

/// `bulkhead repo verify`.
struct RepoVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check a repository: signatures, versions, digests and lengths of all files, and expiry.",
        discussion: """
            No keys are needed. Also named are files that nothing refers to, and metadata that expire soon.

            Exit status: 0 hosts can update from it, perhaps with warnings; 1 they cannot, or not all; 2 wrong usage.

            Examples:
              bulkhead repo verify site
              bulkhead repo verify site --within '4 days' --json
            """
    )

    @Argument(help: ArgumentHelp("The repository's folder.", valueName: "repository"))
    var folder: String

    @Option(
        help: ArgumentHelp(
            "Warn of metadata that expire within this time; '2 days' by default.",
            valueName: "duration"
        )
    )
    var within: DurationArgument?

    @OptionGroup var time: TimeOptions

    @Flag(help: "Print everything as JSON.")
    var json = false

    func run() throws {
        let status = StatusLine()
        defer { status.clear() }
        let report = try RepositoryVerification.run(
            FolderStorage(folder, forWriting: false),
            now: time.moment(),
            margin: within?.seconds ?? 2 * 86_400
        ) { status.show($0) }
        status.clear()
        if json {
            try Console.json(report)
        } else {
            show(report)
        }
        if !report.isUsable { throw ExitCode.failure }
    }

    private func show(_ report: RepositoryReport) {
        var roles = TextTable([("role", .left), ("version", .right), ("expires", .left)])
        for role in Root.topLevelRoles where report.versions[role] != nil {
            roles.add(role, "\(report.versions[role] ?? 0)", report.expires[role] ?? "")
        }
        print(roles.lines().joined(separator: "\n"))
        var releases = TextTable([("release", .left), ("size", .right), ("for all hosts", .left)])
        for release in report.releases {
            releases.add(
                HumanText.safe(release.name),
                HumanText.size(UInt64(clamping: release.size)),
                release.isRecalled ? "withdrawn" : release.wavesEnd ?? "now"
            )
        }
        print((report.releases.isEmpty ? ["  no releases"] : releases.lines()).joined(separator: "\n"))
        for finding in report.findings {
            print(
                "\(finding.severity.rawValue): \(HumanText.safe(finding.subject)): \(HumanText.safe(finding.message))"
            )
        }
        let files = HumanText.count(report.checkedFiles, "file")
        print(
            report.isUsable
                ? "\(files) checked, hosts can update" : "hosts cannot update from this repository"
        )
    }
}
