import BootEntries
import HostAPI

/// What is recorded, and what is forgotten when.
extension Updater {
    func save() throws(UpdaterError) {
        try record.save(recordPath)
        if let status = record.status { report(.status(status)) }
    }

    /// The status, also before the first command.
    var currentStatus: UpdateStatus {
        if let status = record.status { return status }
        return UpdateStatus(
            state: .idle,
            availableUpdates: [],
            chosenUpdate: nil,
            activePartition: UpdateStatus.Slot(image: runningImage, nextToBoot: true),
            stagingPartition: nil,
            mostRecentCommand: UpdateStatus.Command(
                kind: .refresh,
                status: .unknown,
                timestamp: Timestamp(seconds: environment.now()),
                exitStatus: nil,
                stderr: nil
            )
        )
    }

    private var runningImage: UpdateStatus.Image {
        let system = environment.system
        return UpdateStatus.Image(
            arch: system.architecture,
            version: system.version.text,
            variant: system.variant
        )
    }

    /// Keeps what a plan will fetch, so that the status can show it, and tells it.
    func planned(_ plan: UpdateRecord.Plan) throws(UpdaterError) {
        record.plan = plan
        try save()
        report(.plan(bytes: plan.bytes, method: plan.method))
    }

    nonisolated func tell(_ event: Event) { report(event) }

    /// The staged release runs: until its trial has ended nothing is written.
    func trialRuns(_ staged: UpdateRecord.Staged) throws(UpdaterError) {
        var status = currentStatus
        status.state = .ready
        status.chosenUpdate = staged.image
        status.activePartition = UpdateStatus.Slot(image: staged.image, nextToBoot: true)
        status.stagingPartition = nil
        record.status = status
        record.staged?.isTakenBack = false
        try save()
    }

    /// Forgets what was recorded while another system ran, and a rollback that a loss of power has prevented.
    ///
    /// - Parameter hasGoodEntry: whether the running release has a boot entry without a counter.
    func forgetOtherSystem(hasGoodEntry: Bool) throws(UpdaterError) {
        guard let active = record.status?.activePartition else { return }
        if active.image != runningImage {
            forget(failed: record.status?.failedUpdate)
            try save()
        } else if !active.nextToBoot, hasGoodEntry {
            record.failures.removeAll { $0.rootHash == environment.system.rootHash }
            record.status?.activePartition?.nextToBoot = true
            try save()
        }
    }

    /// What was staged is activated.
    func ready() {
        record.status?.state = .ready
        record.status?.stagingPartition?.nextToBoot = true
        record.status?.activePartition?.nextToBoot = false
    }

    /// What was activated is staged only.
    func notReady() {
        record.staged?.isTakenBack = false
        record.status?.state = .staged
        record.status?.stagingPartition?.nextToBoot = false
        record.status?.activePartition?.nextToBoot = true
    }

    /// A release did not prove itself: it is not taken again by itself.
    func trialFailed(
        _ staged: UpdateRecord.Staged,
        _ reason: String,
        bootID: String?
    ) throws(UpdaterError) {
        let failure = UpdateRecord.Failure(
            version: staged.image.version,
            rootHash: staged.rootHash,
            reason: reason.bounded(to: UpdateRecord.textLimit),
            time: Timestamp(seconds: environment.now()),
            bootID: bootID
        )
        let before = record
        record.add(failure)
        forget(
            failed: UpdateStatus.FailedUpdate(
                version: failure.version,
                reason: failure.reason,
                time: failure.time
            )
        )
        do throws(UpdaterError) { try save() } catch {
            // What only this process knows must not let the entry go: the next boot would take it for lost.
            record = before
            throw error
        }
    }

    /// The operator goes back to the other slot: the running release is not taken again by itself.
    ///
    /// What it is on trial for is kept until its entry is gone: without the entry gone it goes on.
    func leaveRunning(_ reason: String) throws(UpdaterError) {
        record.add(
            UpdateRecord.Failure(
                version: environment.system.version.text,
                rootHash: environment.system.rootHash,
                reason: reason,
                time: Timestamp(seconds: environment.now())
            )
        )
        record.staged?.isTakenBack = true
        record.status = currentStatus
        record.status?.activePartition?.nextToBoot = false
        try save()
    }

    /// The operator went back to the other slot.
    func leftRunning() throws(UpdaterError) {
        forget()
        record.status?.activePartition?.nextToBoot = false
        try save()
    }

    /// A release proved itself, and what is staged is what runs.
    func trialSucceeded() throws(UpdaterError) {
        record.failures.removeAll { $0.rootHash == environment.system.rootHash }
        forget()
        try save()
    }

    private func forget(failed: UpdateStatus.FailedUpdate? = nil) {
        record.staged = nil
        record.choice = nil
        record.plan = nil
        let command = record.status?.mostRecentCommand
        record.status = nil
        if let command {
            record.status = currentStatus
            record.status?.mostRecentCommand = command
            record.status?.failedUpdate = failed
        }
    }
}
