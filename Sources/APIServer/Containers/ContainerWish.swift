import HostAPI
import JSON
import SettingsModel

/// What the settings say of one host or bootstrap container.
struct ContainerWish: Sendable, Equatable {
    var name: String
    var kind: HostContainerStatus.Kind
    var desired: HostContainerStatus.Desired
    /// The reference of its image; empty while none is set.
    var source: String

    /// What the runtime calls it.
    var id: String { HostContainerStatus.id(of: name, kind) }

    /// The key of a container's settings.
    static func key(of name: String, _ kind: HostContainerStatus.Kind) -> SettingKey {
        SettingKey([group(of: kind), name])
    }

    private static func group(of kind: HostContainerStatus.Kind) -> String {
        switch kind {
        case .host: "host-containers"
        case .bootstrap: "bootstrap-containers"
        }
    }

    /// The containers of settings by what the runtime calls them.
    static func all(in settings: SettingsDocument) -> [String: ContainerWish] {
        var wishes: [String: ContainerWish] = [:]
        for kind in HostContainerStatus.Kind.allCases {
            let group = settings.inside(SettingKey([group(of: kind)])).json[group(of: kind)]
            for (name, container) in group?.members ?? [:] {
                let wish = ContainerWish(
                    name: name,
                    kind: kind,
                    desired: desired(of: container, kind),
                    source: container["source"]?.string ?? ""
                )
                wishes[wish.id] = wish
            }
        }
        return wishes
    }

    private static func desired(
        of container: JSONValue,
        _ kind: HostContainerStatus.Kind
    ) -> HostContainerStatus.Desired {
        switch kind {
        case .host: container["enabled"]?.bool == true ? .running : .stopped
        case .bootstrap:
            switch container["mode"]?.string.flatMap(BootstrapMode.init(rawValue:)) {
            case .once: .once
            case .always: .always
            case .off, nil: .stopped
            }
        }
    }
}
