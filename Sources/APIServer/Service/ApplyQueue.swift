import HostAPI
import SettingsApply
import SettingsModel

/// Applies settings, one run after the other; neither readers nor commits wait for it.
actor ApplyQueue {
    private let applier: Applier
    private let settings: @Sendable () -> SettingsDocument
    private var last: Run?
    /// Callers that wait for the end of a run.
    private(set) var asked = 0
    /// Runs that have not begun, the next one first.
    private var waiting: [Run] = []
    private var failures: ApplyFailures
    private let now: @Sendable () -> Int64

    /// Runs that wait; what is asked for beyond them is done together with the last one.
    static let maximumWaiting = 16

    /// One run, for one or more callers.
    private final class Run {
        /// The changed keys; nil for everything.
        var keys: Set<SettingKey>?
        var task: Task<ApplyResult, Never>?
        init(_ keys: Set<SettingKey>?) { self.keys = keys }
    }

    /// - Parameters:
    ///   - failures: what could not be applied before.
    ///   - now: the time, in seconds since 1970.
    ///   - settings: the settings in force when a run begins, which may be newer than those it was asked for.
    init(
        applier: Applier,
        failures: ApplyFailures,
        now: @escaping @Sendable () -> Int64,
        settings: @escaping @Sendable () -> SettingsDocument
    ) {
        self.applier = applier
        self.failures = failures
        self.now = now
        self.settings = settings
    }

    /// Applies the changed keys, or everything, when the runs before it are done.
    ///
    /// It goes on when the caller is cancelled: a client that hangs up must not leave half of a change behind.
    func apply(_ keys: Set<SettingKey>?) async -> ApplyResult {
        asked += 1
        defer { asked -= 1 }
        if waiting.count >= Self.maximumWaiting, let run = waiting.last, let task = run.task {
            // However many clients ask, nobody waits for more than these runs.
            run.keys = keys.flatMap { keys in run.keys.map { $0.union(keys) } }
            return await task.value
        }
        let run = Run(keys)
        let previous = last?.task
        let task = Task {
            _ = await previous?.value
            return await perform(run)
        }
        run.task = task
        waiting.append(run)
        last = run
        return await task.value
    }

    private func perform(_ run: Run) async -> ApplyResult {
        waiting.removeAll { $0 === run }
        let report = await applier.apply(run.keys, settings: settings())
        failures.note(report, time: now())
        if last === run { last = nil }
        return report
    }

    /// What can't be applied at present, by file or service.
    var problems: [String: ApplyFailures.Failure] { failures.byName }
}
