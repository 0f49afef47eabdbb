import Foundation
import HostAPI
import TestSupport
import Testing

@testable import HostContainers

/// A host's folders below a temporary one, and a systemd that a test plays.
struct PlayedHost {
    let folder: TemporaryDirectory
    let paths: HostContainerPaths
    let bus: PrivateBus

    init(units: [String: [String]] = [:]) throws {
        folder = try TemporaryDirectory()
        paths = HostContainerPaths(root: folder.path)
        bus = try PrivateBus(units: units)
        for path in ["etc/bulkhead", "run/bulkhead", "var/lib"] {
            try FileManager.default.createDirectory(
                atPath: folder.file(path),
                withIntermediateDirectories: true
            )
        }
    }

    var files: ContainerFiles { ContainerFiles(paths: paths) }

    func write(_ settings: String) throws {
        try Data(settings.utf8).write(to: folder.url.appending(path: "etc/bulkhead/host-containers.json"))
    }

    func apply(_ settings: String) throws -> [String] {
        try write(settings)
        return try HostContainersApply(paths: paths, address: bus.address, log: { _ in }).run().problems
    }

    /// What systemd was asked to do with units.
    var jobs: [String] { bus.calls.filter { $0.contains("Unit ") && !$0.hasPrefix("ResetFailed") } }
}

/// The units of PrivateBus: good, broken, slow and others, here as names of containers.
@Suite struct HostContainersApplyTests {
    @Test func startsRestartsAndStops() throws {
        let host = try PlayedHost()
        let first =
            #"{"host-containers": {"good": {"source": "a/b", "enabled": true}, "slow": {"source": "a/c"}}}"#
        #expect(try host.apply(first) == [])
        // No process is at work with it: "restart" starts it, too.
        #expect(host.jobs == ["RestartUnit host-container@good.service replace"])
        let definition = try host.files.definition("good")
        try host.files.setDigestInForce(definition.digest, of: "good")
        #expect(try host.apply(first) == [])
        #expect(host.jobs.last == "StartUnit host-container@good.service replace")
        let other = first.replacingOccurrences(of: "a/b", with: "a/d")
        #expect(try host.apply(other) == [])
        #expect(host.jobs.last == "RestartUnit host-container@good.service replace")
        #expect(try host.apply(#"{"host-containers": {"good": {"source": "a/d", "enabled": false}}}"#) == [])
        #expect(host.jobs.last == "StopUnit host-container@good.service replace")
        #expect(host.files.definedIDs() == [])
        #expect(
            FileManager.default.fileExists(atPath: host.folder.file("var/lib/bulkhead/host-containers/good"))
        )
        #expect(host.jobs.count == 4)
    }

    @Test func otherUserDataIsARestart() throws {
        let host = try PlayedHost()
        func settings(_ data: String) -> String {
            #"{"host-containers": {"good": {"source": "a/b", "enabled": true, "user-data": "\#(data)"}}}"#
        }
        #expect(try host.apply(settings("aGk=")) == [])
        try host.files.setDigestInForce(host.files.definition("good").digest, of: "good")
        #expect(try host.apply(settings("aG8=")) == [])
        #expect(host.jobs.last == "RestartUnit host-container@good.service replace")
    }

    @Test func oneBadContainerDoesNotHinderTheOthers() throws {
        let host = try PlayedHost()
        let problems = try host.apply(
            """
            {"host-containers": {"unknown": {"source": "a/b", "enabled": true}, "bare": {"enabled": true},
             "good": {"source": "a/b", "enabled": true}}}
            """
        )
        #expect(problems.count == 2)
        #expect(problems.contains { $0.contains("'bare' has no image") })
        #expect(
            problems.contains { $0.contains("host-container@unknown.service") && $0.contains("not found") }
        )
        #expect(host.jobs.contains("RestartUnit host-container@good.service replace"))
        let bare = try #require(host.files.status("bare"))
        #expect(bare.state == .failed && bare.lastError?.contains("set its 'source'") == true)
    }

    /// A container that was disabled has its 20 seconds; the next change of a setting must not sweep it away.
    @Test func whatIsJustEndingIsNotSweptAway() throws {
        let host = try PlayedHost(units: ["deactivating": ["host-container@good.service", "ssh.service"]])
        try host.write("{}")
        let outcome = try HostContainersApply(paths: host.paths, address: host.bus.address, log: { _ in })
            .run()
        #expect(outcome.problems == [] && outcome.ids == ["good"])
    }

    /// What failed and is wanted no more is no failure of the host; what is wanted is started, which forgets it, too.
    @Test func failuresOfOthersAreForgotten() throws {
        let host = try PlayedHost(units: ["failed": ["host-container@good.service", "ssh.service"]])
        #expect(try host.apply("{}") == [])
        #expect(host.bus.calls.contains("ResetFailedUnit host-container@good.service"))
        #expect(!host.bus.calls.contains("ResetFailedUnit ssh.service"))
        #expect(host.jobs == [])
    }

    @Test func withoutSystemdItSaysSo() throws {
        let host = try PlayedHost()
        try host.write("{}")
        let error = try #require(throws: HostContainersError.self) {
            try HostContainersApply(paths: host.paths, address: "unix:path=/nonexistent/bus", log: { _ in })
                .run()
        }
        #expect("\(error)".contains("system bus"))
    }
}
