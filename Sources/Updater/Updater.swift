public import BlockDevices
public import GPT
public import Hashing
public import HostAPI
public import Rollout
public import UpdateEngine

/// Looks for updates, writes one into the inactive slot, lets the next boot try it, and takes that back.
///
/// The states are Bottlerocket's: `refresh` leads from Idle to Available, `prepare` to Staged, `activate` to Ready, and
/// `deactivate` back to Staged. What `prepare` writes is exactly what `refresh` chose and showed. One command at a time;
/// what each came to is kept over a reboot. After a reboot into the release it stays Ready until `commit`, or until
/// `review` finds that the machine went back.
///
/// A release that is older than the running one is never taken. systemd-boot starts the entry with the highest version
/// (`IMAGE_VERSION` in the UKI, which is signed; a file's name does not count) among those that have tries left, so the
/// older one's entry would wait behind the running one's for ever, and so it would after a commit. Nothing else may
/// decide what boots (DESIGN.md, section 4: no default entry). The way back is the committed release in the other slot,
/// whose entry is first once the running one's is removed, or the older content published under a newer version.
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
        /// A folder for what a release needs until it is installed: its kernel image on the way to the ESP, and its tables.
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
        /// Keeps the ESP, a partition with this number, from being mounted as long as what it returns lives.
        public var holdESP: @Sendable (Int) throws(UpdaterError) -> (any Sendable)?

        /// States a disk.
        public init(
            device: any BlockDevice,
            sectorSize: SectorSize? = nil,
            partitions: [Int]? = nil,
            holdESP: @escaping @Sendable (Int) throws(UpdaterError) -> (any Sendable)? = { _ in nil }
        ) {
            self.device = device
            self.sectorSize = sectorSize
            self.partitions = partitions
            self.holdESP = holdESP
        }
    }

    /// What happens while a command is at work.
    public enum Event: Sendable, Equatable {
        /// The status changed.
        case status(UpdateStatus)
        /// How many bytes of root and kernel image `prepare` will fetch, before it does, and how it gets the root.
        case plan(bytes: UInt64, method: String)
        /// Something that a server must be mended for, though the command goes on without it.
        case warning(String)
        /// How far `prepare` is.
        case progress(SlotProgress)
    }

    let environment: Environment
    nonisolated let report: @Sendable (Event) -> Void
    var record: UpdateRecord
    /// The command that is at work, and how it is ended.
    var atWork: (kind: UpdateStatus.Command.Kind, cancel: @Sendable () -> Void)?

    /// Held from the first look at the disk to the updater's end: Linux would not tell a file system what is written to the
    /// ESP through the whole disk.
    var espHold: (any Sendable)?

    var recordPath: String { environment.stateFolder + "/record.json" }

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

    /// What `prepare` fetches, or fetched; nil before that was decided.
    public var plan: UpdateRecord.Plan? { record.plan }

    /// The release in the inactive slot, or the one that runs on trial; nil where there is neither.
    public var stagedVersion: String? { record.staged?.image.version }

    /// The root hash of what runs.
    public nonisolated var runningRootHash: SHA256Digest { environment.system.rootHash }

    /// What failed on this host, the latest last.
    public var failures: [UpdateRecord.Failure] { record.failures }

    // MARK: Commands

    /// Looks for updates and chooses one.
    ///
    /// A release that is staged or activated stays chosen, unless it was staged only and then recalled, or another version
    /// is asked for by name. One that is asked for and can't be had is an error then.
    ///
    /// - Parameters:
    ///   - version: a version that the operator asks for by name; nil for what the settings say.
    ///   - ignoringWaves: whether a release is taken before its wave has come, for this once.
    ///   - isAutomatic: whether nobody asked: then what the operator chose, by its name or before its wave, stays chosen as
    ///     long as it is offered.
    /// - Returns: why no update was chosen; nil if one was.
    /// - Throws: `UpdaterError`.
    @discardableResult
    public func refresh(
        requesting version: String? = nil,
        ignoringWaves: Bool = false,
        isAutomatic: Bool = false
    ) async throws(UpdaterError) -> NoUpdateReason? {
        try await perform(.refresh) { () async throws(UpdaterError) in
            try await self.lookForUpdates(
                requesting: version,
                ignoringWaves: ignoringWaves,
                isAutomatic: isAutomatic
            )
        }
    }

    /// Writes the chosen release into the inactive slot and stages its kernel image; nothing that boots changes.
    ///
    /// - Throws: `UpdaterError`; the next attempt goes on from what this one left.
    public func prepare() async throws(UpdaterError) {
        try await perform(.prepare) { () async throws(UpdaterError) in
            try await self.stageChosen()
        }
    }

    /// Lets the next boot try the staged release.
    ///
    /// - Throws: `UpdaterError`.
    public func activate() async throws(UpdaterError) {
        try await perform(.activate) { () async throws(UpdaterError) in
            try self.activateStaged()
        }
    }

    /// Takes an activation back: the next boot is that of the running release, and what was written stays staged.
    ///
    /// - Parameter afterCancel: whether it was told to a `prepare` at work, which was stopped: then there may be nothing
    ///   that is activated.
    /// - Throws: `UpdaterError`.
    public func deactivate(afterCancel: Bool = false) async throws(UpdaterError) {
        try await perform(.deactivate, always: afterCancel) { () async throws(UpdaterError) in
            if afterCancel, self.record.state != .ready { return }
            try self.deactivateStaged()
        }
    }

    /// Ends the command that is at work: it throws `UpdaterError.cancelled`, soon.
    ///
    /// What it wrote stays, and the next `prepare` goes on from there.
    /// - Returns: the command; nil if none was at work.
    @discardableResult
    public func cancel() -> UpdateStatus.Command.Kind? {
        atWork?.cancel()
        return atWork?.kind
    }

    /// Whether a command may begin now.
    ///
    /// - Throws: `UpdaterError.busy`, `.notAllowed`, `.nothingStaged` or `.trialRuns`.
    public func check(_ kind: UpdateStatus.Command.Kind) throws(UpdaterError) {
        if let atWork { throw .busy(atWork.kind) }
        let allowed: [UpdateStatus.State] =
            switch kind {
            case .refresh: UpdateStatus.State.allCases
            case .prepare: [.available, .staged]
            case .activate: [.staged]
            case .deactivate: [.ready]
            }
        guard allowed.contains(record.state) else { throw .notAllowed(kind, state: record.state) }
        guard kind == .activate || kind == .deactivate else { return }
        guard let staged = record.staged else { throw .nothingStaged }
        if kind == .deactivate, staged.rootHash == environment.system.rootHash {
            throw .trialRuns(version: staged.image.version)
        }
    }

    // MARK: Common

    /// Does a command, one at a time, and records what it came to.
    ///
    /// It is a task of its own, so that `cancel` can end it as well as the task that waits for it.
    private func perform<Result: Sendable>(
        _ kind: UpdateStatus.Command.Kind,
        always: Bool = false,
        _ body: @escaping () async throws(UpdaterError) -> Result
    ) async throws(UpdaterError) -> Result {
        if always { if let atWork { throw .busy(atWork.kind) } } else { try check(kind) }
        let task = Task { await self.result(of: kind, body) }
        atWork = (kind, { task.cancel() })
        let result = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        return try result.get()
    }

    private func result<Value: Sendable>(
        of kind: UpdateStatus.Command.Kind,
        _ body: () async throws(UpdaterError) -> Value
    ) async -> Result<Value, UpdaterError> {
        defer { atWork = nil }
        do throws(UpdaterError) {
            // Who is killed at it leaves a command of which nobody knows the end.
            try begin(kind)
            let value = try await body()
            finish(kind, nil)
            try save()
            return .success(value)
        } catch {
            // Whatever was under way names its own end otherwise.
            let error = Task.isCancelled ? .cancelled : error
            finish(kind, error)
            // The command's own error is what the caller must see.
            try? save()
            return .failure(error)
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

    /// Records what a command came to.
    func finish(_ kind: UpdateStatus.Command.Kind, _ error: UpdaterError?) {
        var status = currentStatus
        status.mostRecentCommand = UpdateStatus.Command(
            kind: kind,
            status: error == nil ? .success : .failed,
            timestamp: Timestamp(seconds: environment.now()),
            exitStatus: error?.exitStatus ?? 0,
            stderr: error?.description.bounded(to: UpdateRecord.textLimit)
        )
        record.status = status
    }
}
