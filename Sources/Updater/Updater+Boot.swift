public import BootSlots
import Hashing
import HostAPI
import UpdateEngine

extension Updater {
    /// What a boot showed about a trial.
    public enum TrialResult: Sendable, Equatable {
        /// Nothing is on trial in this boot; a trial whose entry had been lost may be waiting for the next.
        case none
        /// The staged release runs, and has not proved itself yet.
        case running(version: String)
        /// The staged release did not prove itself: the machine went back, or all its tries are used up.
        case failed(version: String, reason: String)
    }

    /// What a boot on trial that failed has left.
    public struct FailedBoot: Sendable, Equatable {
        /// Which boot it was, as /proc/sys/kernel/random/boot_id has it.
        public var bootID: String
        /// Why it failed.
        public var reason: String

        /// States what was left.
        public init(bootID: String, reason: String) {
            self.bootID = bootID
            self.reason = reason
        }
    }

    /// Looks, once after each start of the machine, what became of a trial, and puts right what a loss of power left on the ESP.
    ///
    /// - Parameters:
    ///   - boot: what the loader says of this boot.
    ///   - failedBoot: what the boot that failed left, if it left word; what an earlier one left says nothing.
    /// - Returns: what became of the trial, and what was repaired.
    /// - Throws: `UpdaterError`.
    public func review(
        _ boot: RunningBoot,
        failedBoot: FailedBoot? = nil
    ) throws(UpdaterError) -> (trial: TrialResult, findings: [BootSlotsFinding]) {
        if let atWork { throw .busy(atWork.kind) }
        let disk = try openSlots()
        let esp = BootSlots(disk.esp)
        if isTakenBack(esp) {
            notReady()
            try save()
        }
        // The power may have gone between the entry, which is what counts, and the record.
        let staged = record.staged.flatMap { staged in
            let isRunning = staged.rootHash == environment.system.rootHash
            return isRunning || record.state == .ready || hasTrial(of: staged, esp) ? staged : nil
        }
        // The record says so only after the entry was made, so a lost one was lost by the loader at a try. Also of what
        // runs: an entry that lost its long name looks committed, and only the record says that it is on trial.
        let expected = staged.map { ExpectedTrial(image: $0.stagedImage, tries: 1) }
        let findings: [BootSlotsFinding]
        do throws(BootSlotsError) {
            findings = try esp.repair(boot, expected: expected, installed: disk.slots.rootHashes)
        } catch {
            throw .disk(error.description)
        }
        guard let staged else {
            try forgetOtherSystem(hasGoodEntry: isCommitted(environment.system.rootHash, esp))
            try removeFailed(esp)
            return (.none, findings)
        }
        let version = staged.image.version
        if staged.rootHash == environment.system.rootHash {
            if boot.bootCountPath == nil, isCommitted(staged.rootHash, esp) {
                try trialSucceeded()
                return (.none, findings)
            }
            try trialRuns(staged)
            return (.running(version: version), findings)
        }
        // An entry that was not there was not tried: the next boot does.
        if findings.contains(where: \.madeEntryAgain) { return (.none, findings) }
        // Whatever the counter says: a loader does not count an entry that it passes over, as one that is no kernel image
        // (docs/decisions/0009-broken-trial-entry.md).
        let word = failedBoot.flatMap { word in
            record.failures.contains { $0.bootID == word.bootID } ? nil : word
        }
        let reason = word?.reason ?? "it was tried and did not come to the end of its health checks"
        // Before its entry goes: one that is gone and expected would be made again, and tried once more.
        try trialFailed(staged, reason, bootID: word?.bootID)
        try removeFailed(esp)
        return (.failed(version: version, reason: reason), findings)
    }

    /// Removes the entries on trial of what has failed here, as nothing is staged.
    private func removeFailed(_ esp: BootSlots) throws(UpdaterError) {
        guard record.staged == nil else { return }
        let entries: [EntryState]
        do throws(BootSlotsError) { entries = try esp.entries() } catch { throw .disk(error.description) }
        for failure in record.failures where failure.rootHash != environment.system.rootHash {
            guard entries.contains(where: { $0.isCounted && $0.image?.rootHash == failure.rootHash }) else {
                continue
            }
            do throws(BootSlotsError) {
                try esp.deactivate(variant: environment.system.variant, version: failure.version)
            } catch {
                throw .disk(error.description)
            }
        }
    }

    private func hasTrial(of staged: UpdateRecord.Staged, _ esp: BootSlots) -> Bool {
        // An ESP that can't be read is repaired next.
        (try? esp.entries())?.contains { $0.isCounted && $0.image?.rootHash == staged.rootHash } ?? false
    }

    private func isCommitted(_ rootHash: SHA256Digest, _ esp: BootSlots) -> Bool {
        (try? esp.entries())?.contains { $0.isGood && $0.image?.rootHash == rootHash } ?? false
    }

    /// Takes up an `activate` that was cut off between the entry, which is what counts, and the record: in the same boot, which
    /// has been looked at.
    ///
    /// - Throws: `UpdaterError`.
    public func finishActivation() throws(UpdaterError) {
        if let atWork { throw .busy(atWork.kind) }
        guard record.state == .staged, let staged = record.staged,
            staged.rootHash != environment.system.rootHash,
            hasTrial(of: staged, BootSlots(try openSlots().esp))
        else { return }
        ready()
        if let command = record.status?.mostRecentCommand, command.kind == .activate,
            command.status == .unknown
        {
            finish(.activate, nil)
        }
        try save()
    }

    /// Whether a `deactivate` or a rollback was cut off between the entry, which it removed, and the record.
    private func isTakenBack(_ esp: BootSlots) -> Bool {
        guard record.state == .ready, let staged = record.staged, staged.isTakenBack,
            staged.rootHash != environment.system.rootHash, let entries = try? esp.entries()
        else { return false }
        return !entries.contains { $0.image?.rootHash == staged.rootHash }
    }

    /// Commits the running release, which has proved itself; its entry loses its counter.
    ///
    /// - Throws: `UpdaterError`.
    public func commit(_ boot: RunningBoot) throws(UpdaterError) {
        // A look for updates does not touch what is changed here.
        if let atWork, atWork.kind != .refresh { throw .busy(atWork.kind) }
        let esp = BootSlots(try openSlots().esp)
        do throws(BootSlotsError) { try esp.bless(boot) } catch { throw .disk(error.description) }
        try trialSucceeded()
    }
}

extension BootSlotsFinding {
    /// Whether the entry on trial could not be tried as it was, and now can.
    fileprivate var madeEntryAgain: Bool {
        switch self {
        case .recreatedTrial, .restoredCounter: true
        default: false
        }
    }
}
