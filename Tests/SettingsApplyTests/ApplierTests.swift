import HostAPI
import Foundation
import Glibc
import JSON
import SettingsApply
import TestSupport
import Testing

@Suite struct ApplierTests {
    private let settings: JSONValue = ["motd": "hi", "network": ["hostname": "node"]]

    @Test func firstTimeWritesAll() async throws {
        let host = try ApplyHost()
        let report = try await host.apply(nil, settings)
        #expect(report.succeeded)
        #expect(report.files.map(\.path) == ["/etc/hostname", "/etc/issue.d/bulkhead/name", "/etc/motd"])
        #expect(report.files.allSatisfy { $0.changed && $0.error == nil })
        #expect(host.text("/etc/hostname") == "node\n")
        #expect(host.text("/etc/motd") == "hi\n")
        #expect(host.text("/etc/issue.d/bulkhead/name") == "node\n")
        #expect(try host.mode("/etc/hostname") == 0o644)
        #expect(try host.mode("/etc/motd") == 0o600)
        #expect(try host.mode("/etc/issue.d/bulkhead/name") == 0o640)
        #expect(try host.mode("/etc/issue.d/bulkhead") == 0o755)
        #expect(
            host.services.takeCalls() == [
                "try-restart systemd-hostnamed.service", "reload login.service",
                "try-restart getty@tty1.service",
                "restart signal.service",
            ]
        )
        #expect(report.services.map(\.name) == ["hostname", "login", "login", "signal"])
        #expect(report.services.allSatisfy { $0.outcome == .done })
        #expect(report.services.first?.command == "systemctl try-restart systemd-hostnamed.service")
        // Nothing but the files is left: no temporary ones, no notes.
        #expect(
            host.names == [
                "etc", "etc/hostname", "etc/issue.d", "etc/issue.d/bulkhead", "etc/issue.d/bulkhead/name",
                "etc/motd",
            ]
        )
    }

    @Test func secondTimeDoesNothing() async throws {
        let host = try ApplyHost()
        _ = try await host.apply(nil, settings)
        _ = host.services.takeCalls()
        let before = try host.status("/etc/hostname").st_ino
        let report = try await host.apply(["network.hostname"], settings)
        #expect(report.files == [ApplyResult.File(path: "/etc/hostname", changed: false, error: nil)])
        #expect(report.services.map(\.outcome) == [.skipped])
        #expect(report.succeeded)
        #expect(host.services.takeCalls().isEmpty)
        #expect(try host.status("/etc/hostname").st_ino == before)
    }

    @Test func oneKeyTouchesOnlyWhatFollowsIt() async throws {
        let host = try ApplyHost()
        _ = try await host.apply(nil, settings)
        _ = host.services.takeCalls()
        let report = try await host.apply(["motd"], ["motd": "bye", "network": ["hostname": "node"]])
        #expect(
            report.files == [
                ApplyResult.File(path: "/etc/issue.d/bulkhead/name", changed: false, error: nil),
                ApplyResult.File(path: "/etc/motd", changed: true, error: nil),
            ]
        )
        #expect(
            host.services.takeCalls() == [
                "reload login.service", "try-restart getty@tty1.service", "restart signal.service",
            ]
        )
        #expect(try await host.apply(["updates.seed"], settings) == ApplyResult())
        #expect(try await host.apply([], settings) == ApplyResult())
        // The value went back in the settings, but nobody said so: the file is as before.
        #expect(host.text("/etc/motd") == "bye\n")
    }

    @Test func failingTemplateKeepsItsFileAndSkipsItsService() async throws {
        let host = try ApplyHost()
        _ = try await host.apply(nil, settings)
        _ = host.services.takeCalls()
        // No host name: its template needs one; the message has its place.
        let report = try await host.apply(nil, ["motd": "new"])
        let file = try #require(report.files.first { $0.path == "/etc/hostname" })
        #expect(file.changed == false)
        #expect(file.error?.contains("template hostname, line 1") == true, "\(file)")
        #expect(host.text("/etc/hostname") == "node\n")
        let service = try #require(report.services.first { $0.name == "hostname" })
        #expect(service.outcome == .skipped)
        #expect(service.error?.contains("'/etc/hostname' could not be written") == true)
        #expect(!report.succeeded)
        #expect(host.text("/etc/motd") == "new\n")
        #expect(host.services.takeCalls().first == "reload login.service")
    }

    /// One of a service's files changed, another one failed: when that is mended, the first one's change counts.
    @Test func skippedServicesAreOwedTheirRestart() async throws {
        let host = try ApplyHost()
        _ = try await host.apply(nil, settings)
        _ = host.services.takeCalls()
        try host.write("templates/issue", "{{no_such_helper 1}}")
        let failed = try await host.apply(["motd"], ["motd": "new", "network": ["hostname": "node"]])
        #expect(failed.files.map(\.changed) == [false, true])
        #expect(host.services.takeCalls() == ["restart signal.service"])
        try host.write("templates/issue", ApplyHost.templates["issue"] ?? "")
        host.restartServer()
        let mended = try await host.apply(["updates.seed"], ["motd": "new", "network": ["hostname": "node"]])
        #expect(mended.files.allSatisfy { !$0.changed && $0.error == nil })
        #expect(host.services.takeCalls() == ["reload login.service", "try-restart getty@tty1.service"])
        #expect(try await host.apply(["updates.seed"], settings) == ApplyResult())
    }

    @Test func failingServiceIsReportedAndAskedAgain() async throws {
        let host = try ApplyHost()
        host.services.set("login.service", .fail)
        let report = try await host.apply(["motd"], settings)
        #expect(report.services.map(\.outcome) == [.failed, .done, .done])
        #expect(report.services.first?.error == "broken")
        #expect(!report.succeeded)
        _ = host.services.takeCalls()
        host.services.set("login.service", nil)
        host.restartServer()
        let again = try await host.apply([], settings)
        #expect(again.services.map(\.name) == ["login", "login"])
        #expect(again.succeeded)
        #expect(host.services.takeCalls() == ["reload login.service", "try-restart getty@tty1.service"])
        #expect(!host.names.contains("restarts-owed"))
    }

    @Test func hangingServiceDoesNotHoldTheOthers() async throws {
        let host = try ApplyHost(restartLimit: .milliseconds(200))
        host.services.set("login.service", .hang)
        let report = try await host.apply(nil, settings)
        #expect(report.services.map(\.outcome) == [.done, .timedOut, .done, .done])
        #expect(report.services[1].error?.contains("not done within") == true)
    }

    @Test func sameRequestOfTwoServicesIsMadeOnce() async throws {
        let host = try ApplyHost(features: [
            "x": """
            description = "d"
            [services.a]
            settings = ["motd"]
            restart = ["restart x.service"]
            [services.b]
            settings = ["motd"]
            restart = ["restart x.service", "reload x.service"]
            """
        ])
        let report = try await host.apply(nil, settings)
        #expect(report.services.map(\.name) == ["a", "b", "b"])
        #expect(host.services.takeCalls() == ["restart x.service", "reload x.service"])
    }

    @Test func readersOfAChangedFileFollowItToo() async throws {
        let host = try ApplyHost(features: [
            "x": """
            description = "d"
            [services.a]
            settings = ["motd"]
            files = ["motd"]
            [services.b]
            settings = ["network.hostname"]
            files = ["motd"]
            restart = ["restart b.service"]
            [files.motd]
            path = "/etc/motd"
            template = "motd"
            """
        ])
        _ = try await host.apply(["motd"], settings)
        #expect(host.services.takeCalls() == ["restart b.service"])
    }

    @Test func errorsTellNoSecrets() async throws {
        let host = try ApplyHost()
        try host.write("templates/motd", "{{base64_decode settings.motd}}")
        let report = try await host.apply(["motd"], ["motd": "*top secret*"])
        #expect(report.files.contains { $0.error != nil })
        #expect(!"\(report)".contains("top secret"))
    }
}
