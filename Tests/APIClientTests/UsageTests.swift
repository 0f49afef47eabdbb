import Foundation
import TestSupport
import Testing

/// What the program does without a server.
@Suite struct UsageTests {
    private func run(_ arguments: String..., input: String? = nil) async throws -> HostProcess.Run {
        let folder = try TemporaryDirectory()
        let program = try builtProgram("bulkhead-host")
        return try await HostProcess.run(program, ["apiclient"] + arguments, input: input, in: folder)
    }

    @Test func exitStatuses() async throws {
        let help = try await run("--help")
        #expect(help.status == 0 && help.errors == "")
        #expect(
            help.output.contains("USAGE: apiclient ") && help.output.contains("apiclient get settings.ntp")
        )
        #expect(try await run("update", "apply", "-h").output.contains("--reboot"))
        for arguments in [["frobnicate"], ["set"], ["get", "--nothing"], ["set", "-j", "{"]] {
            let folder = try TemporaryDirectory()
            let wrong = try await HostProcess.run(
                try builtProgram("bulkhead-host"),
                ["apiclient"] + arguments,
                in: folder
            )
            #expect(
                wrong.status == 2 && wrong.output == "" && wrong.errors.contains("Usage: apiclient"),
                "\(arguments)"
            )
        }
        let missing = try await run("-s", "/nowhere/api.sock", "set", "motd=x")
        #expect(missing.status == 1 && missing.output == "")
        #expect(
            missing.errors
                == "Failed to change settings: there is no socket /nowhere/api.sock: is apiserver running? (-s names another socket)\n"
        )
    }

    @Test func underItsOwnName() async throws {
        let folder = try TemporaryDirectory()
        let link = folder.file("apiclient")
        try FileManager.default.createSymbolicLink(
            atPath: link,
            withDestinationPath: try builtProgram("bulkhead-host")
        )
        let help = try await HostProcess.run(link, ["get", "--help"], in: folder)
        #expect(help.status == 0 && help.output.contains("USAGE: apiclient get"))
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func completionScriptsAreWellFormed(shell: String) async throws {
        let script = try await run("completion", shell)
        #expect(script.status == 0)
        #expect(script.output.contains("generations") && script.output.contains("confirm-within"))
        if shell == "bash" {
            let folder = try TemporaryDirectory()
            let path = folder.file("script")
            try script.output.write(toFile: path, atomically: true, encoding: .utf8)
            #expect(try runTool("bash", "-n", path).status == 0)
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root can become somebody else"))
    func noPermission() async throws {
        let host = try await HostProcess()
        // The folder may be passed by everyone, so that the socket itself refuses.
        try FileManager.default.setAttributes([.posixPermissions: 0o711], ofItemAtPath: host.folder.path)
        try FileManager.default.setAttributes([.posixPermissions: 0o660], ofItemAtPath: host.socket)
        let command =
            "exec setpriv --reuid=65534 --regid=65534 --clear-groups -- \"$0\" apiclient -s \"$1\" get"
        let run = try await HostProcess.run(
            "/bin/sh",
            ["-c", command, host.program, host.socket],
            in: host.folder
        )
        try #require(!run.errors.contains("setpriv:"), "\(run.errors)")
        #expect(run.status == 1)
        #expect(run.errors.contains("as a member of the group api"), "\(run.errors)")
    }

    @Test func aClosedPipeEndsItQuietly() async throws {
        let host = try await HostProcess()
        // The reader is gone before the client writes.
        let script = "{ sleep 0.5; \"$0\" apiclient -s \"$1\" get; echo $? >&2; } | true"
        let run = try await HostProcess.run(
            "/bin/sh",
            ["-c", script, host.program, host.socket],
            in: host.folder
        )
        #expect(run.errors == "141\n")
    }

    @Test(arguments: ["get", "events --after 0 --limit 1"])
    func aFullDeviceIsAFailure(_ command: String) async throws {
        let host = try await HostProcess()
        _ = try await host.client("set", "motd=x")
        let script = "\"$0\" apiclient -s \"$1\" \(command) > /dev/full; echo $? >&2"
        let run = try await HostProcess.run(
            "/bin/sh",
            ["-c", script, host.program, host.socket],
            in: host.folder
        )
        #expect(run.errors == "could not write the result: No space left on device\n1\n")
    }
}
