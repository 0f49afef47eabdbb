import Systemd

extension HealthCheck {
    /// The checks of a boot, cheapest first.
    public static let boot: [HealthCheck] = [
        rootVerity, etcReadOnly, state, data, machineID, watchdog, units, apiserver, containerd,
        hostContainerd,
    ]

    /// The root is EROFS on dm-verity and read-only.
    static let rootVerity = HealthCheck("root-verity") { host in
        guard let mount = host.mount(at: "/") else { return .unhealthy("/proc/self/mountinfo lists no root") }
        guard mount.type == "erofs", mount.options.contains("ro") else {
            return .unhealthy("the root is \(mount.type) and \(mount.options.sorted()), not read-only erofs")
        }
        let uuid = host.read("/sys/dev/block/\(mount.device)/dm/uuid") ?? "none"
        guard uuid.hasPrefix("CRYPT-VERITY-") else {
            return .unhealthy(
                "the root's device \(mount.device) is not dm-verity (device-mapper uuid: \(uuid))"
            )
        }
        return .healthy("read-only erofs on \(uuid)")
    }

    /// /etc is part of the read-only root.
    static let etcReadOnly = HealthCheck("etc-read-only") { host in
        if let mount = host.mount(at: "/etc"), !mount.options.contains("ro") {
            return .unhealthy("a writable \(mount.type) is mounted on /etc")
        }
        return .healthy("no writable mount on /etc")
    }

    /// The state partition is mounted and restricted.
    static let state = HealthCheck("state") { host in
        persistentMount(host, at: "/state", options: ["rw", "nosuid", "nodev", "noexec"])
    }

    /// The data partition is mounted and restricted.
    static let data = HealthCheck("data") { host in
        persistentMount(host, at: "/var", options: ["rw", "nosuid", "nodev"])
    }

    private static func persistentMount(_ host: HostFiles, at point: String, options: Set<String>)
        -> HealthResult
    {
        guard let mount = host.mount(at: point) else {
            return .unhealthy("nothing is mounted on \(point); see 'journalctl -b -u systemd-repart'")
        }
        guard mount.type == "ext4" else { return .unhealthy("\(point) is \(mount.type), not ext4") }
        let missing = options.subtracting(mount.options)
        guard missing.isEmpty else {
            return .unhealthy("\(point) is mounted without \(missing.sorted().joined(separator: ", "))")
        }
        // The mount may be writable and its file system not be: ext4 makes itself read-only when it meets an error, and
        // newer kernels do not show that in the options.
        if mount.options.contains("ro") {
            return .unhealthy("the file system on \(point) is read-only; see 'journalctl -b -k'")
        }
        if let reason = host.writeProblem(in: point) {
            return .unhealthy("nothing can be written on \(point): \(reason); see 'journalctl -b -k'")
        }
        return .healthy("ext4 on \(mount.device)")
    }

    /// The machine id is valid and kept on the state partition, so that it is the same on every boot.
    static let machineID = HealthCheck("machine-id") { host in
        guard let path = host.resolve("/etc/machine-id"), let id = host.read("/etc/machine-id") else {
            return .unhealthy("/etc/machine-id cannot be read")
        }
        guard id.utf8.count == 32, id.allSatisfy({ $0.isHexDigit && !$0.isUppercase }) else {
            return .unhealthy("/etc/machine-id holds '\(id.prefix(40))', not 32 hexadecimal digits")
        }
        guard path.hasPrefix("/state/") else {
            return .unhealthy("/etc/machine-id is \(path), not on /state")
        }
        return .healthy(id)
    }

    /// A watchdog, where the machine has one, is armed.
    static let watchdog = HealthCheck("watchdog") { host in
        guard let state = host.read("/sys/class/watchdog/watchdog0/state") else {
            return .skipped("this machine has no watchdog device")
        }
        guard state == "active" else { return .unhealthy("watchdog0 is \(state), not active") }
        return .healthy(host.read("/sys/class/watchdog/watchdog0/identity") ?? "active")
    }

    /// No unit has failed but those that a bad setting can make fail.
    static let units = HealthCheck("units") { host in
        do {
            return SettingsUnits(on: host).judge(failed: try ServiceManager().units(inState: "failed"))
        } catch {
            return .unhealthy("\(error)")
        }
    }

    /// The settings API answers: the units that use it are not judged themselves.
    static let apiserver = HealthCheck("apiserver") { host in
        guard host.exists("/usr/lib/bulkhead/apiserver") else {
            return .skipped("the variant has no apiserver")
        }
        do {
            try HTTPProbe.run(socket: host.path("/run/api.sock"), timeout: .seconds(30))
            return .healthy("answers on its socket")
        } catch {
            return .unhealthy("\(error); see 'journalctl -b -u apiserver'")
        }
    }

    /// containerd, where the variant has it, says over gRPC that it serves.
    static let containerd = HealthCheck("containerd") { host in
        guard host.exists("/usr/bin/containerd") else { return .skipped("the variant has no containerd") }
        do {
            try GRPCProbe.run(socket: host.path("/run/containerd/containerd.sock"), timeout: .seconds(30))
            return .healthy("serves on its socket")
        } catch {
            return .unhealthy("\(error); see 'journalctl -b -u containerd'")
        }
    }

    /// The runtime of host containers, where the variant has them, says over gRPC that it serves: through it people come
    /// in when all else fails.
    static let hostContainerd = HealthCheck("host-containerd") { host in
        guard host.exists("/usr/lib/systemd/system/host-containerd.service") else {
            return .skipped("the variant has no host containers")
        }
        do {
            let socket = host.path("/run/host-containerd/containerd.sock")
            try GRPCProbe.run(socket: socket, timeout: .seconds(30))
            return .healthy("serves on its socket")
        } catch {
            return .unhealthy("\(error); see 'journalctl -b -u host-containerd'")
        }
    }
}
