import Foundation
import HostAPI
import JSON
import SettingsModel
import Systemd
import TestSupport
import Testing

@testable import APIServer

/// `GET /host-containers`, its events and its part of `GET /health`, from status files as supervisors write them.
@Suite struct ContainerTests {
    private static let time = Timestamp(seconds: 1_800_000_000)

    private static func status(
        _ state: HostContainerStatus.State,
        of name: String = "admin",
        kind: HostContainerStatus.Kind = .host,
        error: String? = nil
    ) -> HostContainerStatus {
        HostContainerStatus(
            name: name,
            kind: kind,
            desired: .running,
            state: state,
            image: .init(source: "localhost/\(name)", digest: "sha256:ab"),
            since: time,
            restarts: 2,
            lastError: error
        )
    }

    private func write(_ status: HostContainerStatus, of host: TestHost) throws {
        try write(status.json.description, name: status.id, of: host)
    }

    private func write(_ text: String, name: String, of host: TestHost) throws {
        let folder = host.folder.url.appending(path: "run/host-containers/\(name)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // As supervisors do: in one step.
        try Data(text.utf8).write(to: folder.appending(path: "status.json"), options: .atomic)
    }

    private let settings = """
        {"host-containers":{"admin":{"source":"localhost/admin","enabled":true},"off":{"source":"localhost/off"},
        "bad":{"source":"localhost/bad","enabled":true}},"bootstrap-containers":{"setup":{"source":"localhost/setup",
        "mode":"once"},"admin":{"source":"localhost/other","mode":"always"},"idle":{"source":"localhost/idle","mode":"off"}}}
        """

    @Test func whatTheyShallDoAndWhatTheyDo() throws {
        let host = try TestHost().start()
        #expect(try host.call("GET", "/host-containers").json == [:])
        #expect(try host.call("PATCH", "/settings", settings).status == 204)
        #expect(try host.call("POST", "/tx/commit").status == 200)
        try write(Self.status(.running), of: host)
        try write(Self.status(.failed, of: "setup", kind: .bootstrap, error: "exit 3"), of: host)
        // Taken out of the settings: told of as long as it runs.
        try write(Self.status(.stopping, of: "left"), of: host)
        try write(Self.status(.stopped, of: "gone"), of: host)
        try write(String(repeating: "[", count: 100_000), name: "bad", of: host)
        try write("{}", name: "no-settings", of: host)

        let answer = try host.call("GET", "/host-containers")
        #expect(answer.status == 200)
        let members = try #require(answer.json.members)
        let statuses = try members.mapValues { try HostContainerStatus(json: $0) }
        #expect(
            Set(statuses.keys) == ["admin", "off", "bad", "boot.admin", "boot.setup", "boot.idle", "left"]
        )
        #expect(statuses["admin"] == Self.status(.running))
        // Both groups may have the same names.
        #expect(statuses["boot.admin"]?.name == "admin" && statuses["boot.admin"]?.desired == .always)
        #expect(statuses["boot.admin"]?.state == .stopped)
        #expect(statuses["off"]?.desired == .stopped && statuses["off"]?.state == .stopped)
        #expect(statuses["boot.setup"]?.kind == .bootstrap && statuses["boot.setup"]?.desired == .once)
        #expect(statuses["boot.setup"]?.state == .failed && statuses["boot.setup"]?.lastError == "exit 3")
        #expect(statuses["boot.idle"]?.desired == .stopped)
        #expect(statuses["left"]?.desired == .stopped && statuses["left"]?.state == .stopping)
        #expect(statuses["bad"]?.lastError?.contains("bad/status.json") == true)

        let health = try host.call("GET", "/health").json
        #expect(health["status"] == "degraded")
        let problems = try #require(health["problems"]?.elements)
        #expect(
            problems.map { $0["key"]?.string } == [
                "settings.host-containers.bad", "settings.bootstrap-containers.setup",
            ]
        )
        #expect(problems.last?["message"] == "failed: exit 3")
        // What the step of the boot reports takes the place of it.
        let report = """
            {"step":"bootstrap","problems":[{"source":"bootstrap","key":"settings.bootstrap-containers.setup",
            "message":"no workloads are started","time":"2026-01-31T12:00:00Z"}]}
            """
        #expect(try host.call("POST", "/boot-report", report).status == 204)
        let after = try #require(try host.call("GET", "/health").json["problems"]?.elements)
        #expect(after.count { $0["key"] == "settings.bootstrap-containers.setup" } == 1)
    }

    @Test func changesArePushed() throws {
        let host = try TestHost().start()
        try write(Self.status(.starting), of: host)
        let wire = try Wire(host.socket)
        wire.send(TestHost.request("GET", "/events?limit=2&timeout=30"))
        _ = try wire.read(until: "\r\n\r\n")
        try write(Self.status(.running), of: host)
        let first = try wire.read(until: "\n\n")
        #expect(first.contains("event: container\n") && first.contains(#""state":"running""#), "\(first)")
        try FileManager.default.removeItem(atPath: host.folder.file("run/host-containers/admin"))
        let second = try wire.read(until: "\n\n")
        #expect(second.contains(#""state":"stopped""#), "\(second)")
    }

    /// What the file says, what systemd says, and what a client is told.
    @Test(
        arguments: [
            (nil, nil, nil, .stopped), (.running, nil, nil, .stopped), (.failed, nil, nil, .failed),
            (.exited, "inactive", "dead", .exited), (.running, "inactive", "dead", .stopped),
            (.running, "active", "running", .running), (.failed, "active", "running", .running),
            (nil, "activating", "start-pre", .starting), (.pulling, "activating", "start-pre", .pulling),
            (.failed, "activating", "start-pre", .starting), (.failed, "activating", "auto-restart", .failed),
            (.running, "activating", "auto-restart", .failed), (.running, "deactivating", "stop", .stopping),
            (.running, "failed", "failed", .failed), (nil, "failed", "failed", .failed),
            (.stopped, "active", "running", .running),
        ] as [(HostContainerStatus.State?, String?, String?, HostContainerStatus.State)]
    )
    func statesThatDoNotAgree(
        _ written: HostContainerStatus.State?,
        _ active: String?,
        _ sub: String?,
        _ expected: HostContainerStatus.State
    ) throws {
        let unit = active.map {
            ServiceState(unit: "host-container@admin.service", active: $0, sub: sub ?? "")
        }
        let finding = ContainerFinding(
            name: "admin",
            kind: .host,
            wish: ContainerWish(name: "admin", kind: .host, desired: .running, source: "localhost/admin"),
            file: written.map { .status(Self.status($0)) } ?? .none,
            unit: unit,
            restarts: 5
        )
        let status = try #require(finding.status(time: Timestamp(seconds: 1)))
        #expect(status.state == expected)
        #expect(status.restarts == 5)
        // Since when: of another state than the written one, nothing is known.
        #expect(status.since.seconds == (written == expected ? Self.time.seconds : 1))
        // A supervisor that died without a word is named.
        if expected == .failed, written != .failed { #expect(status.lastError?.contains("journal") == true) }
    }

    /// Settings have switched off what could not be started: that is settled, and why it failed is still told.
    @Test func whatShallNotRunHasNotFailed() throws {
        var written = Self.status(.failed)
        written.lastError = "wrong digest"
        let finding = ContainerFinding(
            name: "admin",
            kind: .host,
            wish: ContainerWish(name: "admin", kind: .host, desired: .stopped, source: "localhost/admin"),
            file: .status(written)
        )
        let status = try #require(finding.status(time: Self.time))
        #expect(status.state == .stopped && status.lastError == "wrong digest")
    }

    @Test func aNewSourceHasNoDigestYet() throws {
        let wish = ContainerWish(name: "admin", kind: .host, desired: .running, source: "localhost/new")
        let finding = ContainerFinding(
            name: "admin",
            kind: .host,
            wish: wish,
            file: .status(Self.status(.running)),
            knowsUnits: false
        )
        let image = try #require(finding.status(time: Self.time)).image
        #expect(image == .init(source: "localhost/new"))
    }
}
