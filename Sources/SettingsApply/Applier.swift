public import Features
public import SettingsModel

/// Renders files from settings and has systemd restart what reads them.
public struct Applier: Sendable {
    /// The features of the image.
    public let features: FeatureSet

    /// An applier.
    ///
    /// - Parameters:
    ///   - features: what follows which settings.
    ///   - templates: the folder of the templates.
    ///   - root: the folder below which `/etc/X` is written as `etc/X`; `/run/bulkhead` on a host.
    ///   - services: who restarts services.
    public init(features: FeatureSet, templates: String, root: String, services: any ServiceRestarter) {
        self.features = features
    }

    /// Renders what follows the keys, writes what changed and restarts what reads it.
    ///
    /// Never throws: each file and service has its own result.
    ///
    /// - Parameters:
    ///   - keys: the changed keys; nil for everything.
    ///   - settings: all settings in force.
    public func apply(_ keys: Set<SettingKey>?, settings: SettingsDocument) async -> ApplyReport {
        ApplyReport()
    }
}

/// Who restarts services: systemd on a host.
public protocol ServiceRestarter: Sendable {
    /// Does what is asked and waits until it is done.
    ///
    /// - Returns: what became of it, with the reason if it failed.
    func perform(_ restart: Feature.Restart) async -> (ApplyReport.Outcome, String?)
}
