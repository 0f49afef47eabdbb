public import BootEntries
import TUF

/// What a host is and what its operator wants, as far as it decides which release is taken.
public struct UpdatePolicy: Sendable, Equatable {
    /// The host's variant.
    public var variant: String
    /// The Debian name of the host's architecture.
    public var architecture: String
    /// The version that runs.
    public var running: UAPIVersion
    /// The host's place in the waves, 0 to 2047 (`updates.seed`).
    public var seed: Int
    /// The version that the host updates to; nil for the latest (`updates.version-lock`).
    public var versionLock: UAPIVersion?
    /// Whether a release is taken before its wave has come (`updates.ignore-waves`).
    public var ignoresWaves: Bool
    /// Versions that were tried here and did not prove themselves.
    public var failedVersions: [UAPIVersion]
    /// A version that the operator asks for by name, this once; it counts instead of the lock, and a failure here before
    /// does not stop it.
    public var requested: UAPIVersion?

    /// States a host; whatever is not named is as on a host without settings.
    public init(
        variant: String,
        architecture: String,
        running: UAPIVersion,
        seed: Int,
        versionLock: UAPIVersion? = nil,
        ignoresWaves: Bool = false,
        failedVersions: [UAPIVersion] = [],
        requested: UAPIVersion? = nil
    ) {
        self.variant = variant
        self.architecture = architecture
        self.running = running
        self.seed = seed
        self.versionLock = versionLock
        self.ignoresWaves = ignoresWaves
        self.failedVersions = failedVersions
        self.requested = requested
    }
}

/// What a host does about updates now.
public enum UpdateDecision: Sendable, Equatable {
    /// It takes a release.
    case take(Candidate)
    /// It takes none.
    case none(NoUpdateReason)
}

/// Why a host takes no release: the answer to "why no update?".
public enum NoUpdateReason: Sendable, Equatable, CustomStringConvertible {
    /// The repository has no release of the variant and architecture.
    case noReleases(variant: String, architecture: String)
    /// The running version is the newest that is offered.
    case upToDate(running: UAPIVersion)
    /// The version that was asked for, or locked to, runs.
    case alreadyRunning(UAPIVersion)
    /// The repository has no release of the version that was asked for, or locked to.
    case noSuchVersion(UAPIVersion, wish: Wish)
    /// The wave of this host has not come; `opens` is when it does, in seconds since 1970.
    case waveNotOpen(UAPIVersion, opens: Int64)
    /// The release was tried here and did not prove itself.
    case failedHere(UAPIVersion)
    /// The release was withdrawn.
    case withdrawn(UAPIVersion)
    /// The release is above the newest version that is offered.
    case aboveMaximum(UAPIVersion, maximum: UAPIVersion)
    /// The release is older than the running one, which was not withdrawn.
    case older(UAPIVersion, running: UAPIVersion)
    /// The running release was withdrawn, and the operator does not allow older ones.
    case downgradeNotAllowed(running: UAPIVersion, to: UAPIVersion)
    /// The running release was withdrawn, and there is nothing else to run.
    case nothingToReturnTo(running: UAPIVersion)

    /// Who named a version.
    public enum Wish: Sendable, Equatable {
        /// The operator, for this once.
        case request
        /// The setting `updates.version-lock`.
        case lock
    }

    /// The reason as a sentence, with what the operator can do about it.
    public var description: String {
        switch self {
        case .noReleases(let variant, let architecture):
            "the repository has no release of \(variant) for \(architecture); "
                + "compare updates.metadata-base-url with where that variant is published"
        case .upToDate(let running):
            "\(running) is the newest release that is offered"
        case .alreadyRunning(let version):
            "\(version) is the version that is wanted, and it runs"
        case .noSuchVersion(let version, .request):
            "the repository has no release \(version) for this host; name one that it has"
        case .noSuchVersion(let version, .lock):
            "the repository has no release \(version), to which updates.version-lock holds this host; "
                + "set it to a version that there is, or to 'latest'"
        case .waveNotOpen(let version, let opens):
            "the wave of this host for \(version) has not come: it does at \(MetadataTime(seconds: opens)); "
                + "set updates.ignore-waves to take it now"
        case .failedHere(let version):
            "\(version) was tried on this host and did not prove itself; "
                + "ask for it by its version to try again, or wait for a newer one"
        case .withdrawn(let version):
            "\(version) was withdrawn by its publisher; wait for a newer one"
        case .aboveMaximum(let version, let maximum):
            "\(version) is above \(maximum), the newest version that its publisher offers now"
        case .older(let version, let running):
            "\(version) is older than \(running), which runs, and hosts only go forward: return to the other slot where that "
                + "holds it ('rollback'), or publish the older content under a newer version"
        case .downgradeNotAllowed(let running, let older):
            "\(running), which runs, was withdrawn, and only the older \(older) could replace it; "
                + "hosts don't go back by themselves: publish the older content under a newer version, or return to the "
                + "other slot where that holds it ('rollback')"
        case .nothingToReturnTo(let running):
            "\(running), which runs, was withdrawn, and the repository offers nothing else that this host may take; "
                + "wait for a newer release"
        }
    }
}
