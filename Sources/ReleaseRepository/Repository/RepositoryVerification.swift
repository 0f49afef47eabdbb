import BootEntries
import Hashing
import JSON
import ReleaseManifest
import Rollout
public import TUF

/// Something that is wrong, or soon will be, with a repository.
public struct RepositoryFinding: Sendable, Equatable, Encodable {
    /// How bad it is.
    public enum Severity: String, Sendable, Encodable {
        /// Hosts cannot update, or not all of them.
        case error
        /// Hosts can update, but something needs care.
        case warning
    }

    /// How bad it is.
    public let severity: Severity
    /// The file or release that it is about.
    public let subject: String
    /// What is wrong and what to do.
    public let message: String
}

/// What was found in a repository.
public struct RepositoryReport: Sendable, Encodable {
    /// A release with what its description says.
    public struct Release: Sendable, Encodable {
        /// VARIANT/ARCH/VERSION.
        public let name: String
        /// Bytes of all its files.
        public let size: Int64
        /// When its last host may take it; nil if it is open to everybody.
        public let wavesEnd: String?
        /// Whether it was withdrawn or is above the newest version that is offered.
        public let isRecalled: Bool
        /// Whether it was withdrawn, for good.
        public let isWithdrawn: Bool
    }

    /// The versions of the metadata by role.
    public var versions: [String: Int64] = [:]
    /// When the metadata expire, by role.
    public var expires: [String: String] = [:]
    /// All releases.
    public var releases: [Release] = []
    /// Files that were read and checked.
    public var checkedFiles = 0
    /// What is wrong, errors first.
    public var findings: [RepositoryFinding] = []

    /// Whether hosts can update from it.
    public var isUsable: Bool { !findings.contains { $0.severity == .error } }
}

/// Checks a repository as its strictest reader would: every signature, version, length and digest of every file.
public enum RepositoryVerification {
    /// Checks a repository.
    ///
    /// - Parameters:
    ///   - storage: where it is; nothing is written.
    ///   - now: the time against which expiry is checked.
    ///   - margin: how many seconds before it expires metadata are named; a root at least 30 days before.
    ///   - progress: says what is being read.
    /// - Throws: `RepositoryError` where there is no repository, or it cannot be read; what is wrong with it is in the
    ///   report.
    public static func run(
        _ storage: some RepositoryStorage,
        now: MetadataTime,
        margin: Int64 = 2 * 86_400,
        progress: (String) -> Void = { _ in }
    ) throws(RepositoryError) -> RepositoryReport {
        var report = RepositoryReport()
        let contents: RepositoryContents
        do throws(RepositoryError) { contents = try RepositoryContents(reading: storage) } catch {
            guard case .metadata(let name, let problem) = error else { throw error }
            report.findings = [.init(severity: .error, subject: name, message: "\(problem)")]
            return report
        }
        if let root = contents.roots.latest?.signed {
            check(root, now, max(margin, rootMargin), &report)
        }
        check(contents.timestamp.signed, now, margin, &report)
        check(contents.snapshot.signed, now, margin, &report)
        check(contents.targets.signed, now, margin, &report)
        try checkTargets(storage, contents, progress, &report)
        checkReleases(storage, contents, &report)
        let leftovers =
            try RepositoryLeftovers.metadata(storage, contents)
            + RepositoryLeftovers.targets(storage, contents)
        for name in leftovers {
            report.findings.append(
                .init(
                    severity: .warning,
                    subject: name,
                    message:
                        "nothing refers to it: an interrupted change left it, and the next publication removes it"
                )
            )
        }
        report.findings =
            report.findings.filter { $0.severity == .error }
            + report.findings.filter { $0.severity != .error }
        return report
    }

    /// Seconds: people have to bring the keys of a root together.
    static let rootMargin: Int64 = 30 * 86_400

