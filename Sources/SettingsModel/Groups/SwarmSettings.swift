import JSON

/// What a host is to its swarm.
public enum SwarmRole: String, ChoiceSetting {
    case worker, manager

    /// The name of the type.
    public static let name = "swarm role"
}

/// Whether a host takes tasks of its swarm.
public enum SwarmAvailability: String, ChoiceSetting {
    case active, pause, drain

    /// The name of the type.
    public static let name = "swarm availability"
}

/// The subnet ranges of `docker swarm init --default-addr-pool-mask-length`.
public enum SubnetLengthForm: IntegerForm {
    /// The name of the type.
    public static let name = "subnet length"
    /// Docker's own bounds.
    public static let range: ClosedRange<Int64> = 1...29
}

/// The ports that `docker swarm init --data-path-port` takes.
public enum DataPathPortForm: IntegerForm {
    /// The name of the type.
    public static let name = "data path port"
    /// Docker's own bounds.
    public static let range: ClosedRange<Int64> = 1024...49151
}

/// The Docker swarm that this host is part of.
public struct SwarmSettings: SettingsGroup {
    /// What this host is to the swarm.
    public var role: SwarmRole?
    /// Whether a manager makes a new swarm.
    public var initialize: Bool?
    /// The token of the role.
    public var joinToken: SwarmToken?
    /// The managers to join.
    public var managerAddresses: [HostPort]?
    /// Where other members reach this host.
    public var advertiseAddress: LocalAddress?
    /// Where this host listens for other members.
    public var listenAddress: LocalAddress?
    /// Where traffic of containers goes.
    public var dataPathAddress: LocalAddress?
    /// The port for traffic of containers.
    public var dataPathPort: RangedInteger<DataPathPortForm>?
    /// Networks from which subnets are taken.
    public var defaultAddressPools: [IPNetwork]?
    /// How large these subnets are.
    public var defaultAddressPoolMaskLength: RangedInteger<SubnetLengthForm>?
    /// Whether this host takes tasks.
    public var availability: SwarmAvailability?
    /// Labels of this node.
    public var labels: SettingMap<LabelKey, SingleLineText>?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<SwarmSettings>] = [
        Field("role", \.role, "What this host is to the swarm.", example: "worker"),
        Field(
            "initialize",
            \.initialize,
            "Whether a manager that is in no swarm makes a new one instead of joining.",
            example: false
        ),
        Field(
            "join-token",
            \.joinToken,
            "The token with which this host joins, as `docker swarm join-token` prints it for its role.",
            example: "SWMTKN-1-49nj1cmql0jkz5s954yi3oex3nedyz0fb0xx14ie39trti4wxv-8vxv8rssmk743ojnwacrr2e7c",
            secret: true
        ),
        Field(
            "manager-addresses",
            \.managerAddresses,
            "Managers of the swarm that this host asks to join, in this order; port 2377 unless another is given.",
            example: ["192.0.2.10:2377", "manager-2.example.org"]
        ),
        Field(
            "advertise-address",
            \.advertiseAddress,
            "Where other members reach this host.",
            example: "192.0.2.20"
        ),
        Field(
            "listen-address",
            \.listenAddress,
            "Where this host listens for other members.",
            example: "0.0.0.0:2377"
        ),
        Field(
            "data-path-address",
            \.dataPathAddress,
            "The address or interface for the traffic of containers, where it is not that of the swarm.",
            example: "eth1"
        ),
        Field(
            "data-path-port",
            \.dataPathPort,
            "The port for the traffic of containers, in a swarm that this host makes.",
            example: 4789
        ),
        Field(
            "default-address-pools",
            \.defaultAddressPools,
            "Networks from which subnets of overlay networks are taken, in a swarm that this host makes.",
            example: ["10.10.0.0/16"]
        ),
        Field(
            "default-address-pool-mask-length",
            \.defaultAddressPoolMaskLength,
            "The length of these subnets' prefixes.",
            example: 24
        ),
        Field(
            "availability",
            \.availability,
            "Whether this host takes tasks: all, no new ones, or none.",
            example: "active"
        ),
        Field(
            "labels",
            \.labels,
            "Labels of this node, for placement constraints.",
            example: ["zone": "a", "example.org/disk": "ssd"]
        ),
    ]
}
