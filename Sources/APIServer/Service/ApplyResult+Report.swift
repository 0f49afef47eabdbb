import HostAPI
import SettingsApply
import SettingsModel

extension ApplyResult {
    /// What a run of applying settings did, as clients are told.
    init(_ report: ApplyReport, changed: Set<SettingKey>) {
        self.init(
            changed: changed.sorted().map(\.description),
            files: report.files.map { File(path: $0.path, changed: $0.changed, error: $0.error) },
            services: report.services.map {
                Service(name: $0.name, command: $0.command, outcome: Outcome($0.outcome), error: $0.error)
            },
            notices: report.notices
        )
    }
}

extension ApplyResult.Outcome {
    init(_ outcome: ApplyReport.Outcome) {
        self =
            switch outcome {
            case .done: .done
            case .failed: .failed
            case .timedOut: .timedOut
            case .skipped: .skipped
            }
    }
}
