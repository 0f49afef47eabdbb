import JSON

/// What keeps the layers of images.
public enum Snapshotter: String, ChoiceSetting {
    case overlayfs, native

    /// The name of the type.
    public static let name = "snapshotter"
}

/// What starts the containers of pods that name no runtime class.
public enum DefaultRuntime: String, ChoiceSetting {
    case runc, crun, runsc

    /// The name of the type.
    public static let name = "default-runtime"
}

/// The container runtime that runs workloads.
public struct ContainerRuntimeSettings: SettingsGroup {
    /// Where a line of a container's log is cut.
    public var maxContainerLogLineSize: Limit?
    /// How many layers of an image are fetched at once.
    public var maxConcurrentDownloads: Limit?
    /// Whether containers without rights may listen on ports below 1024.
    public var enableUnprivilegedPorts: Bool?
    /// Whether containers without rights may send echo requests.
    public var enableUnprivilegedICMP: Bool?
    /// What keeps the layers of images.
    public var snapshotter: Snapshotter?
    /// What starts the containers of pods that name no runtime class.
    public var defaultRuntime: DefaultRuntime?
    /// The size of the parts in which a layer is fetched.
    public var concurrentDownloadChunkSize: ByteCount?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<ContainerRuntimeSettings>] = [
        Field(
            "max-container-log-line-size",
            \.maxContainerLogLineSize,
            "After how many bytes a line of a container's log is cut.",
            example: 16384
        ),
        Field(
            "max-concurrent-downloads",
            \.maxConcurrentDownloads,
            "How many layers of an image are fetched at once.",
            example: 3
        ),
        Field(
            "enable-unprivileged-ports",
            \.enableUnprivilegedPorts,
            "Whether containers without `NET_BIND_SERVICE` may listen on ports below 1024.",
            example: true
        ),
        Field(
            "enable-unprivileged-icmp",
            \.enableUnprivilegedICMP,
            "Whether containers without `NET_RAW` may send echo requests.",
            example: true
        ),
        Field(
            "snapshotter",
            \.snapshotter,
            "What keeps the layers of images. With `native`, programs in containers get no rights from setuid bits or file capabilities.",
            example: "overlayfs"
        ),
        Field(
            "default-runtime",
            \.defaultRuntime,
            "What starts the containers of pods that name no runtime class. `crun` and `runsc` must be in the image: its variant extends the fragment `crun` or `gvisor`.",
            example: "runc"
        ),
        Field(
            "concurrent-download-chunk-size",
            \.concurrentDownloadChunkSize,
            "The size of the parts in which a layer is fetched at once; without effect with the containerd of this version.",
            example: "8mb"
        ),
    ]
}
