internal import JSON
internal import SettingsModel

/// What the settings model has under a key.
enum KnownKey {
    /// A group or map: the beginning of keys.
    case prefix
    /// A setting.
    case setting

    /// Looks a key up; nil where the model has nothing.
    init?(_ key: SettingKey) {
        var type = ValueType(Settings.self)
        for segment in key.segments {
            switch type.shape.form {
            case .group(let fields):
                guard let field = fields.first(where: { $0.name == segment }) else { return nil }
                type = field.type
            case .map(let name, let value, _):
                var probe = SettingReader()
                guard name.check(.string(segment), &probe) != nil else { return nil }
                type = value
            default:
                return nil
            }
        }
        switch type.shape.form {
        case .group, .map: self = .prefix
        default: self = .setting
        }
    }
}
