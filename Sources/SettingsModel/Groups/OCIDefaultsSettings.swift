public import JSON

/// A capability of Linux, as in capabilities(7), without `CAP_` and in kebab case.
public enum Capability: String, ChoiceSetting {
    case auditControl = "audit-control"
    case auditRead = "audit-read"
    case auditWrite = "audit-write"
    case blockSuspend = "block-suspend"
    case bpf
    case checkpointRestore = "checkpoint-restore"
    case chown
    case dacOverride = "dac-override"
    case dacReadSearch = "dac-read-search"
    case fowner, fsetid
    case ipcLock = "ipc-lock"
    case ipcOwner = "ipc-owner"
    case kill, lease
    case linuxImmutable = "linux-immutable"
    case macAdmin = "mac-admin"
    case macOverride = "mac-override"
    case mknod
    case netAdmin = "net-admin"
    case netBindService = "net-bind-service"
    case netBroadcast = "net-broadcast"
    case netRaw = "net-raw"
    case perfmon, setfcap, setgid, setpcap, setuid
    case sysAdmin = "sys-admin"
    case sysBoot = "sys-boot"
    case sysChroot = "sys-chroot"
    case sysModule = "sys-module"
    case sysNice = "sys-nice"
    case sysPacct = "sys-pacct"
    case sysPtrace = "sys-ptrace"
    case sysRawio = "sys-rawio"
    case sysResource = "sys-resource"
    case sysTime = "sys-time"
    case sysTTYConfig = "sys-tty-config"
    case syslog
    case wakeAlarm = "wake-alarm"

    /// The name of the type.
    public static let name = "capability"

    /// The name in the kernel's header, as runtime configurations have it: `CAP_NET_RAW`.
    public var kernelName: String {
        "CAP_" + rawValue.map { $0 == "-" ? "_" : $0.uppercased() }.joined()
    }
}

/// A resource whose use by a process the kernel limits, as in getrlimit(2).
public enum LimitedResource: String, ChoiceSetting {
    case maxAddressSpace = "max-address-space"
    case maxCoreFileSize = "max-core-file-size"
    case maxCPUTime = "max-cpu-time"
    case maxDataSize = "max-data-size"
    case maxFileLocks = "max-file-locks"
    case maxFileSize = "max-file-size"
    case maxLockedMemory = "max-locked-memory"
    case maxMsgqueueSize = "max-msgqueue-size"
    case maxNicePriority = "max-nice-priority"
    case maxOpenFiles = "max-open-files"
    case maxPendingSignals = "max-pending-signals"
    case maxProcesses = "max-processes"
    case maxRealtimePriority = "max-realtime-priority"
    case maxRealtimeTimeout = "max-realtime-timeout"
    case maxResidentSet = "max-resident-set"
    case maxStackSize = "max-stack-size"

    /// The name of the type.
    public static let name = "limited resource"

    /// The name in the kernel's header, as runtime configurations have it: `RLIMIT_NOFILE`.
    public var kernelName: String {
        switch self {
        case .maxAddressSpace: "RLIMIT_AS"
        case .maxCoreFileSize: "RLIMIT_CORE"
        case .maxCPUTime: "RLIMIT_CPU"
        case .maxDataSize: "RLIMIT_DATA"
        case .maxFileLocks: "RLIMIT_LOCKS"
        case .maxFileSize: "RLIMIT_FSIZE"
        case .maxLockedMemory: "RLIMIT_MEMLOCK"
        case .maxMsgqueueSize: "RLIMIT_MSGQUEUE"
        case .maxNicePriority: "RLIMIT_NICE"
        case .maxOpenFiles: "RLIMIT_NOFILE"
        case .maxPendingSignals: "RLIMIT_SIGPENDING"
        case .maxProcesses: "RLIMIT_NPROC"
        case .maxRealtimePriority: "RLIMIT_RTPRIO"
        case .maxRealtimeTimeout: "RLIMIT_RTTIME"
        case .maxResidentSet: "RLIMIT_RSS"
        case .maxStackSize: "RLIMIT_STACK"
        }
    }
}

