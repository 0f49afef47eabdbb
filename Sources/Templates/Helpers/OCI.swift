internal import JSON

/// Parts of an OCI runtime configuration (runtime-spec 1.x, config.md).
let ociHelpers: [String: Helper] = [
    // `oci_defaults "containerd" settings.oci-defaults.capabilities`: the sets of capabilities, as members of an object.
    // `oci_defaults "containerd" settings.oci-defaults.resource-limits`: the limits, as elements of a list.
    // The last name of the path says which, as in Bottlerocket; the option section= says it where there is no path.
    // Not set: no capability, no limit. The limits are in order of their names (Bottlerocket's order is random), and -1
    // and "unlimited" are the largest number of 64 bits.
    "oci_defaults": Helper(2...2, options: ["section"]) { arguments throws(HelperError) in
        guard try arguments.text(0) == "containerd" else {
            throw arguments.refusal(0, "containerd: no other runtime is in the image")
        }
        let section =
            arguments.options["section"]?.string
            ?? arguments.names.last?.split(separator: ".").last.map(String.init) ?? ""
        let settings = try arguments.members(1)
        switch section {
        case "capabilities": return .string(try capabilities(settings))
        case "resource-limits": return .string(try limits(settings))
        default:
            throw HelperError("the section '\(section)' must be capabilities or resource-limits")
        }
    }
]

private func capabilities(_ settings: [String: JSONValue]) throws(HelperError) -> String {
    var names: [String] = []
    for (name, value) in settings {
        guard let isEnabled = value.bool, let known = linuxCapabilities[name] else {
            throw HelperError("'\(name.prefix(40))' must be the name of a capability, with true or false")
        }
        if isEnabled { names.append("\"\(known)\"") }
    }
    let list = names.sorted().joined(separator: ",\n")
    return ["bounding", "effective", "permitted"].map { "\"\($0)\": [\(list)]" }.joined(separator: ",\n")
        + "\n"
}

private func limits(_ settings: [String: JSONValue]) throws(HelperError) -> String {
    var texts: [String] = []
    for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
        guard let type = linuxLimits[name], let hard = limit(value["hard-limit"]),
            let soft = limit(value["soft-limit"])
        else {
            throw HelperError("'\(name.prefix(40))' must be a limit with hard-limit and soft-limit")
        }
        texts.append("{ \"type\": \"\(type)\", \"hard\": \(hard), \"soft\": \(soft) }")
    }
    return texts.joined(separator: ",\n")
}

private func limit(_ value: JSONValue?) -> UInt64? {
    switch value {
    case .integer(-1), .string("unlimited"): .max
    case .integer(let number): UInt64(exactly: number)
    case .string(let text): UInt64(text)
    default: nil
    }
}

/// capabilities(7), by their names in settings.
private let linuxCapabilities: [String: String] = Dictionary(
    uniqueKeysWithValues: [
        "audit-control", "audit-read", "audit-write", "block-suspend", "bpf", "checkpoint-restore", "chown",
        "dac-override", "dac-read-search", "fowner", "fsetid", "ipc-lock", "ipc-owner", "kill", "lease",
        "linux-immutable", "mac-admin", "mac-override", "mknod", "net-admin", "net-bind-service",
        "net-broadcast", "net-raw", "perfmon", "setfcap", "setgid", "setpcap", "setuid", "sys-admin",
        "sys-boot",
        "sys-chroot", "sys-module", "sys-nice", "sys-pacct", "sys-ptrace", "sys-rawio", "sys-resource",
        "sys-time", "sys-tty-config", "syslog", "wake-alarm",
    ].map { name in
        let upper = name.uppercased().split(separator: "-").joined(separator: "_")
        return (name, "CAP_" + upper)
    }
)

/// getrlimit(2), by their names in settings.
private let linuxLimits: [String: String] = [
    "max-address-space": "RLIMIT_AS",
    "max-core-file-size": "RLIMIT_CORE",
    "max-cpu-time": "RLIMIT_CPU",
    "max-data-size": "RLIMIT_DATA",
    "max-file-locks": "RLIMIT_LOCKS",
    "max-file-size": "RLIMIT_FSIZE",
    "max-locked-memory": "RLIMIT_MEMLOCK",
    "max-msgqueue-size": "RLIMIT_MSGQUEUE",
    "max-nice-priority": "RLIMIT_NICE",
    "max-open-files": "RLIMIT_NOFILE",
    "max-pending-signals": "RLIMIT_SIGPENDING",
    "max-processes": "RLIMIT_NPROC",
    "max-realtime-priority": "RLIMIT_RTPRIO",
    "max-realtime-timeout": "RLIMIT_RTTIME",
    "max-resident-set": "RLIMIT_RSS",
    "max-stack-size": "RLIMIT_STACK",
]
