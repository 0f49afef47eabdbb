internal import SettingsModel

/// What the settings model has under a key.
enum KnownKey {
    /// A group or map: the beginning of keys.
    case prefix
    /// A setting.
    case setting

    /// Looks a key up; nil where the model has nothing.
    init?(_ key: SettingKey) {
        switch Settings.type(of: key)?.shape.form {
        case nil: return nil
        case .group?, .map?: self = .prefix
        default: self = .setting
        }
    }
}
