public import SettingsModel

/// The features of one image, joined and checked against each other.
public struct FeatureSet: Sendable {
    /// The features, by name.
    public let features: [Feature]
    /// The defaults of all features.
    public let defaults: SettingsDocument
    /// The generators of all features.
    public let generators: [SettingKey: Feature.Generator]
    /// The services of all features.
    public let services: [String: Feature.Service]
    /// The files of all features.
    public let files: [String: Feature.File]

    /// Joins features.
    ///
    /// - Throws: `FeatureError` when two features claim one name, default or path, or a service names a file that none
    ///   declares.
    public init(_ features: [Feature]) throws(FeatureError) {
        self.features = features
        defaults = SettingsDocument()
        generators = [:]
        services = [:]
        files = [:]
    }

    /// The names of the services that follow each of the keys.
    public func affectedServices(of keys: some Sequence<SettingKey>) -> [SettingKey: [String]] { [:] }
}

/// Why a feature file can't be used.
public enum FeatureError: Error, Equatable, CustomStringConvertible {
    /// A file is wrong: which one, where, and what to do.
    case invalid(file: String, reason: String)

    /// What is wrong, where, and what to do.
    public var description: String {
        switch self {
        case .invalid(let file, let reason): "\(file): \(reason)"
        }
    }
}
