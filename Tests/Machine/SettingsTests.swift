import Foundation
import TestSupport
import Testing
import VirtualMachine

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
        let report = try await HostBoots.get().first.report
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
        #expect(try report.text("module-sysctl").contains("65432"))
        #expect(try report.text("containerd-configuration").contains("https://mirror.example.org"))
        #expect(try report.text("authorities").contains("BEGIN CERTIFICATE"))
    }

    @Test func aBadLineOfUserDataCostsOnlyItself() async throws {
        let boot = try await HostBoots.get().first
        // The console, the API and the journal say which key, which value and what is allowed.
        let health = try boot.report.text("api-health")
        for text in [boot.console.joined(separator: "\n"), health] {
            #expect(text.contains("settings.dns.name-servers[1]"), "\(text.suffix(2000))")
            #expect(text.contains("not an address"))
            #expect(text.contains("an IPv4 or IPv6 address"))
        }
        #expect(value(try settings(boot.report), "dns", "search-list") as? [String] == ["example.org"])
    }

    @Test func filesAndServicesFollowTheSettings() async throws {
        let report = try await HostBoots.get().first.report
        #expect(try report.text("set").contains("systemd-timesyncd.service"))
        #expect(try report.text("set-motd").contains("changed"))
        #expect(try report.text("set-hostname").contains("node-8"))
        #expect(try report.text("set-sysctl").contains("322"))
        #expect(try report.text("set-ntp").contains("NTP=192.0.2.2"))
        let starts = try report.lines("restarted").filter { $0.hasPrefix("Started ") }
        #expect(starts.count >= 2, "\(starts)")
    }

    @Test func aBadValueIsRefusedWholly() async throws {
        let report = try await HostBoots.get().first.report
        let text = try report.text("bad")
        #expect(text.contains("settings.network.hostname") && text.contains("bad_name!"), "\(text)")
        #expect(try !report.text("trial-get").contains("not-taken"))
    }

    @Test func unsetGoesBackToTheDefault() async throws {
        let report = try await HostBoots.get().first.report
        let servers = try report.object("unset-get").description
        #expect(!servers.contains("192.0.2.2") && servers.contains("pool.ntp.org"), "\(servers)")
    }

    @Test func everyChangeIsInTheJournalWithItsAuthor() async throws {
        let report = try await HostBoots.get().first.report
        let lines = try report.lines("api-journal")
        #expect(lines.contains { $0.contains("\"SETTING_KEYS\"") && $0.contains("settings.motd") })
        #expect(lines.contains { $0.contains("\"PEER_PROGRAM\":\"apiclient\"") })
    }

    @Test func settingsOutliveARebootAndAnUnconfirmedCommitDoesNot() async throws {
        let boots = try await HostBoots.get()
        #expect(try boots.first.report.text("trial-get").contains("on-trial"))
        let report = boots.second.report
        #expect(try report.lines("failed") == [])
        let settings = try settings(report)
        #expect(settings["motd"] as? String == "changed")
        #expect(value(settings, "network", "hostname") as? String == "node-8")
        #expect(try report.text("motd").contains("changed"))
        #expect(try report.text("hostname").contains("node-8"))
        #expect(try report.text("sysctl").contains("322"))
        #expect(try report.text("module-sysctl").contains("65432"))
        #expect(try report.text("ntp").contains("pool.ntp.org"))
    }
}
