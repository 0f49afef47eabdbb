import BootEntries
import Rollout
import TUF

/// What a publication does about the newest version that hosts of a variant and architecture may take.
public enum MaximumVersion: Sendable, Equatable {
    /// What was set stays, and holds for new releases too.
    case unchanged
    /// Every version may be taken.
    case removed
    /// This version of a release is the newest.
    case version(String)
}

extension Repository {
    /// The newest version that is set for the variant and architecture of a release; nil where none is.
    ///
    /// All releases should say the same; where they do not, the lowest is the cautious one.
    func maximum(like candidate: Candidate, in targets: Targets) throws(RepositoryError) -> UAPIVersion? {
        try RepositoryContents.releases(of: targets).filter { $0.isLike(candidate) }
            .compactMap(\.maxVersion).min()
    }

    /// Writes the newest version to all releases of the variant and architecture of a release.
    ///
    /// - Parameter version: nil takes it away.
    /// - Throws: `RepositoryError.badValue` for a version that no host could take: every release above it would be
    ///   recalled, and hosts would have nothing to go back to.
    func setMaximum(_ version: String?, like candidate: Candidate, in targets: inout Targets)
        throws(RepositoryError)
    {
        let releases = try RepositoryContents.releases(of: targets).filter { $0.isLike(candidate) }
        let place = "\(candidate.variant)/\(candidate.architecture)"
        var maximum: UAPIVersion?
        if let version {
            let offered = releases.filter { !$0.isWithdrawn }.map(\.version)
            maximum = offered.first { $0 == UAPIVersion(version) }
            guard maximum != nil else {
                let known = offered.isEmpty ? "there is none" : Self.list(offered)
                throw .badValue(
                    what: "the newest version of \(place)",
                    value: version,
                    allowed: "one that is published and not withdrawn: \(known)"
                )
            }
        }
        for release in releases {
            var changed = release
            changed.maxVersion = maximum
            targets.targets[release.targetName]?.custom = changed.custom
        }
        guard let maximum else { return progress("hosts of \(place) may take every version") }
        let recalled = releases.map(\.version).filter { $0 > maximum }
        progress(
            "the newest version that hosts of \(place) may take is \(maximum), which recalls "
                + (recalled.isEmpty ? "none" : "\(recalled.count): \(Self.list(recalled))")
        )
    }

    private static func list(_ versions: [UAPIVersion]) -> String {
        versions.prefix(20).map(\.text).joined(separator: ", ") + (versions.count > 20 ? " ..." : "")
    }
}

extension Candidate {
    /// Whether it is a release for the same hosts.
    func isLike(_ other: Candidate) -> Bool {
        variant == other.variant && architecture == other.architecture
    }
}
