import Glibc
import HostAPI
public import OCI

/// What a host container or bootstrap container is told to be: its definition, its image and the host make its
/// specification.
///
/// Host containers see the host's network, their folder that lasts, and the host's API; superpowered ones everything.
/// Bootstrap containers are between the two: they may open disks, mount and load modules, and see the host's processes.
public struct ContainerSpecBuilder: Sendable {
    /// What of the host gets into containers; parts that are not there are left out.
    public struct Host: Sendable, Equatable {
        /// The API's socket.
        public var apiSocket = "/run/api.sock"
        /// The program that starts `apiclient` in any image: it needs no library.
        public var launcher = "/usr/lib/bulkhead/container-apiclient"
        /// The host's programs and libraries, which the launcher uses.
        public var programs = "/usr"
        /// os-release(5).
        public var release = "/usr/lib/os-release"
        /// The packages of the image.
        public var packages = "/usr/share/bulkhead/packages.json"
        /// The certificate authorities that the host trusts.
        public var certificates = "/etc/ssl/certs/ca-certificates.crt"
        /// The names of hosts.
        public var hosts = "/etc/hosts"
        /// The name servers.
        public var nameServers = "/etc/resolv.conf"
        /// Where people look for reports.
        public var support = "/var/log/support"
        /// What bootstrap containers mount for workloads: `/mnt` in both.
        public var mounts = "/var/mnt"

        /// The places of a host.
        public init() {}
    }

    /// Where an image's files say that programs are.
    static let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    let host: Host
    let exists: @Sendable (String) -> Bool
    let resolve: @Sendable (String) -> String?

    /// A builder for the host that this process runs on.
    ///
    /// - Parameter host: where things are.
    public init(host: Host = Host()) {
        self.host = host
        exists = { access($0, F_OK) == 0 }
        resolve = { path in
            guard let resolved = realpath(path, nil) else { return nil }
            defer { free(resolved) }
            return String(cString: resolved)
        }
    }

    /// The specification of a container.
    ///
    /// - Parameters:
    ///   - definition: what settings say.
    ///   - config: what its image says.
    ///   - storage: its folder that lasts.
    ///   - cgroup: its control group; nil lets the runtime choose.
    ///   - copies: what is mounted in place of some files of the host, by their paths (`FollowedFiles`).
    /// - Throws: `HostContainersError.namedUser`, `.noProgram`.
    public func spec(
        _ definition: HostContainerDefinition,
        config: ImageConfig,
        storage: String,
        cgroup: String?,
        copies: [String: String] = [:]
    ) throws(HostContainersError) -> RuntimeSpec {
        let rights = Rights(definition)
        var spec = RuntimeSpec(process: try process(definition, config, rights))
        spec.hostname = definition.name
        spec.mounts = rights.fileSystems + mounts(definition, storage: storage, copies: copies)
        spec.namespaces = rights.namespaces
        spec.cgroupsPath = cgroup
        spec.devices = rights.devices
        spec.maskedPaths = rights == .host ? [] : Self.maskedPaths
        spec.readonlyPaths = rights == .host ? [] : Self.readonlyPaths
        switch rights {
        // Mounts of the host arrive, none go back.
        case .host: spec.rootPropagation = "rslave"
        // What is mounted below /mnt is for the workloads.
        case .bootstrap: spec.rootPropagation = "rshared"
        case .ordinary: spec.rootPropagation = nil
        }
        if rights != .host {
            spec.seccomp = .standard(
                capabilities: rights.capabilities,
                extra: rights == .bootstrap ? ["swapoff", "swapon"] : []
            )
        }
        return spec
    }

    private func process(
        _ definition: HostContainerDefinition,
        _ config: ImageConfig,
        _ rights: Rights
    ) throws(HostContainersError) -> RuntimeSpec.Process {
        let arguments = definition.command.isEmpty ? config.entrypoint + config.cmd : definition.command
        guard !arguments.isEmpty else { throw .noProgram(source: definition.source) }
        var process = RuntimeSpec.Process(arguments: arguments)
        process.environment =
            config.env.contains { $0.hasPrefix("PATH=") } ? config.env : [Self.path] + config.env
        process.workingDirectory = config.workingDirectory.hasPrefix("/") ? config.workingDirectory : "/"
        (process.user, process.group) = try Self.user(config.user, source: definition.source)
        // Whoever may use /run/api.sock (sysusers.d/bulkhead.conf): a process that is not root is, too.
        process.additionalGroups = process.user == 0 ? [] : [274]
        process.capabilities = rights.capabilities
        // sshd and su of a superpowered container change to other users with setuid programs.
        process.noNewPrivileges = rights != .host
        // Not what containerd has, which would make the kernel spare the container and end workloads first.
        process.memoryScore = 0
        return process
    }

