import HostAPI

/// Where host containers and bootstrap containers have their files.
public struct HostContainerPaths: Sendable, Equatable {
    /// The file of what settings ask for, with secrets, rendered to `/etc/bulkhead/host-containers.json`.
    public var settings: String
    /// The file of how images are pulled, with secrets, rendered to `/etc/bulkhead/image-pull.json`.
    public var pulling: String
    /// The images that this version of the OS brings, and their list.
    public var embedded: String
    /// The folder of definitions, states and pipes, which a restart of the host empties.
    public var runtime: String
    /// The folder in which each host container has a folder that lasts.
    public var hostStorage: String
    /// The folder in which each bootstrap container has a folder that lasts.
    public var bootstrapStorage: String
    /// The folder of notes about what ran once.
    public var markers: String
    /// The socket of host-containerd.
    public var socket: String
    /// Where runc keeps its records: its own place is shared by every containerd of a machine.
    public var records: String
    /// Where host-containerd keeps images and root file systems.
    public var store: String

    /// The places of a host, or those below another root in tests.
    public init(root: String = "") {
        settings = root + "/etc/bulkhead/host-containers.json"
        pulling = root + "/etc/bulkhead/image-pull.json"
        embedded = root + "/usr/share/bulkhead/containers"
        runtime = root + "/run/bulkhead/host-containers"
        hostStorage = root + "/var/lib/bulkhead/host-containers"
        bootstrapStorage = root + "/var/lib/bulkhead/bootstrap-containers"
        markers = root + "/var/lib/bulkhead/bootstrap"
        socket = root + "/run/host-containerd/containerd.sock"
        records = root + "/run/host-containerd/runc"
        store = root + "/var/lib/host-containerd"
    }

    /// The namespace of containerd in which all of them are.
    public static let namespace = "host"

    /// What a container's own processes are told to do.
    func definition(_ id: String) -> String { "\(runtime)/\(id).json" }

    /// A container's folder of things that a restart of the host takes.
    func folder(_ id: String) -> String { "\(runtime)/\(id)" }

    /// What a container does.
    func status(_ id: String) -> String { "\(folder(id))/status.json" }

    /// The digest of the definition that a container's processes are, or were last, at work with.
    func inForce(_ id: String) -> String { "\(folder(id))/in-force" }

    /// There when the container's first process was started since its unit's last start.
    func started(_ id: String) -> String { "\(folder(id))/started" }

    /// A container's folder that lasts.
    func storage(_ definition: HostContainerDefinition) -> String {
        switch definition.kind {
        case .host: "\(hostStorage)/\(definition.name)"
        case .bootstrap: "\(bootstrapStorage)/\(definition.name)"
        }
    }
}
