import Glibc
import HostAPI
import HostAPIServer
import JSON
import Logging
import SettingsApply
import SettingsModel
import SettingsStore

/// The one owner of the settings store: changes pass through here, one at a time.
///
/// Readers take `snapshots` and never wait; files and services follow in `queue`, which no change waits for.
actor HostService {
    /// What the service works with.
    struct Parts: Sendable {
        var queue: ApplyQueue
        var events: EventHub
        var metrics: Metrics
        var logger: Logger
        /// The file that says, until the next boot, that settings can't be changed.
        var lockFile: String
        /// The file that says what is committed and not applied yet.
        var applyDebt: ApplyDebt
        /// The time, in seconds since 1970.
        var now: @Sendable () -> Int64
    }

    nonisolated let snapshots: SnapshotBox
    nonisolated let parts: Parts
    private let store: SettingsStore
    private var trialWatch: Task<Void, Never>?

    /// What did not go well when the store was opened.
    nonisolated let storeWarnings: [String]

    /// Takes a store over.
    init(store: sending SettingsStore, snapshots: SnapshotBox, parts: Parts) {
        storeWarnings = store.warnings
        self.store = store
        self.snapshots = snapshots
        self.parts = parts
    }

    /// Opens the store, ready to be handed over.
    ///
    /// - Parameter defaults: taken when the store is new, as where no boot step made it.
    /// - Throws: `StoreError`.
    static func open(
        _ files: sending any StoreFiles,
        osVersion: String,
        defaults: SettingsDocument,
        now: @escaping @Sendable () -> Int64
    ) throws(StoreError) -> sending (SettingsStore, Snapshot) {
        let store = try SettingsStore(files: files, osVersion: osVersion, now: now)
        if store.current.reason == .first, store.current.settings.values.isEmpty, store.transactions.isEmpty {
            _ = try store.beginBoot(defaults: defaults)
        }
        var transactions: [String: PendingTransaction] = [:]
        for name in store.transactions { transactions[name] = store.pending(name) }
        return (
            store,
            Snapshot(inForce: .init(store.current), transactions: transactions, isLocked: false)
        )
    }

    /// Does what can't wait: applies what a server that was killed had committed and not applied, and ends a trial whose
    /// time went by while no server ran.
    func start() {
        if let number = parts.applyDebt.inherited {
            let before = try? store.generation(number)
            let keys = before.map { Set($0.settings.differences(from: store.current.settings)) }
            parts.logger.notice("applying what was committed before the server was restarted")
            parts.applyDebt.begin(number)
            Task { await self.apply(keys, isOwed: true) }
        }
        checkTrial()
    }

    /// Answers at once; the watchdog asks, so that an actor that hangs is found.
    func ping() {}

    // MARK: - Transactions

    /// Adds changes to a transaction.
    func stage(
        _ changes: [SettingKey: PendingTransaction.Change],
        in transaction: String,
        by peer: PeerCredentials
    ) throws(Problem) {
        try refuseIfLocked()
        try store({ (store) throws(StoreError) in try store.stage(changes, in: transaction) })
        publishTransaction(transaction)
        log("settings staged", changes.keys, peer.author, ["TRANSACTION": transaction])
    }

    /// Drops a transaction; also on a host that is locked down, as no setting changes.
    func discard(_ transaction: String, by peer: PeerCredentials) throws(Problem) -> [SettingKey] {
        let keys = try store({ (store) throws(StoreError) in try store.discard(transaction) })
        publishTransaction(transaction)
        if !keys.isEmpty { log("transaction dropped", keys, peer.author, ["TRANSACTION": transaction]) }
        return keys
    }

    /// Commits a transaction.
    ///
    /// - Parameter owesApply: whether `apply(isOwed: true)` follows, which must then also come after a crash.
    func commit(
        _ transaction: String,
        confirmWithin: Int64?,
        owesApply: Bool,
        by peer: PeerCredentials
    ) throws(Problem) -> [SettingKey] {
        try refuseIfLocked()
        try endDueTrial()
        let author = peer.author
        let changed = try change(owesApply: owesApply) { (store) throws(StoreError) in
            try store.commit(transaction, by: author, confirmWithin: confirmWithin)
        }
        publishTransaction(transaction)
        publishGeneration("settings committed", changed, author, ["TRANSACTION": transaction])
        if confirmWithin != nil { publishTrial("begun") }
        return changed
    }

    /// Brings an older generation back; `apply(isOwed: true)` must follow.
    func restore(_ number: UInt64, by peer: PeerCredentials) throws(Problem) -> [SettingKey] {
        try refuseIfLocked()
        try endDueTrial()
        let author = peer.author
        let wasOnTrial = store.trialSecondsLeft != nil
        let changed = try change(owesApply: true) { (store) throws(StoreError) in
            try store.restore(number, by: author)
        }
        publishGeneration("generation restored", changed, author, ["RESTORED_GENERATION": "\(number)"])
        if wasOnTrial, store.trialSecondsLeft == nil { publishTrial("returned") }
        return changed
    }

    /// Keeps the commit that is on trial.
    func confirm(by peer: PeerCredentials) throws(Problem) {
        try refuseIfLocked()
        let author = peer.author
        try store({ (store) throws(StoreError) in try store.confirm(by: author) })
        publishGeneration("commit confirmed", [], author, [:])
        publishTrial("confirmed")
    }

    // MARK: - Generations, which lie on the disk

    func generations() throws(Problem) -> [GenerationHead] {
        try store({ (store) throws(StoreError) in try store.generations() })
    }

    func generation(_ number: UInt64) throws(Problem) -> Generation {
        try store({ (store) throws(StoreError) in try store.generation(number) })
    }

    /// Seconds until the commit on trial is taken back; nil without one.
    var trialSecondsLeft: Int64? { store.trialSecondsLeft }

    // MARK: - Lockdown

    /// Refuses changes until the next boot, also when the server restarts.
    func lockDown(by peer: PeerCredentials) throws(Problem) {
        do throws(APIServerError) {
            try BoundedFile.replace(parts.lockFile, [])
        } catch {
            throw Problem(status: 500, detail: "the lockdown can't be noted, so nothing is locked: \(error)")
        }
        snapshots.update { $0.isLocked = true }
        log("settings locked down", [], peer.author, [:])
    }

    private func refuseIfLocked() throws(Problem) {
        if snapshots.value.isLocked { throw .lockedDown }
    }

    // MARK: - Trials

    /// Takes a commit back whose time ran out just now: the next change would do so too, and not apply it or tell.
    private func endDueTrial() throws(Problem) {
        guard store.trialSecondsLeft == 0 else { return }
        checkTrial()
        guard store.trialSecondsLeft != 0 else {
            throw Problem(
                status: 500,
                detail: "a commit whose trial is over can't be taken back: see the journal, and try again"
            )
        }
    }

    /// Takes a commit back whose trial is over, and sees to the next time.
    private func checkTrial() {
        var delay: Int64?
        let isDue = store.trialSecondsLeft == 0
        do throws(StoreError) {
            if isDue { parts.applyDebt.begin(store.current.number) }
            if let changed = try store.endTrialIfDue() {
                let author = Generation.Author(
                    user: geteuid(),
                    group: getegid(),
                    process: getpid(),
                    program: "apiserver"
                )
                publishGeneration("commit taken back: it was not confirmed in time", changed, author, [:])
                publishTrial("returned")
                Task { await self.apply(Set(changed), isOwed: isDue) }
            } else if isDue {
                parts.applyDebt.end()
            }
            delay = store.trialSecondsLeft
        } catch {
            if isDue { parts.applyDebt.end() }
            // The state partition may be full; what was committed on trial must go as soon as it can.
            parts.logger.error("a commit on trial can't be taken back, trying again: \(error)")
            delay = 5
        }
        watchTrial(delay)
    }

    /// Looks again when the trial's time is over; at least every half minute, as clocks are set.
    private func watchTrial(_ delay: Int64?) {
        trialWatch?.cancel()
        trialWatch = nil
        guard let delay else { return }
        trialWatch = Task { [weak self] in
            try? await Task.sleep(for: .seconds(min(max(delay, 1), 30)))
            guard !Task.isCancelled else { return }
            await self?.checkTrial()
        }
    }

    // MARK: - Applying

    /// Applies the changed keys, or everything, and tells the journal and the watchers what became of it.
    ///
    /// - Parameter isOwed: whether a change said that this follows.
    @discardableResult
    nonisolated func apply(_ keys: Set<SettingKey>?, isOwed: Bool = false) async -> ApplyResult {
        var result = await parts.queue.apply(keys)
        if isOwed { parts.applyDebt.end() }
        result.changed = (keys ?? []).sorted().map(\.description)
        parts.metrics.applied(succeeded: result.succeeded)
        for file in result.files {
            if let error = file.error { parts.logger.error("\(file.path) can't be rendered: \(error)") }
        }
        for service in result.services where service.outcome == .failed || service.outcome == .timedOut {
            parts.logger.error(
                "\(service.command) \(service.outcome.rawValue): \(service.error ?? "systemd gave no reason")"
            )
        }
        parts.events.publish(.apply, result.json)
        return result
    }

    // MARK: - Telling the others

    private func store<Result>(
        _ body: (SettingsStore) throws(StoreError) -> Result
    ) throws(Problem) -> Result {
        do throws(StoreError) {
            return try body(store)
        } catch {
            if case .io = error { parts.logger.error("\(error)") }
            throw Problem(error)
        }
    }

    /// Changes what is in force; with `owesApply`, notes before that it must be applied.
    private func change<Result>(
        owesApply: Bool,
        _ body: (SettingsStore) throws(StoreError) -> Result
    ) throws(Problem) -> Result {
        guard owesApply else { return try store(body) }
        parts.applyDebt.begin(store.current.number)
        do throws(Problem) {
            return try store(body)
        } catch {
            parts.applyDebt.end()
            throw error
        }
    }

    private func publishTransaction(_ name: String) {
        let pending = store.pending(name)
        snapshots.update { $0.transactions[name] = pending }
    }

    private func publishGeneration(
        _ what: String,
        _ changed: [SettingKey],
        _ author: Generation.Author,
        _ fields: [String: String]
    ) {
        let generation = store.current
        if snapshots.value.inForce.generation != generation {
            let inForce = Snapshot.InForce(generation)
            snapshots.update { $0.inForce = inForce }
            parts.metrics.committed()
        }
        var fields = fields
        fields["GENERATION"] = "\(generation.number)"
        log(what, changed, author, fields)
        parts.events.publish(
            .commit,
            [
                "generation": .integer(Int64(clamping: generation.number)),
                "changed": .array(changed.map { .string($0.description) }),
                "author": [
                    "uid": .integer(Int64(author.user)), "gid": .integer(Int64(author.group)),
                    "pid": .integer(Int64(author.process)), "program": .string(author.program),
                ],
                "trial": .bool(generation.trial != nil),
            ]
        )
        watchTrial(store.trialSecondsLeft)
    }

    private func publishTrial(_ state: String) {
        parts.events.publish(
            .trial,
            [
                "generation": .integer(Int64(clamping: store.current.number)),
                "state": .string(state),
                "seconds_left": store.trialSecondsLeft.map { .integer($0) } ?? .null,
            ]
        )
    }

    /// Keys only, never values: some are secrets.
    private func log(
        _ what: String,
        _ keys: some Collection<SettingKey>,
        _ author: Generation.Author,
        _ fields: [String: String]
    ) {
        var metadata: Logger.Metadata = [
            "PEER_UID": "\(author.user)", "PEER_PID": "\(author.process)",
            "PEER_PROGRAM": "\(author.program)",
        ]
        for (name, value) in fields { metadata[name] = "\(value)" }
        if !keys.isEmpty {
            let shown = keys.prefix(100).map(\.description).sorted().joined(separator: ",")
            metadata["SETTING_KEYS"] = "\(shown)\(keys.count > 100 ? ",+\(keys.count - 100)" : "")"
        }
        parts.logger.info("\(what)", metadata: metadata)
    }
}

extension PeerCredentials {
    /// The client as the author of a change.
    var author: Generation.Author {
        Generation.Author(user: user, group: group, process: process, program: program)
    }
}
