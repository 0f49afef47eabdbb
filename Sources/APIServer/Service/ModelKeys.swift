import JSON
import SettingsModel

/// Which keys the model of the settings has.
enum ModelKeys {
    /// Whether a key is the key of a setting, or of a group or map of settings.
    static func contains(_ key: SettingKey) -> Bool {
        var type = ValueType(Settings.self)
        for segment in key.segments {
            switch type.shape.form {
            case .group(let fields):
                guard let field = fields.first(where: { $0.name == segment }) else { return false }
                type = field.type
            case .map(let name, let value, _):
                var reader = SettingReader()
                guard name.check(.string(segment), &reader) != nil else { return false }
                type = value
            default: return false
            }
        }
        return true
    }

    /// Which of the settings must not be shown in logs, events and reports.
    static func isSecret(_ key: SettingKey) -> Bool {
        var type = ValueType(Settings.self)
        for segment in key.segments {
            switch type.shape.form {
            case .group(let fields):
                guard let field = fields.first(where: { $0.name == segment }) else { return false }
                if field.isSecret { return true }
                type = field.type
            case .map(_, let value, _): type = value
            default: return false
            }
        }
        return false
    }
}
