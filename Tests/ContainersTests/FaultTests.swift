@testable import Containers
import Foundation
import Glibc
import OCI
import Protobuf
import TestSupport
import Testing

@Suite(.enabled(if: Containerd.isAvailable, Comment(rawValue: Containerd.skipReason)))
struct FaultTests {
    @Test(arguments: [SIGKILL, SIGTERM])
    func waitsOverARestartOfContainerd(signal: Int32) async throws {
        let containerd = try Containerd()
        let harness = try await Harness(containerd)
        let loop = "while [ ! -e /go ]; do sleep 0.1; done; echo survived;"
        let streams = try await harness.run("one", "/bin/sh", "-c", "\(loop) sleep 1; exit 9")
        let added = try await harness.exec("one", "x", "sh", "-c", "\(loop) exit 8")
        async let end = harness.wait("one")
        async let addedEnd = harness.wait("one", exec: "x")
        // Both have been asked when a later call has its answer.
        _ = try await harness.runtime.version()
        // As systemd ends it, or without warning.
        Glibc.kill(try #require(containerd.process), signal)
        try await Task.sleep(for: .milliseconds(300))
        containerd.kill()
        try containerd.start()
        _ = try await harness.exec("one", "y", "touch", "/go")
        #expect(try await addedEnd.code == 8)
        #expect(try await end.code == 9)
        #expect(try await streams.outputText() == "survived\n")
        #expect(try await added.outputText() == "survived\n")
        try await harness.runtime.remove("one")
        try await expectNothing(harness)
    }

    @Test func endsTheWaitForWhatEndedWhileContainerdWasAway() async throws {
        let containerd = try Containerd()
        let harness = try await Harness(containerd)
        let streams = try await harness.run("one", "/bin/sh", "-c", "sleep 3; exit 4")
        async let end = harness.wait("one")
        _ = try await harness.runtime.version()
        containerd.kill()
        _ = try await streams.outputText()
        try containerd.start()
        // containerd throws away what it finds to have ended, and with it the exit code.
        let status = try await end
        #expect(status.code == 4 || status.isLost, "\(status)")
        try await harness.runtime.remove("one")
        try await expectNothing(harness)
    }

    @Test func removesAProcessInEveryState() async throws {
        let harness = try await Harness()
        try await harness.run("one", "/bin/sleep", "600")
        try await harness.runtime.removeExec("one", exec: "never")
        _ = try await harness.exec("one", "a", "sh", "-c", "trap '' TERM; while :; do sleep 1; done")
        try await harness.runtime.removeExec("one", exec: "a")
        _ = try await harness.exec("one", "b", "true")
        _ = try await harness.wait("one", exec: "b")
        try await harness.runtime.removeExec("one", exec: "b")
        // Added, and never started.
        let streams = try Streams(harness.folder, "c")
        let record = try #require(try await harness.runtime.record(of: "one"))
        let request = Tasks.ExecRequest(
            container: "one",
            streams: streams.paths,
            spec: try #require(ProcessSpec(record.spec)).adding(ExecProcess(arguments: ["true"])),
            exec: "c"
        )
        _ = try await harness.runtime.call(Tasks.exec, request, "test")
        try await harness.runtime.removeExec("one", exec: "c")
        #expect(
            try harness.containerd.ctr(harness.namespace, "tasks", "ps", "one").output.split(separator: "\n")
                .count == 2
        )
        for exec in ["a", "b", "c"] {
            #expect(try await harness.runtime.task(of: "one", exec: exec) == nil)
        }
        try await harness.runtime.remove("one")
        try await expectNothing(harness)
    }

    /// HTTP/2's client part lets 100 calls through to containerd, which names no number: those beyond would never be sent.
    @Test func manyWaitAtOnceAndOtherCallsGoOn() async throws {
        let harness = try await Harness()
        try await harness.run("one", "/bin/sleep", "600")
        let runtime = harness.runtime
        try await withThrowingTaskGroup(of: UInt32.self) { group in
            for _ in 0..<250 { group.addTask { try await runtime.wait("one", patience: .seconds(20)).code } }
            // All have been sent, or wait to be.
            try await Task.sleep(for: .seconds(1))
            for _ in 0..<3 {
                _ = try await runtime.call(Versions.version, ProtobufEmpty(), "test", limit: .seconds(20))
            }
            try await runtime.kill("one", signal: 9)
            var ends: [UInt32] = []
            for try await end in group { ends.append(end) }
            #expect(ends == Array(repeating: 137, count: 250))
        }
        try await runtime.remove("one")
        try await expectNothing(harness)
    }

