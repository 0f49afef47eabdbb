import SettingsApply
import SettingsModel

/// Applies settings, one run after the other; neither readers nor commits wait for it.
actor ApplyQueue {
    private let applier: Applier
    private let settings: @Sendable () -> SettingsDocument
    private var last: Task<ApplyReport, Never>?
    /// What the last run of all could not do; the next run of the same file or service takes it away.
    private var failures: [String: String] = [:]

    /// - Parameter settings: the settings in force when a run begins, which may be newer than those it was asked for.
    init(applier: Applier, settings: @escaping @Sendable () -> SettingsDocument) {
        self.applier = applier
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
    var problems: [String: String] { failures }

    private func note(_ report: ApplyReport) {
        for file in report.files { failures[file.path] = file.error }
        for service in report.services {
            let failed = service.outcome == .failed || service.outcome == .timedOut
            failures[service.name] = failed ? "\(service.command): \(service.error ?? service.outcome.rawValue)" : nil
        }
    }
}
