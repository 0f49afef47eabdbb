import ArgumentParser
import Presentation
import ReleaseRepository
import TUF

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
            "Warn of metadata that expire within this time, of a root 30 days before at least; '2 days' by default.",
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
                release.isWithdrawn ? "withdrawn" : release.isRecalled ? "not now" : release.wavesEnd ?? "now"
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
