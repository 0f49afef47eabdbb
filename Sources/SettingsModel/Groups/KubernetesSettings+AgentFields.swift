import JSON

extension KubernetesSettings {
    /// Kubelet itself.
    static let agentFields: [Field<KubernetesSettings>] = [
        Field(
            "registry-qps",
            \.registryQPS,
            "How many images are pulled a second; 0 for no limit.",
            example: 5
        ),
        Field(
            "registry-burst",
            \.registryBurst,
            "How many images are pulled in a burst.",
            example: 10
        ),
        Field(
            "event-qps",
            \.eventQPS,
            "How many events are reported a second; 0 for no limit.",
            example: 50
        ),
        Field(
            "event-burst",
            \.eventBurst,
            "How many events are reported in a burst.",
            example: 100
        ),
        Field(
            "kube-api-qps",
            \.kubeAPIQPS,
            "How many requests kubelet makes a second.",
            example: 50
        ),
        Field(
            "kube-api-burst",
            \.kubeAPIBurst,
            "How many requests kubelet makes in a burst.",
            example: 100
        ),
        Field(
            "container-log-max-size",
            \.containerLogMaxSize,
            "How large the log of a container grows before a new file is begun.",
            example: "10Mi"
        ),
        Field(
            "container-log-max-files",
            \.containerLogMaxFiles,
            "How many files of a container's log are kept.",
            example: 5
        ),
        Field(
            "container-log-max-workers",
            \.containerLogMaxWorkers,
            "How many logs are turned over at once.",
            example: 1
        ),
        Field(
            "container-log-monitor-interval",
            \.containerLogMonitorInterval,
            "How often the sizes of logs are looked at.",
            example: "10s"
        ),
        Field(
            "log-level",
            \.logLevel,
            "How much kubelet logs.",
            example: 2
        ),
        Field(
            "credential-providers",
            \.credentialProviders,
            "Programs of the image that kubelet asks for credentials of registries, by their names.",
            example: ["ecr-credential-provider": [:]]
        ),
        Field(
            "shutdown-grace-period",
            \.shutdownGracePeriod,
            "How long pods have to end when the host shuts down.",
            example: "150s"
        ),
        Field(
            "shutdown-grace-period-for-critical-pods",
            \.shutdownGracePeriodForCriticalPods,
            "How much of that time is kept for critical pods.",
            example: "30s"
        ),
        Field(
            "seccomp-default",
            \.seccompDefault,
            "Whether pods that say nothing have the runtime's seccomp profile.",
            example: true
        ),
        Field(
            "device-ownership-from-security-context",
            \.deviceOwnershipFromSecurityContext,
            "Whether devices in a container belong to the user and group that the pod runs as.",
            example: false
        ),
        Field(
            "single-process-oom-kill",
            \.singleProcessOOMKill,
            "Whether only one process of a container is killed when memory runs out, not all.",
            example: false
        ),
        Field(
            "fail-cgroup-v1",
            \.failCgroupV1,
            "Whether kubelet refuses to start on cgroup v1; hosts of this system have v2.",
            example: true
        ),
    ]
}
