import BootEntries
import Hashing
import HostAPI
import Rollout
import TUF

/// What the commands do, each when it is the only one.
extension Updater {
    func lookForUpdates(
        requesting version: String?,
        ignoringWaves: Bool,
        isAutomatic: Bool
    ) async throws(UpdaterError) -> NoUpdateReason? {
        var feed = try makeFeed()
        let offers = try await feed.offers()
        let policy = try makePolicy(requesting: version, ignoringWaves: ignoringWaves)
        let decision = try Self.choose(offers, policy, now: environment.now())
        var status = currentStatus
        status.availableUpdates = Self.available(offers, to: policy)
        status.noUpdateReason = nil
        // What the operator chose is not replaced by a look that nobody asked for.
        if isAutomatic, let choice = record.choice, choice.isWish, Self.offers(offers, choice.rootHash) {
            record.status = status
            return nil
        }
        if status.state == .staged, isObsolete(offers, decision, isRequested: version != nil) {
            record.staged = nil
            status.stagingPartition = nil
            status.state = .idle
        }
        guard status.state == .idle || status.state == .available else {
            record.status = status
            // Who asked for another must not take the success of this look for that one.
            if version != nil { try requireStaged(decision) }
            return nil
        }
        record.plan = nil
        switch decision {
        case .take(let candidate):
            guard let offer = offers.first(where: { $0.candidate == candidate }) else { return nil }
            status.state = .available
            status.chosenUpdate = Self.image(candidate)
            record.choice = UpdateRecord.Choice(
                rootHash: candidate.rootHash,
                manifest: try Self.digest(of: offer),
                isWish: version != nil || ignoringWaves
            )
            record.status = status
            return nil
        case .none(let reason):
            status.state = .idle
            status.chosenUpdate = nil
            status.noUpdateReason = reason.description
            record.choice = nil
            record.status = status
            return reason
        }
    }

    func stageChosen() async throws(UpdaterError) {
        guard let chosen = record.status?.chosenUpdate, let choice = record.choice else {
            throw .notAllowed(.prepare, state: record.state)
        }
        var feed = try makeFeed()
        guard
            let offer = try await feed.offers().first(where: {
                $0.candidate.rootHash == choice.rootHash && Self.image($0.candidate) == chosen
            }),
            try Self.digest(of: offer) == choice.manifest, !offer.candidate.isRecalled
        else { throw .notOffered(version: chosen.version) }
        guard offer.candidate.version > environment.system.version else {
            throw .olderRelease(version: chosen.version, running: environment.system.version.text)
        }
        // From here on the slot does not hold what it held.
        record.staged = nil
        record.plan = nil
        record.status?.state = .available
        record.status?.stagingPartition = nil
        try save()
        record.staged = try await install(offer, from: &feed)
        record.status?.state = .staged
        record.status?.stagingPartition = UpdateStatus.Slot(image: chosen, nextToBoot: false)
    }

    func activateStaged() throws(UpdaterError) {
        guard let staged = record.staged else { throw .nothingStaged }
        try activate(staged)
        ready()
    }

    func deactivateStaged() throws(UpdaterError) {
        guard let staged = record.staged else { throw .nothingStaged }
        guard staged.rootHash != environment.system.rootHash else {
            throw .trialRuns(version: staged.image.version)
        }
        // Before the entry goes: the next boot would take it for lost, and make it again.
        record.staged?.isTakenBack = true
        try save()
        try deactivate(staged)
        notReady()
    }

    /// Whether a staged release is not to be kept: it was recalled, failed here before, or the operator asks for another.
    private func isObsolete(
        _ offers: [ReleaseFeed.Offer],
        _ decision: UpdateDecision,
        isRequested: Bool
    ) -> Bool {
        guard let staged = record.staged else { return true }
        // It was asked for by name, and taken back: without its name it is not taken again.
        if !isRequested, failures.contains(where: { $0.version == staged.image.version }) { return true }
        if case .take(let candidate) = decision, isRequested, candidate.rootHash != staged.rootHash {
            return true
        }
        return offers.contains { $0.candidate.rootHash == staged.rootHash && $0.candidate.isRecalled }
    }

    /// Throws unless what was asked for by name is what is staged or activated already; always during a trial.
    private func requireStaged(_ decision: UpdateDecision) throws(UpdaterError) {
        guard let staged = record.staged else { return }
        guard staged.rootHash != environment.system.rootHash else {
            throw .trialRuns(version: staged.image.version)
        }
        switch decision {
        // It was taken before its wave.
        case .none(.waveNotOpen(let version, _)) where version.text == staged.image.version: return
        case .none(let reason): throw .noUpdate(reason)
        case .take(let candidate):
            guard staged.rootHash != candidate.rootHash else { return }
            throw .otherIsActivated(version: candidate.version.text, activated: staged.image.version)
        }
    }

    private static func offers(_ offers: [ReleaseFeed.Offer], _ rootHash: SHA256Digest) -> Bool {
        offers.contains { $0.candidate.rootHash == rootHash && !$0.candidate.isRecalled }
    }

    private func makeFeed() throws(UpdaterError) -> ReleaseFeed {
        try ReleaseFeed(
            configuration: try environment.configuration(),
            trustedRoot: try environment.trustedRoot(),
            folder: environment.stateFolder + "/metadata",
            now: MetadataTime(seconds: environment.now())
        )
    }
}
