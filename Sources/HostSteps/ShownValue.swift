internal import SettingsModel

extension SettingProblem {
    /// The value as it may be shown in logs and reports; never that of a secret.
    var shownValue: String? { value }
}
