public import BlockDevices
import BootEntries
public import GPT
public import Hashing
public import HostAPI
import Rollout
import TUF
import UpdateEngine

/// Looks for updates, writes one into the inactive slot, lets the next boot try it, and takes that back.
///
/// The states are Bottlerocket's: `refresh` leads from Idle to Available, `prepare` to Staged, `activate` to Ready, and
/// `deactivate` back to Staged. What `prepare` writes is exactly what `refresh` chose and showed. One command at a time;
/// what each came to is kept over a reboot.
public actor Updater {
    /// What of a host the updater uses.
    public struct Environment: Sendable {
        /// What runs.
        public var system: RunningSystem
        /// Reads the settings; they may have changed since the last command.
        public var configuration: @Sendable () throws(UpdaterError) -> UpdaterConfiguration
        /// The root metadata that the OS came with.
        public var trustedRoot: @Sendable () throws(UpdaterError) -> [UInt8]
        /// A folder for what must outlive a reboot: trusted metadata and the record.
        public var stateFolder: String
        /// A folder for a kernel image on its way to the ESP.
        public var workFolder: String
        /// Opens the disk that the running root comes from.
        public var openDisk: @Sendable () throws(UpdaterError) -> HostDisk
        /// Tells the system that a slot has other names.
        public var announce: @Sendable (Slot) -> Void
        /// Seconds since 1970.
        public var now: @Sendable () -> Int64

        /// States an environment.
        public init(
            system: RunningSystem,
            configuration: @escaping @Sendable () throws(UpdaterError) -> UpdaterConfiguration,
            trustedRoot: @escaping @Sendable () throws(UpdaterError) -> [UInt8],
            stateFolder: String,
            workFolder: String,
            openDisk: @escaping @Sendable () throws(UpdaterError) -> HostDisk,
            announce: @escaping @Sendable (Slot) -> Void,
            now: @escaping @Sendable () -> Int64
        ) {
            self.system = system
            self.configuration = configuration
            self.trustedRoot = trustedRoot
            self.stateFolder = stateFolder
            self.workFolder = workFolder
            self.openDisk = openDisk
            self.announce = announce
            self.now = now
        }
    }

    /// The disk of a host.
    public struct HostDisk: Sendable {
        /// The whole disk.
        public var device: any BlockDevice
        /// Its logical sector size; nil where both are to be tried.
        public var sectorSize: SectorSize?
        /// The numbers of the partitions that the running root is made of, where that is known.
        public var partitions: [Int]?

        /// States a disk.
        public init(device: any BlockDevice, sectorSize: SectorSize? = nil, partitions: [Int]? = nil) {
            self.device = device
            self.sectorSize = sectorSize
            self.partitions = partitions
        }
    }

    /// What happens while a command is at work.
    public enum Event: Sendable, Equatable {
        /// The status changed.
        case status(UpdateStatus)
        /// How many bytes `prepare` will fetch, before it does.
        case plan(bytes: UInt64, method: String)
        /// How far `prepare` is.
        case progress(SlotProgress)
    }

    let environment: Environment
    private nonisolated let report: @Sendable (Event) -> Void
    private(set) var record: UpdateRecord
    var atWork: UpdateStatus.Command.Kind?

    private var recordPath: String { environment.stateFolder + "/record.json" }

    /// Reads what earlier boots left.
    ///
    /// - Parameters:
    ///   - environment: what of the host is used.
    ///   - report: is told what happens.
    /// - Throws: `UpdaterError.record`.
    public init(
        _ environment: Environment,
        report: @escaping @Sendable (Event) -> Void = { _ in }
    ) throws(UpdaterError) {
        self.environment = environment
        self.report = report
        record = try UpdateRecord.load(environment.stateFolder + "/record.json")
    }

    /// How far an update is; nil as long as nobody has looked for one.
    public var status: UpdateStatus? { record.status }

    /// The root hash of what runs.
    public nonisolated var runningRootHash: SHA256Digest { environment.system.rootHash }

    /// What failed on this host, the latest last.
    public var failures: [UpdateRecord.Failure] { record.failures }

    // MARK: Commands

    /// Looks for updates and chooses one.
    ///
    /// A release that is staged or activated stays chosen.
    ///
    /// - Parameters:
    ///   - version: a version that the operator asks for by name; nil for what the settings say.
    ///   - ignoringWaves: whether a release is taken before its wave has come, for this once.
    /// - Returns: why no update was chosen; nil if one was.
    /// - Throws: `UpdaterError`.
    @discardableResult
    public func refresh(
        requesting version: String? = nil,
        ignoringWaves: Bool = false
    ) async throws(UpdaterError) -> NoUpdateReason? {
        try await perform(.refresh) { () async throws(UpdaterError) in
            var feed = try makeFeed()
            let offers = try await feed.offers()
            let policy = try makePolicy(requesting: version, ignoringWaves: ignoringWaves)
            let decision = try Self.choose(offers, policy, now: environment.now())
            var status = currentStatus
            status.availableUpdates = Self.available(offers, to: policy)
            status.noUpdateReason = nil
            guard status.state == .idle || status.state == .available else {
                record.status = status
                return nil
            }
            switch decision {
            case .take(let candidate, _):
                guard let offer = offers.first(where: { $0.candidate == candidate }) else { return nil }
                status.state = .available
                status.chosenUpdate = Self.image(candidate)
                record.choice = UpdateRecord.Choice(
                    rootHash: candidate.rootHash,
                    manifest: try Self.digest(of: offer)
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
    }

    /// Writes the chosen release into the inactive slot and stages its kernel image; nothing that boots changes.
    ///
    /// - Throws: `UpdaterError`; the next attempt goes on from what this one left.
    public func prepare() async throws(UpdaterError) {
        try await perform(.prepare) { () async throws(UpdaterError) in
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
            // From here on the slot does not hold what it held.
            record.staged = nil
            record.status?.state = .available
            record.status?.stagingPartition = nil
            try save()
            record.staged = try await install(offer, from: &feed)
            record.status?.state = .staged
            record.status?.stagingPartition = UpdateStatus.Slot(image: chosen, nextToBoot: false)
        }
    }

    /// Lets the next boot try the staged release.
    ///
    /// - Throws: `UpdaterError`.
    public func activate() async throws(UpdaterError) {
        try await perform(.activate) { () async throws(UpdaterError) in
            guard let staged = record.staged else { throw .nothingStaged }
            try activate(staged)
            record.status?.state = .ready
            record.status?.stagingPartition?.nextToBoot = true
            record.status?.activePartition?.nextToBoot = false
        }
    }

    /// Takes an activation back: the next boot is that of the running release, and what was written stays staged.
    ///
    /// - Parameter afterCancel: whether it was told to a `prepare` at work, which was stopped: then there may be nothing
    ///   that is activated.
    /// - Throws: `UpdaterError`.
    public func deactivate(afterCancel: Bool = false) async throws(UpdaterError) {
        try await perform(.deactivate, always: afterCancel) { () async throws(UpdaterError) in
            if afterCancel, record.state != .ready { return }
            guard let staged = record.staged else { throw .nothingStaged }
            try deactivate(staged)
            record.status?.state = .staged
            record.status?.stagingPartition?.nextToBoot = false
            record.status?.activePartition?.nextToBoot = true
        }
    }

    // MARK: Trials

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

    /// The status is that of another boot, after a return to the other slot.
    func dropForeignStatus() throws(UpdaterError) {
        guard let active = record.status?.activePartition,
            active.image.version != environment.system.version.text
        else { return }
        try forget(failed: record.status?.failedUpdate)
    }

    /// A release proved itself, and what is staged is what runs.
    func trialSucceeded() throws(UpdaterError) {
        record.failures.removeAll { $0.rootHash == environment.system.rootHash }
        try forget()
    }

    private func forget(failed: UpdateStatus.FailedUpdate? = nil) throws(UpdaterError) {
        record.staged = nil
        record.choice = nil
        let command = record.status?.mostRecentCommand
        record.status = nil
        if let command {
            record.status = currentStatus
            record.status?.mostRecentCommand = command
            record.status?.failedUpdate = failed
        }
        try save()
    }

    // MARK: Common

    /// Whether a command may begin now.
    ///
    /// - Throws: `UpdaterError.busy`, `.notAllowed` or `.nothingStaged`.
    public func check(_ kind: UpdateStatus.Command.Kind) throws(UpdaterError) {
        if let atWork { throw .busy(atWork) }
        let allowed: [UpdateStatus.State] =
            switch kind {
            case .refresh: UpdateStatus.State.allCases
            case .prepare: [.available, .staged]
            case .activate: [.staged]
            case .deactivate: [.ready]
            }
        guard allowed.contains(record.state) else { throw .notAllowed(kind, state: record.state) }
        if kind == .activate || kind == .deactivate, record.staged == nil { throw .nothingStaged }
    }

    /// Does a command, one at a time, and records what it came to.
    private func perform<Result: Sendable>(
        _ kind: UpdateStatus.Command.Kind,
        always: Bool = false,
        _ body: () async throws(UpdaterError) -> Result
    ) async throws(UpdaterError) -> Result {
        if always { if let atWork { throw .busy(atWork) } } else { try check(kind) }
        atWork = kind
        defer { atWork = nil }
        do throws(UpdaterError) {
            // Who is killed at it leaves a command of which nobody knows the end.
            try begin(kind)
            let result = try await body()
            finish(kind, nil)
            try save()
            return result
        } catch {
            finish(kind, error)
            // The command's own error is what the caller must see.
            try? save()
            throw error
        }
    }

    private func begin(_ kind: UpdateStatus.Command.Kind) throws(UpdaterError) {
        guard var status = record.status else { return }
        status.mostRecentCommand = UpdateStatus.Command(
            kind: kind,
            status: .unknown,
            timestamp: Timestamp(seconds: environment.now()),
            exitStatus: nil,
            stderr: nil
        )
        record.status = status
        try save()
    }

    private func finish(_ kind: UpdateStatus.Command.Kind, _ error: UpdaterError?) {
        var status = currentStatus
        status.mostRecentCommand = UpdateStatus.Command(
            kind: kind,
            status: error == nil ? .success : .failed,
            timestamp: Timestamp(seconds: environment.now()),
            exitStatus: error?.exitStatus ?? 0,
            stderr: error?.description
        )
        record.status = status
    }

    private func save() throws(UpdaterError) {
        try record.save(recordPath)
        if let status = record.status { report(.status(status)) }
    }

    /// The status, also before the first command.
    private var currentStatus: UpdateStatus {
        if let status = record.status { return status }
        let system = environment.system
        let image = UpdateStatus.Image(
            arch: system.architecture,
            version: system.version.text,
            variant: system.variant
        )
        return UpdateStatus(
            state: .idle,
            availableUpdates: [],
            chosenUpdate: nil,
            activePartition: UpdateStatus.Slot(image: image, nextToBoot: true),
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

    nonisolated func tell(_ event: Event) { report(event) }

    private func makeFeed() throws(UpdaterError) -> ReleaseFeed {
        try ReleaseFeed(
            configuration: try environment.configuration(),
            trustedRoot: try environment.trustedRoot(),
            folder: environment.stateFolder + "/metadata",
            now: MetadataTime(seconds: environment.now())
        )
    }
}
