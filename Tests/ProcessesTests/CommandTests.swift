import Foundation
import TestSupport
import Testing

@testable import Processes

@Suite(.timeLimit(.minutes(1)))
struct CommandTests {
    @Test func collectsBothStreams() async throws {
        let output = try await Command("/bin/sh", ["-c", "echo out; echo err >&2"]).run()
        #expect(output.text == "out\n")
        #expect(output.standardError == "err\n")
        #expect(output.status.isSuccess)
    }

    @Test func findsProgramsOfTheSbinDirectories() throws {
        let path = try Command("ldconfig", environment: ["PATH": "/nonexistent"]).resolvedExecutable()
        #expect(path.hasSuffix("/sbin/ldconfig"))
    }

    @Test func anExitStatusIsAnErrorThatQuotesStandardError() async throws {
        let command = Command("/bin/sh", ["-c", "echo one >&2; echo 'disk is gone' >&2; exit 3"])
        let error = await #expect(throws: ProcessError.self) { try await command.run() }
        #expect(
            error
                == .failed(
                    command: command.commandLine,
                    status: .exited(3),
                    message: "one\ndisk is gone"
                )
        )
        #expect("\(try #require(error))".contains("status 3: one\ndisk is gone"))
        #expect(try await command.runReturningStatus().status == .exited(3))
    }

    @Test func aSignalIsToldFromAStatus() async throws {
        let output = try await Command("/bin/sh", ["-c", "kill -SEGV $$"]).runReturningStatus()
        #expect(output.status == .signalled(SIGSEGV))
        #expect(output.status.code == 139)
    }

    @Test(arguments: ["bulkhead-no-such-program", "/nonexistent/program", "", "/etc/passwd", "/etc"])
    func aMissingProgramIsNamedWithTheRemedy(name: String) async {
        let error = await #expect(throws: ProcessError.self) {
            try await Command(name, remedy: "install it").run()
        }
        #expect(error == .notFound(executable: name, remedy: "install it"))
    }

    @Test func argumentsAndEnvironmentArriveUnchanged() async throws {
        let arguments = ["", "a b", "*", "'", "ü", "$HOME"]
        let output = try await Command(
            "/usr/bin/env",
            ["sh", "-c", #"printf '%s|' "$X" "$@""#, "sh"] + arguments,
            environment: ["PATH": "/usr/bin:/bin"],
            environmentOverrides: ["X": "y"]
        ).run()
        #expect(output.text == (["y"] + arguments).map { "\($0)|" }.joined())
    }

    @Test func theEnvironmentIsInheritedOrReplaced() async throws {
        setenv("BULKHEAD_TEST_VARIABLE", "seen", 1)
        let inherited = try await Command("/usr/bin/env").run()
        #expect(inherited.text.contains("BULKHEAD_TEST_VARIABLE=seen"))
        let replaced = try await Command("/usr/bin/env", environment: ["A": "b"]).run()
        #expect(replaced.text == "A=b\n")
    }

    @Test func aNulCharacterIsRefused() async {
        let error = await #expect(throws: ProcessError.self) {
            try await Command("/bin/echo", ["a\0b"]).run()
        }
        #expect("\(String(describing: error))".contains("NUL"))
    }

    @Test func standardInputIsFedWhileOutputIsRead() async throws {
        // More than both pipes hold together, so that writing all before reading would hang.
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let output = try await Command("/bin/cat").run(input: bytes)
        #expect(output.standardOutput == bytes)
        #expect(try await Command("/bin/cat").run().standardOutput.isEmpty)
    }

    @Test func inputLeftUnreadIsNoError() async throws {
        let output = try await Command("/usr/bin/head", ["-c", "1"]).run(
            input: [UInt8](repeating: 65, count: 1 << 20)
        )
        #expect(output.text == "A")
    }

    @Test func theWorkingDirectoryIsUsed() async throws {
        let directory = try TemporaryDirectory()
        let output = try await Command("/bin/pwd", workingDirectory: directory.path).run()
        #expect(output.text.hasSuffix("\(directory.url.lastPathComponent)\n"))
        let error = await #expect(throws: ProcessError.self) {
            try await Command("/bin/pwd", workingDirectory: directory.file("missing")).run()
        }
        guard case .cannotStart = error else {
            Issue.record("expected .cannotStart, got \(String(describing: error))")
            return
        }
    }

    @Test func tooMuchOutputEndsTheProgram() async {
        let command = Command("/usr/bin/yes", outputLimit: 100_000)
        let error = await #expect(throws: ProcessError.self) { try await command.run() }
        #expect(error == .outputTooLarge(command: "/usr/bin/yes", limit: 100_000))
    }

    @Test func onlyTheEndOfStandardErrorIsKept() async throws {
        let output = try await Command("/bin/sh", ["-c", "seq 1 100000 >&2"]).run()
        #expect(output.standardError.utf8.count <= Command.standardErrorLimit)
        #expect(output.standardError.hasSuffix("99999\n100000\n"))
        #expect(Command.lastLines(of: output.standardError).hasSuffix("99999\n100000"))
    }

    @Test func theTimeLimitEndsTheWholeProcessGroup() async throws {
        let directory = try TemporaryDirectory()
        let file = directory.file("pid")
        // The grandchild ignores SIGTERM and holds the pipes; its parent does not.
        let script = "(trap '' TERM; echo $$ >\(file); exec sleep 300) & sh -c 'echo late words >&2'; wait"
        let command = Command("/bin/sh", ["-c", script], timeout: .milliseconds(500))
        let error = await #expect(throws: ProcessError.self) { try await command.run() }
        #expect(
            error
                == .timedOut(command: command.commandLine, limit: .milliseconds(500), message: "late words")
        )
        let leader = try #require(pid_t(String(contentsOfFile: file, encoding: .utf8).dropLast()))
        #expect(await groupIsGone(leader))
    }

    @Test func cancellationEndsTheProgram() async throws {
        let directory = try TemporaryDirectory()
        let file = directory.file("pid")
        let command = Command(
            "/bin/sh",
            ["-c", "echo $$ >\(file).new; mv \(file).new \(file); sleep 300; true"]
        )
        let task = Task { try await command.run() }
        while !FileManager.default.fileExists(atPath: file) { try await Task.sleep(for: .milliseconds(10)) }
        task.cancel()
        let error = await #expect(throws: ProcessError.self) { try await task.value }
        #expect(error == .cancelled(command: command.commandLine))
        let leader = try #require(pid_t(String(contentsOfFile: file, encoding: .utf8).dropLast()))
        #expect(await groupIsGone(leader))
    }

    @Test func aCancelledTaskStartsNothing() async throws {
        let directory = try TemporaryDirectory()
        let file = directory.file("made")
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await Command("/usr/bin/touch", [file]).run()
        }
        await #expect(throws: ProcessError.self) { try await task.value }
        #expect(!FileManager.default.fileExists(atPath: file))
    }

    @Test func manyProgramsRunAtOnce() async throws {
        let total = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 1...40 {
                group.addTask {
                    try await Int(Command("/bin/echo", ["-n", "\(number)"]).run().text) ?? 0
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(total == 820)
    }

    @Test func aCommandLineCanBePastedIntoAShell() async throws {
        let command = Command("printf", ["%s|", "it's", "", "a b", "--x=1"])
        #expect(command.commandLine == #"printf '%s|' 'it'\''s' '' 'a b' --x=1"#)
        let output = try await Command("/bin/sh", ["-c", command.commandLine]).run()
        #expect(output.text == "it's||a b|--x=1|")
    }

    /// Whether a process group has no members left; the kernel needs a moment after SIGKILL.
    private func groupIsGone(_ group: pid_t) async -> Bool {
        for _ in 0..<500 {
            if !groupHasLiveMembers(group) { return true }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    /// Zombies that nobody reaps (an orphan in a container without an init) do not count as alive.
    private func groupHasLiveMembers(_ group: pid_t) -> Bool {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.contains { name in
            guard pid_t(name) != nil,
                let status = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8),
                let close = status.lastIndex(of: ")")
            else { return false }
            let fields = status[status.index(after: close)...].split(separator: " ")
            return fields.count > 2 && fields[0] != "Z" && pid_t(fields[2]) == group
        }
    }
}
