import Containers
import Foundation
import TestSupport
import Testing

@Suite(.enabled(if: Containerd.isAvailable, Comment(rawValue: Containerd.skipReason)))
struct RunTests {
    @Test func runsACommandToItsEnd() async throws {
        let harness = try await Harness()
        let streams = try await harness.run("one", "/bin/sh", "-c", "echo out; echo err >&2; exit 7")
        let end = try await harness.wait("one")
        #expect(end.code == 7)
        #expect(!end.isLost)
        #expect(abs(Double(end.exitedAt) - Date().timeIntervalSince1970) < 600)
        #expect(try await streams.outputText() == "out\n")
        #expect(try await streams.errorText() == "err\n")
        // What has ended can be waited for again, and killed without harm.
        #expect(try await harness.wait("one").code == 7)
        #expect(try await harness.runtime.kill("one", signal: 15) == false)
        #expect(try await harness.runtime.containers().map(\.id) == ["one"])
        #expect(try await harness.runtime.containers().first?.labels == ["kind": "test"])
        #expect(try await harness.runtime.tasks().map(\.state) == [.stopped])
        try await harness.runtime.remove("one")
        try await expectNothing(harness)
    }

    @Test func removesWhatRuns() async throws {
        let harness = try await Harness()
        try await harness.run("one", "/bin/sleep", "600")
        #expect(try await harness.runtime.tasks().map(\.state) == [.running])
        try await harness.runtime.remove("one")
        try await harness.runtime.remove("one")
        try await expectNothing(harness)
        await #expect(throws: ContainerError.notRunning(container: "one", exec: nil)) {
            try await harness.runtime.wait("one", patience: .seconds(1))
        }
    }

    @Test func killsWhatIgnoresTheRequestToEnd() async throws {
        let harness = try await Harness()
        let streams = try await harness.run(
            "stubborn",
            "/bin/sh",
            "-c",
            "trap 'echo asked' TERM; echo ready; while true; do sleep 0.1; done"
        )
        _ = try await streams.output(until: "ready")
        #expect(try await harness.runtime.kill("stubborn", signal: 15))
        _ = try await streams.output(until: "asked")
        #expect(try await harness.runtime.tasks().map(\.state) == [.running])
        #expect(try await harness.runtime.kill("stubborn", signal: 9, all: true))
        #expect(try await harness.wait("stubborn").code == 137)
        try await harness.runtime.remove("stubborn")
        try await expectNothing(harness)
    }

    @Test func saysWhichProgramIsMissing() async throws {
        let harness = try await Harness()
        let error = await failure { try await harness.run("one", "/bin/missing") }
        guard case .cannotRun(program: "/bin/missing", container: "one", _)? = error else {
            throw Unexpected(error)
        }
        #expect(try await harness.runtime.tasks() == [])
        #expect(try await harness.runtime.containers().map(\.id) == ["one"])
        try await harness.runtime.remove("one")
        try await expectNothing(harness)
    }

    @Test func refusesASecondContainerOfTheSameName() async throws {
        let harness = try await Harness()
        try await harness.create("one", ["/bin/true"])
        let error = await failure { try await harness.create("one", ["/bin/true"]) }
        guard case .exists? = error else { throw Unexpected(error) }
        // The first one is whole.
        let streams = try Streams(harness.folder, "one")
        _ = try await harness.runtime.start("one", streams: streams.paths)
        #expect(try await harness.wait("one").code == 0)
        try await harness.runtime.remove("one")
        try await expectNothing(harness)
    }

    @Test func namesContainersThatAreNotThere() async throws {
        let harness = try await Harness()
        let streams = try Streams(harness.folder, "one")
        await #expect(throws: ContainerError.noContainer("one")) {
            _ = try await harness.runtime.start("one", streams: streams.paths)
        }
        #expect(try await harness.runtime.kill("one", signal: 15) == false)
        try await harness.runtime.remove("one")
    }

    @Test func startsOneByCrun() async throws {
        try await startsOne(by: "crun")
    }

    @Test func startsOneByRunsc() async throws {
        let folder = try TemporaryDirectory()
        let wrapper = folder.file("runsc-here")
        // This machine's cgroups and network are not what gVisor wants; a host's are.
        let script = "#!/bin/sh\nexec runsc --ignore-cgroups --network=none \"$@\"\n"
        try Data(script.utf8).write(to: folder.url.appending(path: "runsc-here"))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: wrapper)
        try await startsOne(by: wrapper, program: "runsc")
    }

    private func startsOne(by binary: String, program: String? = nil) async throws {
        let status = try runTool("sh", "-c", "command -v \(program ?? binary)").status
        try #require(status == 0, "\(program ?? binary) is not installed")
        let harness = try await Harness()
        let streams = try await harness.run(
            "one",
            "/bin/sh",
            "-c",
            "cat /proc/version; exit 5",
            runtime: binary
        )
        #expect(try await harness.wait("one").code == 5)
        let text = try await streams.outputText()
        #expect(text.hasPrefix("Linux version "))
        // gVisor is a kernel of its own.
        let own = try String(contentsOfFile: "/proc/version", encoding: .utf8)
        #expect((text != own) == (program == "runsc"))
        try await harness.runtime.remove("one")
        try await expectNothing(harness)
    }
}

/// Expects nothing of a namespace but its image, which is removed.
func expectNothing(_ harness: Harness) async throws {
    try await harness.runtime.removeImage("localhost/busy:1")
    #expect(try harness.leftOvers() == [])
    let processes = harness.containerd.processes.filter { process in
        let data = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
        return String(decoding: data, as: UTF8.self).contains(harness.namespace)
    }
    #expect(processes == [])
}
