import Features

/// The units that a value of a setting can make fail, though the OS is as it should be.
///
/// They must not decide about a version of the OS: going back to the one before would not mend the setting, and would
/// keep the host from every update. `GET /health` tells of them.
struct SettingsUnits: Sendable, Equatable {
    /// The steps of the boot that bring settings in; what they need of the OS has checks of its own.
    private static let steps: Set<String> = [
        "bulkhead-user-data.service", "bulkhead-generate.service", "bulkhead-apply.service",
    ]
    /// What features restart, and no host is any good without.
    private static let runtime: Set<String> = ["containerd.service"]

    /// The beginnings of the names of units that run one container each: what it is and does is all settings.
    ///
    /// An essential bootstrap container fails bulkhead-bootstrap.service, too, which is judged.
    private static let containers = ["bootstrap-container@", "host-container@"]

    /// The names of the units.
    let names: Set<String>

    /// The units of features.
    init(_ features: FeatureSet?) {
        let services = features.map { Array($0.services.values) } ?? []
        let restarted = services.flatMap(\.restart).map(\.unit)
        names = Self.steps.union(restarted).subtracting(Self.runtime)
    }

    /// The units of a host.
    ///
    /// Features that can't be read are a fault of the image: bulkhead-migrate.service fails then, and is judged.
    init(on host: HostFiles) {
        self.init(try? FeatureSet.load(directory: host.path("/usr/share/bulkhead/features")))
    }

    /// What the units that have failed mean for the host.
    func judge(failed: [String]) -> HealthResult {
        let judged = failed.filter { unit in
            !names.contains(unit) && !Self.containers.contains { unit.hasPrefix($0) }
        }
        guard judged.isEmpty else {
            return .unhealthy("failed: \(judged.joined(separator: ", ")); see 'journalctl -b -u UNIT'")
        }
        guard failed.isEmpty else {
            let list = failed.joined(separator: ", ")
            return .healthy("failed, as a setting can make them: \(list); see GET /health")
        }
        return .healthy("no failed unit")
    }
}
