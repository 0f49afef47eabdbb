import JSON

/// How kubelet proves who it is.
public enum AuthenticationMode: String, ChoiceSetting {
    case aws, tls

    /// The name of the type.
    public static let name = "authentication mode"
}

/// What looks after nodes on behalf of a cloud.
public enum CloudProvider: String, ChoiceSetting {
    case none = ""
    case external, aws

    /// The name of the type.
    public static let name = "cloud provider"
    /// Bottlerocket writes two quotes where there is none.
    public static let aliases: [String: CloudProvider] = ["\"\"": .none]
}

/// Where the name of a node comes from, in AWS.
public enum HostnameOverrideSource: String, ChoiceSetting {
    case privateDNSName = "private-dns-name"
    case instanceID = "instance-id"

    /// The name of the type.
    public static let name = "source of a node's name"
}

/// The policy of the managers of processors and of memory.
public enum ManagerPolicy: String, ChoiceSetting {
    case none
    case fixed = "static"

    /// The name of the type.
    public static let name = "manager policy"
    /// Kubelet's own spelling for memory.
    public static let aliases: [String: ManagerPolicy] = ["None": .none, "Static": .fixed]
}

/// A detail of the policy `static` for processors.
public enum CPUManagerOption: String, ChoiceSetting {
    case fullPCPUsOnly = "full-pcpus-only"

    /// The name of the type.
    public static let name = "CPU manager option"
}

/// How strictly the resources of a pod are kept on one NUMA node.
public enum TopologyManagerPolicy: String, ChoiceSetting {
    case none
    case bestEffort = "best-effort"
    case restricted
    case singleNUMANode = "single-numa-node"

    /// The name of the type.
    public static let name = "topology manager policy"
}

/// What the topology manager looks at as one.
public enum TopologyManagerScope: String, ChoiceSetting {
    case container, pod

    /// The name of the type.
    public static let name = "topology manager scope"
}

/// Whether pods may use swap.
public enum MemorySwapBehavior: String, ChoiceSetting {
    case noSwap = "NoSwap"
    case limitedSwap = "LimitedSwap"

    /// The name of the type.
    public static let name = "swap behavior"
}

/// A resource that can be kept from pods.
public enum ReservedResource: String, ChoiceSetting {
    case cpu, memory
    case ephemeralStorage = "ephemeral-storage"

    /// The name of the type.
    public static let name = "reserved resource"
}

/// What kubelet watches to evict pods in time.
public enum EvictionSignal: String, ChoiceSetting {
    case memoryAvailable = "memory.available"
    case nodefsAvailable = "nodefs.available"
    case nodefsInodesFree = "nodefs.inodesFree"
    case imagefsAvailable = "imagefs.available"
    case imagefsInodesFree = "imagefs.inodesFree"
    case pidAvailable = "pid.available"

    /// The name of the type.
    public static let name = "eviction signal"
}

/// How much kubelet logs.
public enum LogLevelForm: IntegerForm {
    /// The name of the type.
    public static let name = "log level"
    /// What fits into a byte, as in Bottlerocket; above 10 nothing more is logged.
    public static let range: ClosedRange<Int64> = 0...255
}

/// How many files of a container's log are kept.
public enum LogFileCountForm: IntegerForm {
    /// The name of the type.
    public static let name = "number of log files"
    /// Kubelet wants two at least.
    public static let range: ClosedRange<Int64> = 2...2_147_483_647
}

/// How many processes a pod may have.
public enum PodPidsLimitForm: IntegerForm {
    /// The name of the type.
    public static let name = "limit of processes"
    /// As many as the kernel counts.
    public static let range: ClosedRange<Int64> = -1...4_194_304
    /// What -1 means.
    public static let remark: String? = "-1 for no limit"
}

/// How much kubelet logs.
public typealias LogLevel = RangedInteger<LogLevelForm>
/// How many files of a container's log are kept.
public typealias LogFileCount = RangedInteger<LogFileCountForm>
/// How many processes a pod may have.
public typealias PodPidsLimit = RangedInteger<PodPidsLimitForm>

/// How many user and group IDs a pod with a user namespace has.
public struct IDsPerPod: SettingValue, Hashable {
    /// The number, a multiple of 65536.
    public let value: Int64

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "IDs of a pod",
            allowed: "a multiple of 65536 from 65536 to 4294901760",
            form: .integer(65536...4_294_901_760)
        )
    }

    /// Reads a JSON number.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> IDsPerPod? {
        guard let value = json.integer, (65536...4_294_901_760).contains(value), value % 65536 == 0 else {
            reader.refuse(json, allowed: shape.allowed)
            return nil
        }
        return IDsPerPod(value: value)
    }

    /// The number as JSON.
    public var json: JSONValue { .integer(value) }
}

/// A pod that kubelet runs without being asked by the cluster.
public struct StaticPod: SettingsGroup {
    /// Whether it runs.
    public var enabled: Bool?
    /// Its manifest.
    public var manifest: Base64Data?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<StaticPod>] = [
        Field("enabled", \.enabled, "Whether the pod runs.", example: true),
        Field(
            "manifest",
            \.manifest,
            "The manifest of the pod in YAML or JSON, in Base64.",
            example: "eyJhcGlWZXJzaW9uIjoidjEiLCJraW5kIjoiUG9kIn0="
        ),
    ]
}

/// Memory of a NUMA node that pods don't get.
public struct MemoryReservation: SettingsGroup {
    /// Whether it is kept.
    public var enabled: Bool?
    /// Ordinary memory.
    public var memory: Quantity?
    /// Huge pages of 2 MiB.
    public var hugepages2Mi: Quantity?
    /// Huge pages of 1 GiB.
    public var hugepages1Gi: Quantity?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<MemoryReservation>] = [
        Field("enabled", \.enabled, "Whether memory of this NUMA node is kept.", example: true),
        Field("memory", \.memory, "How much ordinary memory is kept.", example: "1074Mi"),
        Field("hugepages-2Mi", \.hugepages2Mi, "How much memory in pages of 2 MiB is kept.", example: "64Mi"),
        Field("hugepages-1Gi", \.hugepages1Gi, "How much memory in pages of 1 GiB is kept.", example: "1Gi"),
    ]
}

/// A program that kubelet asks for credentials of registries.
public struct CredentialProvider: SettingsGroup {
    /// Whether it is asked.
    public var enabled: Bool?
    /// For which images.
    public var imagePatterns: [SingleLineText]?
    /// How long its answer holds.
    public var cacheDuration: GoDuration?
    /// Its environment.
    public var environment: SettingMap<EnvironmentName, SingleLineText>?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<CredentialProvider>] = [
        Field("enabled", \.enabled, "Whether the program is asked.", example: true),
        Field(
            "image-patterns",
            \.imagePatterns,
            "For which images it is asked.",
            example: ["*.dkr.ecr.eu-central-1.example.org"]
        ),
        Field("cache-duration", \.cacheDuration, "How long its answer holds.", example: "12h"),
        Field(
            "environment",
            \.environment,
            "Environment variables of the program.",
            example: ["AWS_PROFILE": "registry"],
            secret: true
        ),
    ]
}
