public import JSON

/// One line of /etc/hosts: an address and the names that lead to it, `["192.0.2.7", ["db", "db.example.org"]]`.
public struct HostsEntry: SettingValue {
    /// The address.
    public let address: IPAddress
    /// The names.
    public let names: [HostName]

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "hosts entry",
            allowed:
                "a list of an IP address and a list of host names: [\"192.0.2.7\", [\"db.example.org\"]]",
            form: .tuple([IPAddress.shape, [HostName].shape], rest: nil, maximumCount: 2)
        )
    }

    /// Reads a list of two.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> HostsEntry? {
        guard let elements = json.elements, elements.count == 2 else {
            reader.refuse(json, allowed: shape.allowed)
            return nil
        }
        let address = reader.inside(0) { IPAddress.read(elements[0], &$0) }
        let names = reader.inside(1) { [HostName].read(elements[1], &$0) }
        guard let address, let names else { return nil }
        return HostsEntry(address: address, names: names)
    }

    /// The entry as JSON.
    public var json: JSONValue { .array([address.json, names.json]) }
}

/// Name, proxy and static host entries of this host.
public struct NetworkSettings: SettingsGroup {
    /// The host's own name.
    public var hostname: HostName?
    /// Lines of /etc/hosts.
    public var hosts: [HostsEntry]?
    /// The proxy for https.
    public var httpsProxy: ProxyURL?
    /// The proxy for http.
    public var httpProxy: ProxyURL?
    /// Hosts that are reached without a proxy.
    public var noProxy: [NoProxyEntry]?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<NetworkSettings>] = [
        Field("hostname", \.hostname, "The host's own name.", example: "worker-1.example.org"),
        Field(
            "hosts",
            \.hosts,
            "Names with fixed addresses, as lines of `/etc/hosts`: an address and its names. The order is kept.",
            example: [["192.0.2.7", ["db", "db.example.org"]], ["2001:db8::7", ["db.example.org"]]]
        ),
        Field(
            "https-proxy",
            \.httpsProxy,
            "The proxy for https, used by the updater, the container runtime and the orchestrator's agent.",
            example: "http://proxy.example.org:3128",
            secret: true
        ),
        Field(
            "http-proxy",
            \.httpProxy,
            "The proxy for http, used by the container runtime and the orchestrator's agent; the updater asks that for https.",
            example: "http://proxy.example.org:3128",
            secret: true
        ),
        Field(
            "no-proxy",
            \.noProxy,
            "Hosts that are reached without a proxy. The host itself is always one of them.",
            example: ["localhost", ".example.org", "10.0.0.0/8"]
        ),
    ]
}

/// Where this host has the time from.
public struct NTPSettings: SettingsGroup {
    /// The servers.
    public var timeServers: [HostAddress]?
    /// Options for each of the servers.
    public var options: [SingleLineText]?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<NTPSettings>] = [
        Field(
            "time-servers",
            \.timeServers,
            "The servers to ask for the time.",
            example: ["0.pool.ntp.example.org", "192.0.2.123"]
        ),
        Field(
            "options",
            \.options,
            "Words behind each server in the configuration of chrony; without effect in images that have another client.",
            example: ["minpoll", "6", "maxpoll", "10"]
        ),
    ]
}

/// How this host looks up names.
public struct DNSSettings: SettingsGroup {
    /// The servers.
    public var nameServers: [IPAddress]?
    /// The domains that short names are looked up in.
    public var searchList: [DomainName]?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<DNSSettings>] = [
        Field(
            "name-servers",
            \.nameServers,
            "The servers to ask for names, before those that DHCP names.",
            example: ["192.0.2.53", "2001:db8::53"]
        ),
        Field(
            "search-list",
            \.searchList,
            "The domains in which short names are looked up, in this order.",
            example: ["example.org", "corp.example.org"]
        ),
    ]
}
