import SettingsApply
import SettingsModel

/// Applies settings, one run after the other; neither readers nor commits wait for it.
actor ApplyQueue {
    private let applier: Applier
    private let settings: @Sendable () -> SettingsDocument
    private var last: Task<ApplyReport, Never>?
    /// What the last run of all could not do; the next run of the same file or service takes it away.
    private var failures: [String: Failure] = [:]
    private let now: @Sendable () -> Int64

    /// Why something is not as the settings want it.
    struct Failure: Sendable {
        var message: String
        /// Since when, in seconds since 1970.
        var time: Int64
    }

    /// - Parameters:
    ///   - now: the time, in seconds since 1970.
    ///   - settings: the settings in force when a run begins, which may be newer than those it was asked for.
    init(
        applier: Applier,
        now: @escaping @Sendable () -> Int64,
        settings: @escaping @Sendable () -> SettingsDocument
    ) {
        self.applier = applier
        self.now = now
        self.settings = settings
    }

    /// Applies the changed keys, or everything, when the runs before it are done.
    ///
    /// It goes on when the caller is cancelled: a client that hangs up must not leave half of a change behind.
    func apply(_ keys: Set<SettingKey>?) async -> ApplyReport {
        let previous = last
        let applier = applier
        let settings = settings
        let run = Task {
            _ = await previous?.value
            return await applier.apply(keys, settings: settings())
        }
        last = run
        let report = await run.value
        note(report)
        return report
    }

    /// What can't be applied at present, by file or service.
    var problems: [String: Failure] { failures }

    private func note(_ report: ApplyReport) {
        let time = now()
        for file in report.files {
            failures[file.path] = file.error.map { Failure(message: $0, time: time) }
        }
        for service in report.services where service.outcome != .skipped {
            failures[service.name] =
                service.outcome == .done
                ? nil
                : Failure(
                    message: "\(service.command): \(service.error ?? service.outcome.rawValue)",
                    time: time
                )
        }
    }
}
