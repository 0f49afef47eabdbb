import SettingsModel

/// The three layers of a generation.
struct Layers: Sendable, Equatable {
    var strong: SettingsDocument
    var weak: SettingsDocument
    var defaults: SettingsDocument

    /// The settings in force: strong ones over weak ones over defaults.
    var settings: SettingsDocument { defaults.merging(weak).merging(strong) }

    /// Each layer put through a function; nil where it gives nil for one of them.
    func map(_ body: (SettingsDocument) -> SettingsDocument?) -> Layers? {
        guard let strong = body(strong), let weak = body(weak), let defaults = body(defaults) else {
            return nil
        }
        return Layers(strong: strong, weak: weak, defaults: defaults)
    }
}

extension Generation {
    var layers: Layers {
        get { Layers(strong: strong, weak: weak, defaults: defaults) }
        set {
            strong = newValue.strong
            weak = newValue.weak
            defaults = newValue.defaults
        }
    }
}
