import JSON

/// The settings of kubelet, in the order of the reference.
extension KubernetesSettings {
    /// How the node joins its cluster, and what it is called there.
    static let clusterFields: [Field<KubernetesSettings>] = [
        Field(
            "api-server",
            \.apiServer,
            "Where the API of the cluster is.",
            example: "https://kubernetes.example.org:6443"
        ),
        Field(
            "cluster-certificate",
            \.clusterCertificate,
            "The certificate authority of the cluster, in PEM, in Base64.",
            example: .string(ExampleCertificate.base64)
        ),
        Field(
            "cluster-name",
            \.clusterName,
            "The name of the cluster.",
            example: "example"
        ),
        Field(
            "cluster-dns-ip",
            \.clusterDNSIP,
            "The addresses of the cluster's name servers, one or a list.",
            example: ["10.96.0.10"]
        ),
        Field(
            "cluster-domain",
            \.clusterDomain,
            "The domain in which services of the cluster have their names.",
            example: "cluster.local"
        ),
        Field(
            "standalone-mode",
            \.standaloneMode,
            "Whether kubelet runs without a cluster, with static pods only.",
            example: false
        ),
        Field(
            "authentication-mode",
            \.authenticationMode,
            "How kubelet proves who it is: with its role in AWS, or with a certificate that it asks the cluster for.",
            example: "tls"
        ),
        Field(
            "bootstrap-token",
            \.bootstrapToken,
            "The token with which kubelet joins the cluster, in the mode `tls`.",
            example: "abcdef.0123456789abcdef",
            secret: true
        ),
        Field(
            "server-tls-bootstrap",
            \.serverTLSBootstrap,
            "Whether kubelet asks the cluster for the certificate of its own server; otherwise it signs it itself.",
            example: true
        ),
        Field(
            "server-certificate",
            \.serverCertificate,
            "The certificate of kubelet's own server, in PEM, in Base64.",
            example: .string(ExampleCertificate.base64)
        ),
        Field(
            "server-key",
            \.serverKey,
            "The private key of kubelet's own server, in PEM, in Base64.",
            example: .string(ExampleCertificate.emptyKey),
            secret: true
        ),
        Field(
            "cloud-provider",
            \.cloudProvider,
            "What looks after nodes on behalf of a cloud; empty when nothing does.",
            example: "external"
        ),
        Field(
            "provider-id",
            \.providerID,
            "The name of this machine at the cloud, as its provider writes it.",
            example: "aws:///eu-central-1a/i-0123456789abcdef0"
        ),
        Field(
            "node-ip",
            \.nodeIP,
            "The address with which the node registers.",
            example: "192.0.2.20"
        ),
        Field(
            "hostname-override",
            \.hostnameOverride,
            "The name with which the node registers, instead of its host name.",
            example: "worker-1"
        ),
        Field(
            "hostname-override-source",
            \.hostnameOverrideSource,
            "Where the name of the node comes from, in AWS, when `hostname-override` is not set.",
            example: "instance-id"
        ),
        Field(
            "node-labels",
            \.nodeLabels,
            "Labels with which the node registers.",
            example: ["topology.example.org/rack": "r12", "disk": "ssd"]
        ),
        Field(
            "node-taints",
            \.nodeTaints,
            "Taints with which the node registers: value and effect, one or a list.",
            example: ["dedicated": ["batch:NoSchedule", "batch:NoExecute"]]
        ),
    ]

    /// Pods.
    static let podFields: [Field<KubernetesSettings>] = [
        Field(
            "max-pods",
            \.maxPods,
            "How many pods may run on the node.",
            example: 110
        ),
        Field(
            "pod-pids-limit",
            \.podPidsLimit,
            "How many processes a pod may have.",
            example: 4096
        ),
        Field(
            "pod-infra-container-image",
            \.podInfraContainerImage,
            "The image of the container that holds a pod together.",
            example: "registry.example.org/pause:3.10"
        ),
        Field(
            "ids-per-pod",
            \.idsPerPod,
            "How many user and group IDs a pod with a user namespace has; a multiple of 65536.",
            example: 65536
        ),
        Field(
            "static-pods-enabled",
            \.staticPodsEnabled,
            "Whether static pods run at all.",
            example: true
        ),
        Field(
            "static-pods",
            \.staticPods,
            "Pods that kubelet runs without being asked by the cluster, by their names.",
            example: ["proxy": [:]]
        ),
        Field(
            "allowed-unsafe-sysctls",
            \.allowedUnsafeSysctls,
            "Sysctls that pods may set although they are not safe for the host.",
            example: ["net.core.somaxconn", "net.ipv4.tcp*"]
        ),
    ]

