/// The Kubernetes agent: kubelet, and what it needs to join a cluster.
///
/// The names are Bottlerocket's; what kubelet makes of each is in its own reference (KubeletConfiguration v1beta1).
public struct KubernetesSettings: SettingsGroup {
    /// Where the API of the cluster is.
    public var apiServer: WebURL?
    /// The certificate authority of the cluster.
    public var clusterCertificate: PEMCertificates?
    /// The name of the cluster.
    public var clusterName: ClusterName?
    /// The name servers of pods.
    public var clusterDNSIP: OneOrMany<IPAddress>?
    /// The domain of the cluster.
    public var clusterDomain: DomainName?
    /// Whether kubelet runs without a cluster.
    public var standaloneMode: Bool?
    /// How kubelet proves who it is.
    public var authenticationMode: AuthenticationMode?
    /// The token with which kubelet joins.
    public var bootstrapToken: BootstrapToken?
    /// Whether the cluster signs kubelet's server certificate.
    public var serverTLSBootstrap: Bool?
    /// The certificate of kubelet's own server.
    public var serverCertificate: PEMCertificates?
    /// The private key of kubelet's own server.
    public var serverKey: PEMPrivateKey?
    /// What looks after nodes on behalf of a cloud.
    public var cloudProvider: CloudProvider?
    /// The name of this machine at the cloud.
    public var providerID: SingleLineText?
    /// The address of the node.
    public var nodeIP: IPAddress?
    /// The name of the node.
    public var hostnameOverride: HostName?
    /// Where the name of the node comes from.
    public var hostnameOverrideSource: HostnameOverrideSource?
    /// Labels of the node.
    public var nodeLabels: SettingMap<LabelKey, LabelValue>?
    /// Taints of the node.
    public var nodeTaints: SettingMap<LabelKey, OneOrMany<TaintValue>>?
    /// How many pods may run on the node.
    public var maxPods: Count?
    /// How many processes a pod may have.
    public var podPidsLimit: PodPidsLimit?
    /// The image that holds a pod together.
    public var podInfraContainerImage: ImageReference?
    /// How many user IDs a pod has.
    public var idsPerPod: IDsPerPod?
    /// Whether static pods run.
    public var staticPodsEnabled: Bool?
    /// Pods that kubelet runs by itself.
    public var staticPods: SettingMap<Identifier, StaticPod>?
    /// Sysctls that pods may set.
    public var allowedUnsafeSysctls: [SysctlPattern]?
    /// Whether CPU limits are enforced.
    public var cpuCFSQuotaEnforced: Bool?
    /// How CPUs are given to containers.
    public var cpuManagerPolicy: ManagerPolicy?
    /// Details of it.
    public var cpuManagerPolicyOptions: [CPUManagerOption]?
    /// How often it is put right.
    public var cpuManagerReconcilePeriod: GoDuration?
    /// How closely resources of a pod lie.
    public var topologyManagerPolicy: TopologyManagerPolicy?
    /// For what that holds.
    public var topologyManagerScope: TopologyManagerScope?
    /// How memory is given to containers.
    public var memoryManagerPolicy: ManagerPolicy?
    /// Memory kept from it, by NUMA node.
    public var memoryManagerReservedMemory: SettingMap<Identifier, MemoryReservation>?
    /// Whether pods may swap.
    public var memorySwapBehavior: MemorySwapBehavior?
    /// Processors that pods don't get.
    public var reservedCPUs: CPUSet?
    /// Resources kept for kubelet.
    public var kubeReserved: SettingMap<ReservedResource, Quantity>?
    /// Resources kept for the host.
    public var systemReserved: SettingMap<ReservedResource, Quantity>?
    /// When pods are evicted at once.
    public var evictionHard: SettingMap<EvictionSignal, EvictionThreshold>?
    /// When pods are evicted after a while.
    public var evictionSoft: SettingMap<EvictionSignal, EvictionThreshold>?
    /// How long that while is.
    public var evictionSoftGracePeriod: SettingMap<EvictionSignal, GoDuration>?
    /// How long pods have to end.
    public var evictionMaxPodGracePeriod: Count?
    /// When images are removed.
    public var imageGCHighThresholdPercent: Percentage?
    /// Until when images are removed.
    public var imageGCLowThresholdPercent: Percentage?
    /// How long an image is kept.
    public var imageMinimumGCAge: GoDuration?
    /// When an unused image goes.
    public var imageMaximumGCAge: GoDuration?
    /// How many images are pulled at once.
    public var maxParallelImagePulls: PositiveCount?
    /// Pulls a second.
    public var registryQPS: Count?
    /// Pulls in a burst.
    public var registryBurst: Count?
    /// Events a second.
    public var eventQPS: Count?
    /// Events in a burst.
    public var eventBurst: Count?
    /// Requests a second.
    public var kubeAPIQPS: Count?
    /// Requests in a burst.
    public var kubeAPIBurst: Count?
    /// How large a log grows.
    public var containerLogMaxSize: Quantity?
    /// How many logs are kept.
    public var containerLogMaxFiles: LogFileCount?
    /// How many logs are turned over at once.
    public var containerLogMaxWorkers: PositiveCount?
    /// How often logs are looked at.
    public var containerLogMonitorInterval: GoDuration?
    /// How much kubelet logs.
    public var logLevel: LogLevel?
    /// Programs that know passwords of registries.
    public var credentialProviders: SettingMap<Identifier, CredentialProvider>?
    /// How long pods have at shutdown.
    public var shutdownGracePeriod: GoDuration?
    /// How much of it is for critical pods.
    public var shutdownGracePeriodForCriticalPods: GoDuration?
    /// Whether pods have the runtime's seccomp profile.
    public var seccompDefault: Bool?
    /// Whether devices belong to the pod's user.
    public var deviceOwnershipFromSecurityContext: Bool?
    /// Whether one process is killed.
    public var singleProcessOOMKill: Bool?
    /// Whether kubelet refuses cgroup v1.
    public var failCgroupV1: Bool?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<KubernetesSettings>] =
        clusterFields + podFields + resourceFields + agentFields
}
