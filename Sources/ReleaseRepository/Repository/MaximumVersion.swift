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

    /// The newest version that a publication sets, one for each variant and architecture of the builds.
    ///
    /// - Throws: `RepositoryError.badValue` for a version that no host could take: every release above it would be
    ///   recalled, and hosts would have nothing to go back to.
    func newMaxima(_ maximum: MaximumVersion, of folders: [ReleaseFolder], in targets: Targets)
        throws(RepositoryError) -> [(candidate: Candidate, maximum: UAPIVersion?)]
    {
        guard maximum != .unchanged else { return [] }
        let published = try RepositoryContents.releases(of: targets)
        var maxima: [(candidate: Candidate, maximum: UAPIVersion?)] = []
        for candidate in folders.map(\.candidate)
        where !maxima.contains(where: { $0.candidate.isLike(candidate) }) {
            guard case .version(let text) = maximum else {
                maxima.append((candidate, nil))
                continue
            }
            let new = folders.map(\.candidate).filter { new in
                !published.contains { $0.targetName == new.targetName }
            }
            let offered = (new + published).filter { $0.isLike(candidate) && !$0.isWithdrawn }.map(\.version)
            guard let version = offered.first(where: { $0 == UAPIVersion(text) }) else {
                let known = offered.isEmpty ? "there is none" : Self.list(offered)
                throw .badValue(
                    what: "the newest version of \(candidate.variant)/\(candidate.architecture)",
                    value: text,
                    allowed: "one that is published and not withdrawn: \(known)"
                )
            }
            maxima.append((candidate, version))
        }
        return maxima
    }

    /// Writes the newest version to all releases of the variant and architecture of a release; nil takes it away.
    func setMaximum(_ maximum: UAPIVersion?, like candidate: Candidate, in targets: inout Targets)
        throws(RepositoryError)
    {
        let releases = try RepositoryContents.releases(of: targets).filter { $0.isLike(candidate) }
        let place = "\(candidate.variant)/\(candidate.architecture)"
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
