import BootEntries

/// Chooses the release that a host takes: a pure function of what is offered, what runs, and what is wanted.
///
/// * Only releases of the host's variant and architecture count, and none that was withdrawn or lies above its
///   `maxVersion`.
/// * A release counts from when its wave reaches the host, unless the host ignores waves; that also holds for a version
///   asked for by name or locked to.
/// * A version asked for by name comes before a lock, and a lock before the newest.
/// * A release that failed here is not taken again unless it is asked for by name. A lock does not count as asking: the
///   host would try it for ever.
/// * An older release is never taken; where the running one was recalled, the reason says so (docs/decisions/0015).
public enum UpdateSelection {
    /// Chooses.
    ///
    /// - Parameters:
    ///   - candidates: every release of the repository, in any order.
    ///   - now: seconds since 1970.
    /// - Throws: `RolloutError.badSeed` if the policy has no possible seed.
    public static func choose(
        from candidates: [Candidate],
        policy: UpdatePolicy,
        now: Int64
    ) throws(RolloutError) -> UpdateDecision {
        let ours = candidates.filter {
            $0.variant == policy.variant && $0.architecture == policy.architecture
        }
        .sorted { $0.version > $1.version }
        guard !ours.isEmpty else {
            return .none(.noReleases(variant: policy.variant, architecture: policy.architecture))
        }
        let isRecalled = ours.contains { $0.version == policy.running && $0.isRecalled }
        if let version = policy.requested ?? policy.versionLock {
            return try chooseNamed(version, from: ours, policy: policy, isRecalled: isRecalled, now: now)
        }
        return try chooseNewest(from: ours, policy: policy, isRecalled: isRecalled, now: now)
    }

    private static func chooseNamed(
        _ version: UAPIVersion,
        from ours: [Candidate],
        policy: UpdatePolicy,
        isRecalled: Bool,
        now: Int64
    ) throws(RolloutError) -> UpdateDecision {
        guard version != policy.running else { return .none(.alreadyRunning(version)) }
        guard let candidate = ours.first(where: { $0.version == version }) else {
            return .none(.noSuchVersion(version, wish: policy.requested != nil ? .request : .lock))
        }
        if let reason = try obstacle(candidate, policy: policy, now: now) { return .none(reason) }
        if version > policy.running { return .take(candidate) }
        return .none(
            isRecalled
                ? .downgradeNotAllowed(running: policy.running, to: version)
                : .older(version, running: policy.running)
        )
    }

    private static func chooseNewest(
        from ours: [Candidate],
        policy: UpdatePolicy,
        isRecalled: Bool,
        now: Int64
    ) throws(RolloutError) -> UpdateDecision {
        // Of several that are newer and may not be taken, the newest says why: it is the one that people wait for.
        var reason: NoUpdateReason?
        for candidate in ours where candidate.version > policy.running {
            guard let obstacle = try obstacle(candidate, policy: policy, now: now) else {
                return .take(candidate)
            }
            reason = reason ?? obstacle
        }
        guard isRecalled else { return .none(reason ?? .upToDate(running: policy.running)) }
        for candidate in ours where candidate.version < policy.running {
            guard try obstacle(candidate, policy: policy, now: now) == nil else { continue }
            return .none(.downgradeNotAllowed(running: policy.running, to: candidate.version))
        }
        return .none(reason ?? .nothingToReturnTo(running: policy.running))
    }

    /// What keeps a host from a release, whichever way it goes; nil if nothing does.
    private static func obstacle(
        _ candidate: Candidate,
        policy: UpdatePolicy,
        now: Int64
    ) throws(RolloutError) -> NoUpdateReason? {
        if candidate.isWithdrawn { return .withdrawn(candidate.version) }
        if let maximum = candidate.maxVersion, candidate.version > maximum {
            return .aboveMaximum(candidate.version, maximum: maximum)
        }
        if policy.failedVersions.contains(candidate.version), policy.requested != candidate.version {
            return .failedHere(candidate.version)
        }
        let opens = try candidate.waves.releaseTime(seed: policy.seed)
        if let opens, now < opens, !policy.ignoresWaves {
            return .waveNotOpen(candidate.version, opens: opens)
        }
        return nil
    }
}