    private static func check<Role: SignedRole>(
        _ role: Role,
        _ now: MetadataTime,
        _ margin: Int64,
        _ report: inout RepositoryReport
    ) {
        report.versions[Role.type] = role.version
        report.expires[Role.type] = role.expires.description
        let remedy =
            Role.type == Root.type
            ? "bulkhead keys renew, then bulkhead repo refresh" : "bulkhead repo refresh"
        if role.expires <= now {
            report.findings.append(
                .init(
                    severity: .error,
                    subject: Role.type,
                    message: "it expired at \(role.expires), and hosts refuse it: run \(remedy)"
                )
            )
        } else if role.expires < now.advanced(by: margin) {
            report.findings.append(
                .init(
                    severity: .warning,
                    subject: Role.type,
                    message: "it expires soon, at \(role.expires): run \(remedy)"
                )
            )
        }
    }

    private static func checkTargets(
        _ storage: some RepositoryStorage,
        _ contents: RepositoryContents,
        _ progress: (String) -> Void,
        _ report: inout RepositoryReport
    ) throws(RepositoryError) {
        for (target, file) in contents.targets.signed.targets.sorted(by: { $0.key < $1.key }) {
            progress("checking \(target)")
            func fail(_ message: String) {
                report.findings.append(
                    .init(severity: .error, subject: target, message: "\(message); publish its build again")
                )
            }
            let sha256 = file.hashes["sha256"] ?? ""
            guard let digest = try storage.digest(RepositoryContents.fileName(target: target, sha256: sha256))
            else {
                fail("its file is missing")
                continue
            }
            report.checkedFiles += 1
            if digest.length != file.length {
                fail("it has \(digest.length) bytes, and the metadata say \(file.length)")
            } else if digest.sha256.hex != sha256 {
                fail("its SHA-256 is \(digest.sha256), and the metadata say \(sha256)")
            }
        }
    }

    private static func checkReleases(
        _ storage: some RepositoryStorage,
        _ contents: RepositoryContents,
        _ report: inout RepositoryReport
    ) {
        let targets = contents.targets.signed.targets
        for (target, file) in targets.sorted(by: { $0.key < $1.key }) where target.hasSuffix("/release.json")
        {
            func fail(_ message: String) {
                report.findings.append(.init(severity: .error, subject: target, message: message))
            }
            let candidate: Candidate
            do throws(RolloutError) { candidate = try Candidate(custom: file.custom ?? .null) } catch {
                fail("\(error)")
                continue
            }
            let name = String(target.dropLast("/release.json".count))
            report.releases.append(
                .init(
                    name: name,
                    size: targets.filter { $0.key.hasPrefix(name + "/") }.reduce(0) { $0 + $1.value.length },
                    wavesEnd: candidate.waves.end.map { MetadataTime(seconds: $0).description },
                    isRecalled: candidate.isRecalled,
                    isWithdrawn: candidate.isWithdrawn
                )
            )
            guard candidate.targetName == target else {
                fail("its description is that of \(candidate.targetName)")
                continue
            }
            let path = RepositoryContents.fileName(target: target, sha256: file.hashes["sha256"] ?? "")
            guard let bytes = try? storage.read(path, limit: ReleaseManifest.Release.sizeLimit) else {
                continue
            }
            do throws(ReleaseManifestError) {
                let release = try ReleaseManifest.Release(decoding: bytes)
                let isSame =
                    release.variant == candidate.variant && release.architecture == candidate.architecture
                    && release.version == candidate.version.text && release.root.hash == candidate.rootHash
                if !isSame { fail("it is the manifest of another release than its description says") }
                let root = ReleaseManifest.Release.File(
                    file: ReleaseFolder.rootName,
                    size: release.root.size,
                    sha256: release.root.sha256
                )
                for file in [root, release.uki] + release.transportFiles {
                    let target = targets["\(name)/\(file.file)"]
                    if target?.hashes["sha256"] != file.sha256.hex
                        || target?.length != Int64(clamping: file.size)
                    {
                        fail("the release has no \(file.file), or another than its manifest says")
                    }
                }
            } catch {
                fail("\(error)")
            }
        }
        report.releases.sort { $0.name < $1.name }
    }
}