    @Test func givesUpWhenContainerdStaysAway() async throws {
        let containerd = try Containerd()
        let harness = try await Harness(containerd, patience: .milliseconds(200))
        try await harness.run("one", "/bin/sleep", "600")
        containerd.kill()
        let error = await failure {
            _ = try await harness.runtime.wait("one", patience: .milliseconds(500))
        }
        guard case .unavailable? = error else { throw Unexpected(error) }
        let removal = await failure { try await harness.runtime.remove("one") }
        guard case .unavailable? = removal else { throw Unexpected(removal) }
    }

    @Test func leavesNothingOfAStartThatAKillCut() async throws {
        let containerd = try Containerd()
        let harness = try await Harness(containerd)
        _ = try await harness.image()
        for delay in [20, 80, 160] {
            try await harness.create("one", ["/bin/sleep", "600"])
            let streams = try Streams(harness.folder, "one-\(delay)")
            async let started = failure { _ = try await harness.runtime.start("one", streams: streams.paths) }
            try await Task.sleep(for: .milliseconds(delay))
            containerd.kill()
            try await Task.sleep(for: .milliseconds(100))
            try containerd.start()
            if let error = await started, !error.isUnavailable { throw Unexpected(error) }
            try await harness.runtime.remove("one")
        }
        // The name is free, and the container whole.
        try await harness.run("one", "/bin/true")
        #expect(try await harness.wait("one").code == 0)
        try await harness.runtime.remove("one")
        try await expectNothing(harness)
    }

    @Test func countsATaskWhoseSupervisorWasKilledAsLost() async throws {
        let containerd = try Containerd()
        let harness = try await Harness(containerd)
        try await harness.run("one", "/bin/sleep", "600")
        async let end = harness.wait("one")
        try await Task.sleep(for: .milliseconds(200))
        for process in harness.containerd.processes where command(process).contains("containerd-shim-runc-v2")
        {
            kill(process, SIGKILL)
        }
        let status = try await end
        #expect(status.code == 255 || status.code == 137, "\(status)")
        try await harness.runtime.remove("one")
        try await expectNothing(harness)
    }

    @Test func sweepsWhatACrashLeft() async throws {
        let harness = try await Harness()
        try await harness.run("kept", "/bin/sleep", "600")
        try await harness.run("old", "/bin/sleep", "600")
        try await harness.run("orphan", "/bin/sleep", "600")
        let runtime = harness.runtime
        _ = try await runtime.call(ContainerRecords.delete, NamedRequest(name: "orphan"), "test")
        let parent = try #require(
            try await runtime.configuration(of: try await harness.image()).chainIDs.last
        )
        let prepare = Snapshots.PrepareRequest(snapshotter: "overlayfs", key: "half", parent: "\(parent)")
        let dead = "\(try #require(LeaseOwner.current).text.split(separator: " ")[0]) 999999999 1"
        let request = Leases.CreateRequest(id: "dead", labels: [LeaseOwner.label: dead])
        _ = try await runtime.call(Leases.create, request, "test")
        let alive = try await runtime.makeLease("test")
        _ = try await runtime.call(Snapshots.prepare, prepare, "test", lease: alive)

        let removed = try await runtime.sweep(keeping: ["kept"])
        for name in ["'orphan'", "'old'", "'half'", "'dead'"] {
            #expect(removed.contains { $0.contains(name) }, "\(name) is not in \(removed)")
        }
        #expect(try await runtime.sweep(keeping: ["kept"]) == [])
        #expect(try await runtime.tasks().map(\.id) == ["kept"])
        let leases = try await runtime.call(Leases.list, ListRequest(), "test").leases.map(\.id)
        #expect(leases == [alive])
        await runtime.removeLease(alive)
        #expect(try await runtime.sweep(keeping: []).count == 1)
        try await expectNothing(harness)
    }

    private func command(_ process: Int32) -> String {
        String(
            decoding: FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data(),
            as: UTF8.self
        )
    }
}
