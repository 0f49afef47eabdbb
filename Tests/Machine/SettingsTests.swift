import Foundation
import TestSupport
import Testing
import VirtualMachine

/// A host that gets user data on its first boot, is changed over its API, and booted again.
private struct SettingsBoots: Sendable {
    let first: Boot
    let second: Boot
    private let guest: Guest

    static let userData = #"""
        [settings]
        motd = "from user data"

        [settings.network]
        hostname = "node-7.example.org"
        hosts = [["192.0.2.7", ["registry.example.org", "registry"]]]

        [settings.dns]
        name-servers = ["10.0.2.3", "not an address"]
        search-list = ["example.org"]

        [settings.ntp]
        time-servers = ["192.0.2.1"]

        [settings.kernel.sysctl]
        "net.ipv4.tcp_keepalive_time" = "321"

        [[settings.container-registry.mirrors]]
        registry = "docker.io"
        endpoint = ["https://mirror.example.org"]
        """#

    /// Prints a file: there is no cat in the image.
    static func show(_ path: String) -> String { "/usr/bin/systemd-analyze cat-config \(path)" }

    static let files = [
        Probe.Section(name: "hostname", command: show("/run/sysctls/kernel/hostname")),
        Probe.Section(name: "hosts", command: show("/etc/hosts")),
        Probe.Section(name: "motd", command: show("/etc/motd")),
        Probe.Section(name: "ntp", command: show("/etc/systemd/timesyncd.conf.d/50-settings.conf")),
        Probe.Section(name: "dns", command: "/usr/bin/resolvectl --no-pager domain"),
        Probe.Section(name: "sysctl", command: show("/run/sysctls/net/ipv4/tcp_keepalive_time")),
        Probe.Section(name: "containerd", command: show("/etc/containerd/config.toml")),
        Probe.Section(name: "authorities", command: show("/etc/ssl/certs/ca-certificates.crt")),
    ]

    static let client = "/usr/bin/apiclient"

    static let firstSections =
        files + [
            Probe.Section(name: "state", command: "/usr/bin/systemctl is-system-running"),
            Probe.Section(
                name: "failed",
                command: "/usr/bin/systemctl list-units --failed --plain --no-legend"
            ),
            Probe.Section(name: "get", command: "\(client) get settings"),
            Probe.Section(name: "os", command: "\(client) get os"),
            Probe.Section(name: "health", command: "\(client) health"),
            Probe.Section(
                name: "set",
                command: "\(client) set motd=changed network.hostname=node-8 "
                    + #"'kernel.sysctl."net.ipv4.tcp_keepalive_time"=322' 'ntp.time-servers=["192.0.2.2"]'"#
            ),
            Probe.Section(name: "set-motd", command: show("/etc/motd")),
            Probe.Section(name: "set-hostname", command: show("/run/sysctls/kernel/hostname")),
            Probe.Section(name: "set-sysctl", command: show("/run/sysctls/net/ipv4/tcp_keepalive_time")),
            Probe.Section(
                name: "set-ntp",
                command: show("/etc/systemd/timesyncd.conf.d/50-settings.conf")
            ),
            Probe.Section(
                name: "restarted",
                command: "/usr/bin/journalctl --no-pager -q -b -o cat _PID=1 UNIT=systemd-timesyncd.service"
            ),
            Probe.Section(name: "bad", command: "\(client) set network.hostname=bad_name! motd=not-taken"),
            Probe.Section(name: "unset", command: "\(client) unset ntp.time-servers"),
            Probe.Section(name: "unset-get", command: "\(client) get settings.ntp"),
            Probe.Section(name: "generations", command: "\(client) generations list"),
            Probe.Section(
                name: "journal",
                command: "/usr/bin/journalctl --no-pager -q -b -u apiserver.service -o json"
            ),
            // Not confirmed: the next boot begins long after these seconds.
            Probe.Section(name: "trial", command: "\(client) set --confirm-within 10 motd=on-trial"),
            Probe.Section(name: "trial-get", command: "\(client) get settings.motd"),
        ]

    static let secondSections =
        files + [
            Probe.Section(
                name: "failed",
                command: "/usr/bin/systemctl list-units --failed --plain --no-legend"
            ),
            Probe.Section(name: "get", command: "\(client) get settings"),
            Probe.Section(name: "health", command: "\(client) health"),
        ]

    private static let record = Recording {
        let image = try BuiltImage()
        let guest = try Guest(disk: image.disk, of: image, sections: firstSections, userData: userData)
        let first = try await guest.bootAndPowerOff()
        let second = try await guest.bootAndPowerOff(sections: secondSections)
        return SettingsBoots(first: first, second: second, guest: guest)
    }

    static func get() async throws -> SettingsBoots { try await record.value }
}

/// The settings that a report shows.
private func settings(_ report: Report, _ name: String = "get") throws -> [String: Any] {
    try #require(try report.object(name)["settings"] as? [String: Any])
}

/// A setting of a group.
private func value(_ settings: [String: Any], _ group: String, _ name: String) -> Any? {
    (settings[group] as? [String: Any])?[name]
}

@Suite(
    "Settings on a host",
    .serialized,
    .ownThreads,
    .enabled(if: BuiltImage.isExpected, BuiltImage.skipComment)
)
struct SettingsTests {
    @Test func userDataIsAppliedOnFirstBoot() async throws {
        let report = try await SettingsBoots.get().first.report
        #expect(try report.text("state") == "running")
        #expect(try report.lines("failed") == [])
        let settings = try settings(report)
        #expect(settings["motd"] as? String == "from user data")
        #expect(value(settings, "network", "hostname") as? String == "node-7.example.org")
        #expect(try report.text("motd").contains("from user data"))
        #expect(try report.text("hostname").contains("node-7.example.org"))
        #expect(try report.text("hosts").contains("192.0.2.7"))
        #expect(try report.text("ntp").contains("NTP=192.0.2.1"))
        #expect(try report.text("dns").contains("example.org"))
        #expect(try report.text("sysctl").contains("321"))
        #expect(try report.text("containerd").contains("https://mirror.example.org"))
        #expect(try report.text("authorities").contains("BEGIN CERTIFICATE"))
    }

    @Test func aBadLineOfUserDataCostsOnlyItself() async throws {
        let boot = try await SettingsBoots.get().first
        // The console, the API and the journal say which key, which value and what is allowed.
        let health = try boot.report.text("health")
        for text in [boot.console.joined(separator: "\n"), health] {
            #expect(text.contains("settings.dns.name-servers[1]"), "\(text.suffix(2000))")
            #expect(text.contains("not an address"))
            #expect(text.contains("an IPv4 or IPv6 address"))
        }
        #expect(value(try settings(boot.report), "dns", "search-list") as? [String] == ["example.org"])
    }

    @Test func filesAndServicesFollowTheSettings() async throws {
        let report = try await SettingsBoots.get().first.report
        #expect(try report.text("set").contains("systemd-timesyncd.service"))
        #expect(try report.text("set-motd").contains("changed"))
        #expect(try report.text("set-hostname").contains("node-8"))
        #expect(try report.text("set-sysctl").contains("322"))
        #expect(try report.text("set-ntp").contains("NTP=192.0.2.2"))
        let starts = try report.lines("restarted").filter { $0.hasPrefix("Started ") }
        #expect(starts.count >= 2, "\(starts)")
    }

    @Test func aBadValueIsRefusedWholly() async throws {
        let report = try await SettingsBoots.get().first.report
        let text = try report.text("bad")
        #expect(text.contains("settings.network.hostname") && text.contains("bad_name!"), "\(text)")
        #expect(try !report.text("trial-get").contains("not-taken"))
    }

    @Test func unsetGoesBackToTheDefault() async throws {
        let report = try await SettingsBoots.get().first.report
        let servers = try report.object("unset-get").description
        #expect(!servers.contains("192.0.2.2") && servers.contains("pool.ntp.org"), "\(servers)")
    }

    @Test func everyChangeIsInTheJournalWithItsAuthor() async throws {
        let report = try await SettingsBoots.get().first.report
        let lines = try report.lines("journal")
        #expect(lines.contains { $0.contains("\"SETTING_KEYS\"") && $0.contains("settings.motd") })
        #expect(lines.contains { $0.contains("\"PEER_PROGRAM\":\"apiclient\"") })
    }

    @Test func settingsOutliveARebootAndAnUnconfirmedCommitDoesNot() async throws {
        let boots = try await SettingsBoots.get()
        #expect(try boots.first.report.text("trial-get").contains("on-trial"))
        let report = boots.second.report
        #expect(try report.lines("failed") == [])
        let settings = try settings(report)
        #expect(settings["motd"] as? String == "changed")
        #expect(value(settings, "network", "hostname") as? String == "node-8")
        #expect(try report.text("motd").contains("changed"))
        #expect(try report.text("hostname").contains("node-8"))
        #expect(try report.text("sysctl").contains("322"))
        #expect(try report.text("ntp").contains("pool.ntp.org"))
    }
}