/// The most that a process may use of a resource; `unlimited` and -1 are the same, and stored as `unlimited`.
public struct ResourceLimit: SettingValue, Hashable {
    /// The limit; nil where there is none.
    public let value: Int64?

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "resource limit",
            allowed: "a whole number from 0 up, or unlimited (or -1, which is the same)",
            form: .either([
                ValueShape(name: "number", allowed: "a whole number", form: .integer(-1...Int64.max)),
                ValueShape(name: "no limit", allowed: "unlimited", form: .choice(["unlimited"])),
            ])
        )
    }

    /// Reads a number or the word.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> ResourceLimit? {
        if json.string == "unlimited" || json.integer == -1 { return ResourceLimit(value: nil) }
        guard let value = json.integer, value >= 0 else {
            reader.refuse(json, allowed: shape.allowed)
            return nil
        }
        return ResourceLimit(value: value)
    }

    /// The number or the word.
    public var json: JSONValue { value.map { .integer($0) } ?? "unlimited" }
}

/// The two limits of a resource.
public struct ResourceLimits: SettingsGroup {
    /// The most that the soft limit may be raised to.
    public var hardLimit: ResourceLimit?
    /// The limit that holds.
    public var softLimit: ResourceLimit?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<ResourceLimits>] = [
        Field(
            "hard-limit",
            \.hardLimit,
            "The most that a process may raise its limit to; the soft limit where only that is set. Open files have no `unlimited`, but at most what the sysctl `fs.nr_open` says.",
            example: 1_048_576
        ),
        Field(
            "soft-limit",
            \.softLimit,
            "The limit that holds when a process starts, never more than the hard limit; the hard limit where only that is set.",
            example: 65536
        ),
    ]
}

extension SettingsDocument {
    /// Limits with which no container would start, and what is wrong with them: soft limits that are greater than the hard
    /// limits beside them, and unlimited open files.
    var impossibleResourceLimits: [(key: SettingKey, problem: SettingProblem)] {
        let limits = SettingKey(["oci-defaults", "resource-limits"])
        return inside(limits).values.sorted { $0.key < $1.key }.compactMap { key, value in
            guard key.segments.count == 4 else { return nil }
            let resource = key.segments[2]
            let allowed: String
            if resource == LimitedResource.maxOpenFiles.rawValue, value.integer == nil {
                // setrlimit(2): EPERM, for root too.
                allowed = """
                    a whole number, at most what the sysctl fs.nr_open says (1048576 unless it was changed): the kernel \
                    has no unlimited number of open files
                    """
            } else if key.segments[3] == "soft-limit",
                let hard = values[limits.appending(resource).appending("hard-limit")]?.integer,
                // A limit that is no number is unlimited.
                value.integer.map({ $0 > hard }) ?? true
            {
                allowed = "at most the hard limit, which is \(hard)"
            } else {
                return nil
            }
            return (key, SettingProblem(key: key.description, value: value, allowed: allowed))
        }
    }
}

/// What containers may do unless their orchestrator says otherwise.
public struct OCIDefaultsSettings: SettingsGroup {
    /// The capabilities that containers have.
    public var capabilities: SettingMap<Capability, Bool>?
    /// The limits of their processes.
    public var resourceLimits: SettingMap<LimitedResource, ResourceLimits>?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<OCIDefaultsSettings>] = [
        Field(
            "capabilities",
            \.capabilities,
            "Whether containers have a capability, by the names of capabilities(7) without `CAP_`.",
            example: ["net-raw": false, "sys-ptrace": true]
        ),
        Field(
            "resource-limits",
            \.resourceLimits,
            "What a process of a container may use, by resources as in getrlimit(2).",
            example: ["max-open-files": [:]]
        ),
    ]
}
