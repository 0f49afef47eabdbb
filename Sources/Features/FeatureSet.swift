public import SettingsModel

/// The features of one image, joined and checked against each other.
public struct FeatureSet: Sendable, Equatable {
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
    /// - Throws: `FeatureError` when two features claim one name, default or path, when a service names a file that
    ///   none declares, or when no service uses a file.
    public init(_ features: [Feature]) throws(FeatureError) {
        var claims = Claims()
        var defaults = SettingsDocument()
        var generators: [SettingKey: Feature.Generator] = [:]
        var services: [String: Feature.Service] = [:]
        var files: [String: Feature.File] = [:]
        let features = features.sorted { $0.name < $1.name }
        for feature in features {
            try claims.claim("feature", feature.name, by: feature)
            for (key, value) in feature.defaults.values.sorted(by: { $0.key < $1.key }) {
                try claims.claim("default of", "\(key)", by: feature)
                defaults.values[key] = value
            }
            for (key, generator) in feature.generators.sorted(by: { $0.key < $1.key }) {
                try claims.claim("generator of", "\(key)", by: feature)
                generators[key] = generator
            }
            for (name, service) in feature.services.sorted(by: { $0.key < $1.key }) {
                try claims.claim("service", name, by: feature)
                services[name] = service
            }
            for (name, file) in feature.files.sorted(by: { $0.key < $1.key }) {
                try claims.claim("file", name, by: feature)
                try claims.claim("path", file.path, by: feature)
                files[name] = file
            }
        }
        self.features = features
        self.defaults = defaults
        self.generators = generators
        self.services = services
        self.files = files
        try checkReferences()
        try checkPaths()
    }

    /// The names of the services that follow each of the keys, sorted; keys that none follows are left out.
    ///
    /// A key may be a prefix, too: then these are the services that follow anything inside of it.
    public func affectedServices(of keys: some Sequence<SettingKey>) -> [SettingKey: [String]] {
        var affected: [SettingKey: [String]] = [:]
        for key in keys {
            let names = services.filter { _, service in
                service.settings.contains { key.isInside($0) || $0.isInside(key) }
            }
            if !names.isEmpty { affected[key] = names.keys.sorted() }
        }
        return affected
    }

    private func checkReferences() throws(FeatureError) {
        var used: Set<String> = []
        for feature in features {
            for (name, service) in feature.services.sorted(by: { $0.key < $1.key }) {
                for file in service.files where files[file] == nil {
                    throw .invalid(
                        file: "\(feature.name).toml",
                        reason: "services.\(name).files: no feature has a file '\(file)'; add [files.\(file)]"
                    )
                }
                used.formUnion(service.files)
            }
        }
        for feature in features {
            for name in feature.files.keys.sorted() where !used.contains(name) {
                throw .invalid(
                    file: "\(feature.name).toml",
                    reason: "files.\(name): no service uses it; name it in the files of one, or remove it"
                )
            }
        }
    }

    /// A path can't be a file and the folder of another one.
    private func checkPaths() throws(FeatureError) {
        let owners = Dictionary(
            features.flatMap { feature in feature.files.values.map { ($0.path, feature.name) } },
            uniquingKeysWith: { first, _ in first }
        )
        for (path, name) in owners.sorted(by: { $0.key < $1.key }) {
            var folder = path[...]
            while let slash = folder.lastIndex(of: "/") {
                folder = folder[..<slash]
                if let other = owners[String(folder)] {
                    throw .invalid(
                        file: "\(name).toml",
                        reason: "path '\(path)' is inside of '\(folder)', which is a file of \(other).toml"
                    )
                }
            }
        }
    }
}

/// Who has claimed a name, so that the second one is told of the first.
private struct Claims {
    private var owners: [String: String] = [:]

    mutating func claim(_ kind: String, _ name: String, by feature: Feature) throws(FeatureError) {
        let claim = "\(kind) '\(name)'"
        if let other = owners.updateValue(feature.name, forKey: claim) {
            throw .invalid(
                file: "\(feature.name).toml",
                reason: "the \(claim) is claimed by \(other).toml already: keep one of them"
            )
        }
    }
}