    /// Processors, memory and disk.
    static let resourceFields: [Field<KubernetesSettings>] = [
        Field(
            "cpu-cfs-quota-enforced",
            \.cpuCFSQuotaEnforced,
            "Whether CPU limits of containers are enforced.",
            example: true
        ),
        Field(
            "cpu-manager-policy",
            \.cpuManagerPolicy,
            "Whether containers of guaranteed pods may have processors of their own.",
            example: "static"
        ),
        Field(
            "cpu-manager-policy-options",
            \.cpuManagerPolicyOptions,
            "Details of the policy `static`.",
            example: ["full-pcpus-only"]
        ),
        Field(
            "cpu-manager-reconcile-period",
            \.cpuManagerReconcilePeriod,
            "How often the processors of containers are put right.",
            example: "10s"
        ),
        Field(
            "topology-manager-policy",
            \.topologyManagerPolicy,
            "How strictly the resources of a pod are kept on one NUMA node.",
            example: "best-effort"
        ),
        Field(
            "topology-manager-scope",
            \.topologyManagerScope,
            "Whether that is done for containers or for whole pods.",
            example: "pod"
        ),
        Field(
            "memory-manager-policy",
            \.memoryManagerPolicy,
            "Whether memory of guaranteed pods is kept on the NUMA nodes of their processors.",
            example: "none"
        ),
        Field(
            "memory-manager-reserved-memory",
            \.memoryManagerReservedMemory,
            "Memory that the policy `static` leaves to the host, by the numbers of NUMA nodes.",
            example: ["0": [:]]
        ),
        Field(
            "memory-swap-behavior",
            \.memorySwapBehavior,
            "Whether pods may use swap.",
            example: "NoSwap"
        ),
        Field(
            "reserved-cpus",
            \.reservedCPUs,
            "Processors that are kept for the host and kubelet.",
            example: "0-1"
        ),
        Field(
            "kube-reserved",
            \.kubeReserved,
            "Resources that are kept for kubelet and the container runtime.",
            example: ["cpu": "90m", "memory": "0.5Gi", "ephemeral-storage": "1Gi"]
        ),
        Field(
            "system-reserved",
            \.systemReserved,
            "Resources that are kept for the host's own services.",
            example: ["cpu": "10m", "memory": "100Mi"]
        ),
        Field(
            "eviction-hard",
            \.evictionHard,
            "When pods are evicted at once: less than this is left.",
            example: ["memory.available": "5%", "nodefs.available": "10%"]
        ),
        Field(
            "eviction-soft",
            \.evictionSoft,
            "When pods are evicted after a grace period.",
            example: ["memory.available": "12%"]
        ),
        Field(
            "eviction-soft-grace-period",
            \.evictionSoftGracePeriod,
            "How long less than `eviction-soft` must be left before pods are evicted.",
            example: ["memory.available": "30s"]
        ),
        Field(
            "eviction-max-pod-grace-period",
            \.evictionMaxPodGracePeriod,
            "How many seconds an evicted pod has to end, at most.",
            example: 40
        ),
        Field(
            "image-gc-high-threshold-percent",
            \.imageGCHighThresholdPercent,
            "How full the disk is when unused images are removed.",
            example: 85
        ),
        Field(
            "image-gc-low-threshold-percent",
            \.imageGCLowThresholdPercent,
            "How full the disk may stay when unused images were removed.",
            example: 80
        ),
        Field(
            "image-minimum-gc-age",
            \.imageMinimumGCAge,
            "How long an unused image is kept at least.",
            example: "2m"
        ),
        Field(
            "image-maximum-gc-age",
            \.imageMaximumGCAge,
            "How long an unused image is kept at most; 0s for ever.",
            example: "720h"
        ),
        Field(
            "max-parallel-image-pulls",
            \.maxParallelImagePulls,
            "How many images are pulled at once; one after the other when not set.",
            example: 4
        ),
    ]
}
