import JSON

/// All settings of a host.
public struct Settings: SettingsGroup {
    /// The message shown to people who log in.
    public var motd: MessageText?
    /// Updates of the operating system.
    public var updates: UpdatesSettings?
    /// Containers for people and agents that look after the host.
    public var hostContainers: SettingMap<Identifier, HostContainer>?
    /// Containers that run once at boot, before workloads.
    public var bootstrapContainers: SettingMap<Identifier, BootstrapContainer>?
    /// Calls of the API at boot.
    public var bootstrapCommands: SettingMap<Identifier, BootstrapCommands>?
    /// Name, proxy and static host entries of this host.
    public var network: NetworkSettings?
    /// Time servers.
    public var ntp: NTPSettings?
    /// Name servers.
    public var dns: DNSSettings?
    /// The kernel while it runs.
    public var kernel: KernelSettings?
    /// What the kernel and init are told at boot.
    public var boot: BootSettings?
    /// Mirrors of and credentials for container registries.
    public var containerRegistry: ContainerRegistrySettings?
    /// The container runtime.
    public var containerRuntime: ContainerRuntimeSettings?
    /// What containers may do unless their orchestrator says otherwise.
    public var ociDefaults: OCIDefaultsSettings?
    /// Certificate authorities that programs of the host trust.
    public var pki: SettingMap<Identifier, CertificateBundle>?
    /// Reports about the health of this host.
    public var metrics: MetricsSettings?
    /// The Kubernetes agent.
    public var kubernetes: KubernetesSettings?
    /// The Docker swarm that this host is part of.
    public var swarm: SwarmSettings?

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
        Field("updates", \.updates, "Where updates of the operating system come from, and which are taken."),
        Field(
            "host-containers",
            \.hostContainers,
            "Containers for people and agents that look after the host, apart from workloads, by their names.",
            example: ["admin": [:]]
        ),
        Field(
            "bootstrap-containers",
            \.bootstrapContainers,
            "Containers that run at boot, before workloads, and prepare the host, by their names.",
            example: ["format-disks": [:]]
        ),
        Field(
            "bootstrap-commands",
            \.bootstrapCommands,
            "Calls of the API at boot, before workloads, by their names, in the order of the names.",
            example: ["10-motd": [:]]
        ),
        Field("network", \.network, "Name, proxy and static host entries of this host."),
        Field("ntp", \.ntp, "Where this host has the time from."),
        Field("dns", \.dns, "How this host looks up names."),
        Field("kernel", \.kernel, "The kernel while it runs."),
        Field("boot", \.boot, "What the kernel and init are told at boot."),
        Field(
            "container-registry",
            \.containerRegistry,
            "Mirrors of container registries, and credentials for them."
        ),
        Field("container-runtime", \.containerRuntime, "The container runtime that runs workloads."),
        Field(
            "oci-defaults",
            \.ociDefaults,
            "What containers may do unless their orchestrator says otherwise; host containers are not affected."
        ),
        Field(
            "pki",
            \.pki,
            "Certificate authorities that programs of the host and its container runtime trust, by their names.",
            example: ["example-org": [:]]
        ),
        Field("metrics", \.metrics, "Reports about the health of this host to a server of yours."),
        Field("kubernetes", \.kubernetes, "The Kubernetes agent, in variants that have one."),
        Field("swarm", \.swarm, "The Docker swarm that this host is part of, in variants that have one."),
    ]
}
