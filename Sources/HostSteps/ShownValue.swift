internal import SettingsModel

extension SettingProblem {
    /// The value as it may be shown in logs and reports: nothing of a secret, or of what has one inside of it.
    var shownValue: String? {
        guard let value else { return nil }
        // The place may lead into a value, as in settings.dns.name-servers[1]; the key ends before the bracket.
        var isQuoted = false
        let text = key.prefix { character in
            if character == "\"" { isQuoted.toggle() }
            return isQuoted || character != "["
        }
        // What is not known to be harmless is not shown.
        guard let key = try? SettingKey(parsing: String(text)), !SettingsDocument.isSecret(key) else {
            return "***"
        }
        return value
    }
}
