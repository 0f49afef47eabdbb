import JSON

/// Name, proxy and static host entries of this host.
public struct NetworkSettings: SettingsGroup {
    /// The host's own name.
    public var hostname: HostName?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<NetworkSettings>] = [
        Field("hostname", \.hostname, "The host's own name.", example: "worker-1.example.org")
    ]
}
