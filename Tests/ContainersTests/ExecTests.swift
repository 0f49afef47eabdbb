import Containers
import TestSupport
import Testing

@Suite(.enabled(if: Containerd.isAvailable, Comment(rawValue: Containerd.skipReason)))
struct ExecTests {
    @Test func addsProcessesToAContainer() async throws {
        let harness = try await Harness()
        try await harness.run("host", "/bin/sleep", "600")

        let streams = try await harness.exec("host", "a", "sh", "-c", "echo out $ADDED; echo err >&2; exit 9")
        #expect(try await harness.wait("host", exec: "a").code == 9)
        #expect(try await streams.outputText() == "out yes\n")
        #expect(try await streams.errorText() == "err\n")
        #expect(try await harness.runtime.deleteExec("host", exec: "a")?.code == 9)
        #expect(try await harness.runtime.deleteExec("host", exec: "a") == nil)
        await #expect(throws: ContainerError.notRunning(container: "host", exec: "a")) {
            try await harness.runtime.wait("host", exec: "a", patience: .seconds(1))
        }

        let cat = try await harness.exec("host", "b", "cat", input: true)
        cat.write("hello\n")
        #expect(try await cat.output(until: "hello") == "hello\n")
        // As long as anybody has it open to write, the end does not come.
        cat.closeInput()
        try await harness.runtime.closeInput("host", exec: "b")
        #expect(try await harness.wait("host", exec: "b").code == 0)

        let endless = try await harness.exec("host", "c", "yes")
        _ = try await endless.output(until: "y\ny\n")
        #expect(try await harness.runtime.kill("host", exec: "c", signal: 9))
        #expect(try await harness.wait("host", exec: "c").code == 137)

        for exec in ["b", "c"] { try await harness.runtime.deleteExec("host", exec: exec) }
        try await harness.runtime.remove("host")
        try await expectNothing(harness)
    }

    @Test func givesATerminalAndResizesIt() async throws {
        let harness = try await Harness()
        try await harness.run("host", "/bin/sleep", "600")
        let streams = try await harness.exec(
            "host",
            "t",
            "sh",
            "-c",
            "stty size; read x; stty size; echo got $x; exit 3",
            input: true,
            terminal: TerminalSize(columns: 80, rows: 24)
        )
        try await harness.runtime.resize("host", exec: "t", columns: 100, rows: 40)
        streams.write("abc\n")
        let text = try await streams.output(until: "got abc")
        #expect(text.contains("40 100\r\n"), "\(text)")
        #expect(try await harness.wait("host", exec: "t").code == 3)
        try await harness.runtime.resize("host", exec: "t", columns: 10, rows: 10)
        try await harness.runtime.remove("host")
        try await expectNothing(harness)
    }

    @Test func saysWhyAProcessCannotBeAdded() async throws {
        let harness = try await Harness()
        try await harness.run("host", "/bin/sleep", "600")
        let missing = await failure { _ = try await harness.exec("host", "m", "/bin/missing", "x") }
        guard case .cannotRun(program: "/bin/missing", container: "host", _)? = missing else {
            throw Unexpected(missing)
        }
        // Nothing is left of it: its name is free.
        _ = try await harness.exec("host", "m", "true")
        let twice = await failure { _ = try await harness.exec("host", "m", "true", input: true) }
        guard case .exists? = twice else { throw Unexpected(twice) }
        let empty = await failure { _ = try await harness.exec("host", "e") }
        guard case .invalid? = empty else { throw Unexpected(empty) }
        let none = await failure { _ = try await harness.exec("other", "n", "true") }
        #expect(none == .noContainer("other"))
        try await harness.runtime.kill("host", signal: 9)
        _ = try await harness.wait("host")
        let late = await failure { _ = try await harness.exec("host", "l", "true") }
        guard case .notRunning? = late else { throw Unexpected(late) }
        try await harness.runtime.remove("host")
        try await expectNothing(harness)
    }
}
