public import BootSlots
import HostAPI
import UpdateEngine

extension Updater {
    /// What a boot showed about a trial.
    public enum TrialResult: Sendable, Equatable {
        /// Nothing is on trial.
        case none
        /// The staged release runs, and has not proved itself yet.
        case running(version: String)
        /// The staged release did not prove itself: the machine went back, or all its tries are used up.
        case failed(version: String, reason: String)
    }

    /// Looks, once after each start of the machine, what became of a trial, and puts right what a loss of power left on the ESP.
    ///
    /// - Parameters:
    ///   - boot: what the loader says of this boot.
    ///   - reason: why the trial failed, if the boot that failed left word.
    /// - Returns: what became of the trial, and what was repaired.
    /// - Throws: `UpdaterError`.
    public func review(
        _ boot: RunningBoot,
        reason: String? = nil
    ) throws(UpdaterError) -> (trial: TrialResult, findings: [BootSlotsFinding]) {
        let esp = BootSlots(try openSlots().esp)
        let staged = record.state == .ready ? record.staged : nil
        let expected = staged.flatMap { staged in
            staged.rootHash == environment.system.rootHash
                // The record says so only after the entry was made, so a lost one was lost by the loader at a try.
                ? nil : ExpectedTrial(image: staged.stagedImage, tries: 1)
        }
        let findings: [BootSlotsFinding]
        do throws(BootSlotsError) { findings = try esp.repair(boot, expected: expected) } catch {
            throw .disk(error.description)
        }
        guard let staged else {
            try dropForeignStatus()
            return (.none, findings)
        }
        let version = staged.image.version
        if staged.rootHash == environment.system.rootHash { return (.running(version: version), findings) }
        // Whatever the counter says: a loader does not count an entry that it passes over, as one that is no kernel image
        // (docs/decisions/0009-broken-trial-entry.md).
        let why = reason ?? "it was tried and did not come to the end of its health checks"
        do throws(BootSlotsError) {
            try esp.deactivate(variant: staged.image.variant, version: version)
        } catch {
            throw .disk(error.description)
        }
        try trialFailed(staged, why)
        return (.failed(version: version, reason: why), findings)
    }

    /// Commits the running release, which has proved itself; its entry loses its counter.
    ///
    /// - Throws: `UpdaterError`.
    public func commit(_ boot: RunningBoot) throws(UpdaterError) {
        let esp = BootSlots(try openSlots().esp)
        do throws(BootSlotsError) { try esp.bless(boot) } catch { throw .disk(error.description) }
        try trialSucceeded()
    }
}
