import JSON

/// All settings of a host.
public struct Settings: SettingsGroup {
    /// The message shown to people who log in.
    public var motd: MessageText?
    /// The network.
    public var network: NetworkSettings?

    /// Nothing set.
    public init() {}

    /// The groups.
    public static let fields: [Field<Settings>] = [
        Field(
            "motd",
            \.motd,
            "The message shown to people who log in.",
            example: "This host is managed by Bulkhead."
        ),
        Field("network", \.network, "Name, proxy and static host entries of this host."),
    ]
}