    /// The user and group of an image's configuration: numbers, or `root`.
    static func user(_ text: String, source: String) throws(HostContainersError) -> (UInt32, UInt32) {
        func number(_ word: Substring) throws(HostContainersError) -> UInt32 {
            if word == "root" || word.isEmpty { return 0 }
            guard let number = UInt32(word), number <= UInt32(Int32.max) else {
                throw .namedUser(source: source, user: text)
            }
            return number
        }
        let words = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        return (try number(words.first ?? ""), words.count > 1 ? try number(words[1]) : 0)
    }

    /// The files and folders of the host.
    private func mounts(
        _ definition: HostContainerDefinition,
        storage: String,
        copies: [String: String]
    ) -> [RuntimeSpec.Mount] {
        let kind = definition.kind == .host ? "host-containers" : "bootstrap-containers"
        let writable = ["rbind", "rw", "nosuid", "nodev"]
        let readOnly = ["bind", "ro", "nosuid", "nodev"]
        var mounts: [RuntimeSpec.Mount] = []
        // Bottlerocket's images look below /.bottlerocket.
        for prefix in ["/.bulkhead", "/.bottlerocket"] {
            for name in [definition.name, "current"] {
                mounts.append(.bind(storage, at: "\(prefix)/\(kind)/\(name)", options: writable))
            }
        }
        func add(_ source: String, _ destinations: String..., options: [String]) {
            guard let source = resolve(source), exists(source) else { return }
            mounts += destinations.map { .bind(source, at: $0, options: options) }
        }
        add(host.apiSocket, "/run/api.sock", options: ["bind", "rw", "nosuid", "nodev"])
        add(host.launcher, "/usr/local/bin/apiclient", options: readOnly)
        add(host.programs, "/.bulkhead/usr", options: ["rbind", "ro", "nosuid", "nodev"])
        for (path, file) in [("/etc/hosts", host.hosts), ("/etc/resolv.conf", host.nameServers)] {
            add(copies[file] ?? file, path, options: readOnly)
        }
        add(host.release, "/etc/bulkhead-release", "/etc/bottlerocket-release", options: readOnly)
        add(host.packages, "/.bulkhead/packages.json", options: readOnly)
        if let file = resolve(host.certificates), let slash = file.lastIndex(of: "/") {
            // Their folder: the file in it is replaced by another one when settings change.
            add(String(file[..<slash]), "/.bulkhead/certs", "/.bottlerocket/certs", options: readOnly)
        }
        let rights = Rights(definition)
        if rights != .ordinary {
            for prefix in ["/.bulkhead", "/.bottlerocket"] {
                mounts.append(.bind("/", at: "\(prefix)/rootfs", options: ["rbind", "ro", "rslave"]))
            }
        }
        if rights == .host {
            add(host.support, "/.bulkhead/support", "/.bottlerocket/support", options: writable)
            add("/lib/modules", "/lib/modules", options: readOnly)
            add("/sys/kernel/debug", "/sys/kernel/debug", options: ["rbind", "rw"])
        }
        if rights == .bootstrap {
            add(host.mounts, "/mnt", options: ["rbind", "rw", "rshared"])
            // Where Bottlerocket's find it, on a host that has the mount point.
            if exists("/mnt") {
                add(host.mounts, "/.bottlerocket/rootfs/mnt", options: ["rbind", "rw", "rshared"])
            }
        }
        return mounts
    }

    /// What tells of other processes and of the machine, or is known to leak; as containerd hides it.
    static let maskedPaths = [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
        "/sys/devices/virtual/powercap", "/sys/firmware",
    ]
    /// What changes the machine.
    static let readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
}
