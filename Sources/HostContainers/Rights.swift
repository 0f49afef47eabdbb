import HostAPI
import OCI
import SmallFiles

/// What a container may do to the host.
enum Rights: Sendable, Equatable {
    /// No more than any container of the workloads.
    case ordinary
    /// Disks, mounting, network, modules: of bootstrap containers.
    case bootstrap
    /// All that the host's root user may: of superpowered containers.
    case host

    /// The rights that a definition gives.
    init(_ definition: HostContainerDefinition) {
        self =
            switch definition.kind {
            case .bootstrap: .bootstrap
            case .host: definition.isSuperpowered ? .host : .ordinary
            }
    }

    /// The capabilities of the container's processes.
    var capabilities: [String] {
        switch self {
        case .ordinary: Self.ordinaryCapabilities
        case .bootstrap: (Self.ordinaryCapabilities + Self.bootstrapCapabilities).sorted()
        case .host: Self.allCapabilities
        }
    }

    /// The namespaces that are not the host's; the network always is.
    var namespaces: [RuntimeSpec.Namespace] {
        switch self {
        case .ordinary: [.pid, .ipc, .uts, .mount, .cgroup]
        // They look after processes and mounts of the host.
        case .bootstrap, .host: [.ipc, .uts, .mount]
        }
    }

    /// The devices that the container's processes may open.
    ///
    /// A runtime adds those that any program needs, such as /dev/null and terminals.
    var devices: [RuntimeSpec.DeviceRule] {
        let others = RuntimeSpec.DeviceRule(isAllowed: self == .host, access: "rwm")
        guard self == .bootstrap else { return [others] }
        // They format and mount disks, those of device-mapper and loop devices too, which they may have to make:
        // mapper/control and loop-control (Documentation/admin-guide/devices.txt of Linux).
        let controls: [Int64] = [236, 237]
        return [others, RuntimeSpec.DeviceRule(isAllowed: true, access: "rwm", kind: .block)]
            + controls.map {
                RuntimeSpec.DeviceRule(isAllowed: true, access: "rwm", kind: .character, major: 10, minor: $0)
            }
    }

    /// File systems of the kernel, and what programs expect in memory.
    var fileSystems: [RuntimeSpec.Mount] {
        let proc = RuntimeSpec.Mount(
            "/proc",
            type: "proc",
            source: "proc",
            options: ["nosuid", "noexec", "nodev"]
        )
        let run = RuntimeSpec.Mount(
            "/run",
            type: "tmpfs",
            source: "tmpfs",
            options: ["nosuid", "nodev", "strictatime", "mode=755", "size=65536k"]
        )
        // Only who may do all that the host's root user may writes what the kernel tells of itself.
        let isReadOnly = self != .host
        let kernel = [
            RuntimeSpec.Mount(
                "/sys",
                type: "sysfs",
                source: "sysfs",
                options: ["nosuid", "noexec", "nodev"] + (isReadOnly ? ["ro"] : [])
            ),
            RuntimeSpec.Mount(
                "/sys/fs/cgroup",
                type: "cgroup",
                source: "cgroup",
                options: ["nosuid", "noexec", "nodev", "relatime", isReadOnly ? "ro" : "rw"]
            ),
        ]
        return [proc] + deviceFileSystems + kernel + [run]
    }

    /// The device nodes, and what else programs expect below /dev.
    private var deviceFileSystems: [RuntimeSpec.Mount] {
        guard self == .ordinary else {
            // With the terminals, shared memory and whatever is plugged in or partitioned later.
            return [.bind("/dev", at: "/dev", options: ["rbind", "rw", "rslave"])]
        }
        return [
            RuntimeSpec.Mount(
                "/dev",
                type: "tmpfs",
                source: "tmpfs",
                options: ["nosuid", "strictatime", "mode=755", "size=65536k"]
            ),
            RuntimeSpec.Mount(
                "/dev/pts",
                type: "devpts",
                source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
            ),
            RuntimeSpec.Mount(
                "/dev/shm",
                type: "tmpfs",
                source: "shm",
                options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]
            ),
            RuntimeSpec.Mount(
                "/dev/mqueue",
                type: "mqueue",
                source: "mqueue",
                options: ["nosuid", "noexec", "nodev"]
            ),
        ]
    }

    /// What containerd gives a container by default.
    private static let ordinaryCapabilities = [
        "CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
        "CAP_MKNOD",
        "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID",
        "CAP_SYS_CHROOT",
    ]
    /// What Bottlerocket's bootstrap containers have on top of it.
    private static let bootstrapCapabilities = [
        "CAP_AUDIT_CONTROL", "CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_SYS_MODULE",
    ]
    /// The names of capabilities(7) in the order of their bits, up to Linux 5.9, the last that added one.
    private static let names = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK",
        "IPC_OWNER",
        "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT",
        "SYS_NICE",
        "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL",
        "SETFCAP",
        "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
        "CHECKPOINT_RESTORE",
    ]

    /// All capabilities that PID 1 could give: where it is in a container itself, asking for more would start nothing.
    private static let allCapabilities: [String] = {
        let status = (try? readSmallFile("/proc/1/status", maximumLength: 64 << 10)) ?? []
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first {
            $0.hasPrefix("CapBnd:")
        }
        let mask = line.flatMap { UInt64($0.dropFirst(7).drop(while: \.isWhitespace), radix: 16) } ?? .max
        return names.enumerated().filter { mask >> UInt64($0.offset) & 1 == 1 }.map { "CAP_" + $0.element }
            .sorted()
    }()
}
