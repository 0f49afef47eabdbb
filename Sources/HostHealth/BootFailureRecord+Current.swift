import Glibc
import Systemd

extension BootFailureRecord {
    /// What systemd says about the units of a boot.
    struct Units: Sendable {
        /// The failed ones with how they ended, in the words of org.freedesktop.systemd1(5); empty if unknown.
        var failed: [(name: String, result: String)] = []
        /// Those that are still being started.
        var starting: [String] = []
        /// Why systemd could not be asked.
        var fault: String?

        init() {}

        /// Asks systemd.
        init(asking: Void) {
            do {
                let manager = try ServiceManager()
                for name in try manager.units(inState: "failed").prefix(BootFailureRecord.maximumReasons) {
                    // Mounts and others have results of other interfaces; their names say enough.
                    failed.append((name, (try? manager.result(of: name)) ?? ""))
                }
                starting = try manager.units(inState: "activating")
            } catch {
                fault = "\(error)"
            }
        }
    }

    /// The unit that records; it is being started then.
    private static let recorder = "bulkhead-trial-failed.service"

    /// What is wrong with the running boot: its last health report, and what systemd says.
    public static func current(on host: HostFiles) -> BootFailureRecord {
        current(on: host, time: Int64(Glibc.time(nil)), Units(asking: ()))
    }

    /// What is wrong with a boot, with another source for what systemd says.
    static func current(on host: HostFiles, time: Int64, _ units: Units) -> BootFailureRecord {
        let uptime = host.read("/proc/uptime").flatMap { Int64($0.prefix { $0.isNumber }) }
        return BootFailureRecord(
            version: version(host) ?? "unknown",
            entry: Trial.entry(on: host),
            bootID: host.bootID ?? "unknown",
            time: time,
            uptime: uptime ?? 0,
            reasons: reasons(HealthReport.problems(on: host), units)
        )
    }

    private static func reasons(_ problems: [HealthReport.Problem], _ units: Units) -> [Reason] {
        var reasons = problems.map { Reason(.check, $0.name, $0.detail) }
        reasons += units.failed.filter { $0.name != recorder }.map { unit in
            Reason(
                .unit,
                unit.name,
                unit.result.isEmpty ? "failed" : "failed with the result '\(unit.result)'"
            )
        }
        if let fault = units.fault { reasons.append(Reason(.manager, "systemd", fault)) }
        if reasons.isEmpty {
            reasons = units.starting.filter { $0 != recorder }.map {
                Reason(.waiting, $0, "was still being started when the time was over")
            }
        }
        guard reasons.isEmpty else { return reasons }
        return [Reason(.deadline, "boot-complete.target", "was not reached in time")]
    }

    private static func version(_ host: HostFiles) -> String? {
        for line in (host.read("/usr/lib/os-release") ?? "").split(separator: "\n")
        where line.hasPrefix("VERSION_ID=") {
            let quotes: Set<Character> = ["\"", "'", " "]
            let version = line.dropFirst("VERSION_ID=".count).filter { !quotes.contains($0) }
            if !version.isEmpty { return version }
        }
        return nil
    }
}
