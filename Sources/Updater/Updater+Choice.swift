import BootEntries
import Hashing
import HostAPI
import Rollout
import TUF

extension Updater {
    /// What this host is and what its settings want.
    func makePolicy(requesting version: String?, ignoringWaves: Bool) throws(UpdaterError) -> UpdatePolicy {
        let configuration = try environment.configuration()
        let system = environment.system
        return UpdatePolicy(
            variant: system.variant,
            architecture: system.architecture,
            running: system.version,
            seed: configuration.seed,
            versionLock: configuration.versionLock,
            ignoresWaves: ignoringWaves || configuration.ignoresWaves,
            failedVersions: failures.map { UAPIVersion($0.version) },
            requested: version.map { UAPIVersion($0) }
        )
    }

    static func choose(
        _ offers: [ReleaseFeed.Offer],
        _ policy: UpdatePolicy,
        now: Int64
    ) throws(UpdaterError) -> UpdateDecision {
        do throws(RolloutError) {
            return try UpdateSelection.choose(from: offers.map(\.candidate), policy: policy, now: now)
        } catch {
            throw .configuration(error.description)
        }
    }

    /// Versions that this host could update to, the newest first: those of its variant that were not recalled.
    ///
    /// At most 100 of them: they are part of the record.
    static func available(_ offers: [ReleaseFeed.Offer], to policy: UpdatePolicy) -> [String] {
        offers.map(\.candidate)
            .filter {
                $0.variant == policy.variant && $0.architecture == policy.architecture && !$0.isRecalled
                    && $0.version > policy.running
            }
            .sorted { $0.version > $1.version }
            .prefix(100)
            .map(\.version.text)
    }

    static func image(_ candidate: Candidate) -> UpdateStatus.Image {
        UpdateStatus.Image(
            arch: candidate.architecture,
            version: candidate.version.text,
            variant: candidate.variant
        )
    }

    /// The signed digest of an offer's manifest.
    static func digest(of offer: ReleaseFeed.Offer) throws(UpdaterError) -> SHA256Digest {
        guard let digest = offer.manifest.hashes["sha256"].flatMap({ SHA256Digest(hex: $0) }) else {
            throw .metadata("the target '\(offer.candidate.targetName)' has no sha256 hash")
        }
        return digest
    }
}
