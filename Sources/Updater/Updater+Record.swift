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
        try save()
    }

    /// Forgets what was recorded while another system ran.
    func forgetOtherSystem() throws(UpdaterError) {
        if let active = record.status?.activePartition?.image, active != runningImage {
            try forget(failed: record.status?.failedUpdate)
        }
    }

    /// A release did not prove itself: it is not taken again by itself.
    func trialFailed(_ staged: UpdateRecord.Staged, _ reason: String) throws(UpdaterError) {
        let failure = UpdateRecord.Failure(
            version: staged.image.version,
            rootHash: staged.rootHash,
            reason: reason,
            time: Timestamp(seconds: environment.now())
        )
        record.add(failure)
        try forget(
            failed: UpdateStatus.FailedUpdate(
                version: failure.version,
                reason: failure.reason,
                time: failure.time
            )
        )
    }

    /// The operator went back to the other slot: the running release is not taken again by itself.
    func leftRunning(_ reason: String) throws(UpdaterError) {
        record.add(
            UpdateRecord.Failure(
                version: environment.system.version.text,
                rootHash: environment.system.rootHash,
                reason: reason,
                time: Timestamp(seconds: environment.now())
            )
        )
        record.status = currentStatus
        try forget()
        record.status?.activePartition?.nextToBoot = false
        try save()
    }

    /// A release proved itself, and what is staged is what runs.
    func trialSucceeded() throws(UpdaterError) {
        record.failures.removeAll { $0.rootHash == environment.system.rootHash }
        try forget()
    }

    private func forget(failed: UpdateStatus.FailedUpdate? = nil) throws(UpdaterError) {
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
        try save()
    }
}
