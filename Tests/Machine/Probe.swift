import Foundation
import Testing
import VirtualMachine

/// Units that are put into a guest from outside and report what they see on its second serial port.
///
/// The image has no shell, so each fact comes from a program that it has anyway. systemd takes the units from
/// credentials: systemd.system-credentials(7), `systemd.extra-unit.*`.
struct Probe {
    /// A command, and the word under which its output is found.
    struct Section {
        let name: String
        let command: String
    }

    /// What a guest is asked at the end of its boot, in this order.
    static let sections = common + (BuiltImage.hasHostContainers ? [crun] : [])

    private static let common = [
        Section(name: "state", command: "/usr/bin/systemctl is-system-running"),
        Section(name: "failed", command: "/usr/bin/systemctl list-units --failed --plain --no-legend --full"),
        Section(
            name: "units",
            command:
                "/usr/bin/systemctl show -p Id,ActiveState,SubState,Result \(units.joined(separator: " "))"
        ),
        Section(name: "health", command: "/usr/lib/bulkhead/hostd check-boot --json"),
        Section(name: "network", command: "/usr/bin/networkctl --no-pager --json=short status --all"),
        Section(name: "write-etc", command: "/usr/bin/systemd-tmpfiles --create -"),
        Section(name: "mounts", command: "/usr/bin/mount"),
        Section(name: "containerd", command: "/usr/bin/ctr version"),
        Section(name: "runc", command: "/usr/sbin/runc --version"),
        Section(
            name: "container",
            // The image's own root as a container's: there is no other without a network.
            command: "/usr/bin/ctr run --rm --rootfs --read-only /run/probe probe "
                + "/usr/lib/bulkhead/hostd --help"
        ),
        Section(name: "boots", command: "/usr/bin/journalctl --list-boots --no-pager --quiet"),
        Section(name: "blame", command: "/usr/bin/systemd-analyze --no-pager blame"),
        Section(name: "time", command: "/usr/bin/systemd-analyze --no-pager time"),
        Section(name: "journal", command: "/usr/bin/journalctl -b --no-pager -o short-monotonic"),
    ]

    /// The other runtime, which the variant with host containers has, too.
    private static let crun = Section(
        name: "container-crun",
        command: "/usr/bin/ctr run --rm --runc-binary /usr/bin/crun --rootfs --read-only /run/probe "
            + "probe-crun /usr/lib/bulkhead/hostd --help"
    )

    /// Units whose state is reported.
    static let units = [
        "boot-complete.target", "bulkhead-boot-health.service", "bulkhead-commit-boot.service",
        "containerd.service", "multi-user.target",
        "systemd-growfs@var.service", "systemd-journald.service",
        "systemd-networkd.service", "systemd-resolved.service", "systemd-timesyncd.service",
        "updater.service",
    ]

    /// The last line of a report.
    static let end = "Id=probe-end.service"

    /// A unit that runs commands and reports what they print.
    static func unit(port: String, sections: [Section]) -> String {
        // There is no echo in the image; systemctl shows the id of any unit, whether it exists or not.
        let commands = sections.map { section in
            """
            ExecStart=-/usr/bin/systemctl show -p Id probe-\(section.name).service
            ExecStart=-\(section.command)
            """
        }
        return """
            [Unit]
            Description=Report to the Machine Test
            RequiresMountsFor=/run/probe /run/sysctls
            [Service]
            Type=oneshot
            StandardInput=data
            StandardInputText=f /etc/bulkhead-probe 0644 root root - -
            StandardOutput=file:\(port)
            StandardError=inherit
            \(commands.joined(separator: "\n"))
            ExecStart=-/usr/bin/systemctl show -p Id probe-end.service
            """
    }

    /// Credentials that make a guest run commands when its boot has ended, well or not, and report what they print.
    static func credentials(port: String, sections: [Section] = sections) -> [String: [UInt8]] {
        let probe = unit(port: port, sections: sections)
        // Ends when the last job of the boot has; the probe itself must not be one of them.
        let trigger = """
            [Unit]
            Description=Wait for the End of the Boot
            OnSuccess=bulkhead-probe.service
            [Service]
            Type=exec
            ExecStart=/usr/bin/systemctl is-system-running --wait
            SuccessExitStatus=1
            """
        let mount = """
            [Mount]
            What=/
            Where=/run/probe
            Type=none
            Options=bind
            """
        // systemd-analyze, the only program of the image that prints files, does so below /etc, /run and /usr/lib.
        let sysctls = """
            [Mount]
            What=/proc/sys
            Where=/run/sysctls
            Type=none
            Options=bind
            """
        return [
            "systemd.extra-unit.bulkhead-probe.service": Array(probe.utf8),
            "systemd.extra-unit.bulkhead-trigger.service": Array(trigger.utf8),
            "systemd.extra-unit.run-probe.mount": Array(mount.utf8),
            "systemd.extra-unit.run-sysctls.mount": Array(sysctls.utf8),
            "systemd.unit-dropin.multi-user.target": Array("[Unit]\nWants=bulkhead-trigger.service\n".utf8),
        ]
    }
}

/// What a guest reported.
struct Report: Sendable {
    /// The lines of each section.
    private(set) var sections: [String: [String]] = [:]

    /// Reads the second serial port's lines, up to the probe's end.
    init(lines: some Sequence<String>) {
        var name: String?
        for line in lines {
            if let next = line.wholeMatch(of: /Id=probe-([a-z0-9-]+)\.service/) {
                name = String(next.1)
                sections[String(next.1)] = []
            } else if let name {
                sections[name, default: []].append(line)
            }
        }
    }

    /// A section's lines.
    func lines(_ name: String) throws -> [String] {
        try #require(
            sections[name],
            "the guest did not report '\(name)'; it reported \(sections.keys.sorted())"
        )
    }

    /// A section as one text.
    func text(_ name: String) throws -> String { try lines(name).joined(separator: "\n") }

    /// A section as a JSON object.
    func object(_ name: String) throws -> [String: Any] {
        let text = try text(name)
        return try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
            "\(name): \(text)"
        )
    }

    /// A unit's state.
    struct Unit: Sendable {
        let activeState: String
        let subState: String
        /// "success" or why a service failed; empty for other kinds of units.
        let result: String
    }

    /// The state of a unit, of those in `Probe.units`.
    func unit(_ id: String) throws -> Unit {
        for block in try lines("units").split(separator: "") {
            let pairs = block.map { $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false) }
            let properties = Dictionary(
                pairs.filter { $0.count == 2 }.map { (String($0[0]), String($0[1])) },
                uniquingKeysWith: { first, _ in first }
            )
            guard properties["Id"] == id else { continue }
            return Unit(
                activeState: properties["ActiveState"] ?? "",
                subState: properties["SubState"] ?? "",
                result: properties["Result"] ?? ""
            )
        }
        Issue.record("the guest did not report the unit \(id)")
        return Unit(activeState: "", subState: "", result: "")
    }

    /// The results of hostd's checks by name.
    func health() throws -> Health {
        try JSONDecoder().decode(Health.self, from: Data(try text("health").utf8))
    }

    /// What `hostd check-boot --json` prints.
    struct Health: Decodable {
        struct Check: Decodable {
            let name: String
            let status: String
            let detail: String
        }
        let healthy: Bool
        let checks: [Check]

        func check(_ name: String) throws -> Check {
            try #require(checks.first { $0.name == name }, "hostd has no check '\(name)'")
        }
    }
}
