import Foundation
import HostAPIClient
import JSON
import TestSupport
import Testing

/// The program against the real server.
@Suite struct ProgramTests {
    @Test func getPrintsWhatIsInForce() async throws {
        let host = try await HostProcess()
        let all = try await host.client("get")
        #expect(all.status == 0 && all.errors == "")
        #expect(all.json?["settings"]?["motd"] == "Welcome")
        #expect(all.json?["os"]?["version_id"] == "1.2.3")
        #expect(all.output.contains("\n  \"os\": {\n"))
        for prefix in ["motd", "settings.motd", "settings.mo", "settings"] {
            #expect(
                try await host.client("get", prefix).json == ["settings": ["motd": "Welcome"]],
                "\(prefix)"
            )
        }
        let canonical = try await host.client("get", "os.arch", "motd", "--canonicalize")
        #expect(
            canonical.output.hasPrefix(#"{"os":{"arch":"#) && canonical.output.hasSuffix("\"Welcome\"}}\n")
        )
        #expect(
            try await host.client("get", "settings", "os.version", "--exclude", "motd").json == [
                "os": ["version_id": "1.2.3"]
            ]
        )
        #expect(try await host.client("get", "/os").json?["build_id"] == "abc")
        #expect(try await host.client("get", "/services").json?["motd"]?["configuration-files"] == ["motd"])

        let nothing = try await host.client("get", "settings.nothing")
        #expect(nothing.status == 1 && nothing.output == "")
        #expect(nothing.errors.hasPrefix("Failed to get settings: "))
        #expect(nothing.errors.contains("settings.nothing"))
        let unknown = try await host.client("get", "/nothing")
        #expect(unknown.status == 1)
        #expect(unknown.errors.hasPrefix("Failed to get settings: Status 404 when GETing /nothing: "))
    }

    @Test func setCommitsAndApplies() async throws {
        let host = try await HostProcess()
        let set = try await host.client("set", "motd=hi there")
        #expect(set.status == 0 && set.errors == "", "\(set.errors)")
        #expect(set.json?["changed"] == ["settings.motd"])
        #expect(set.json?["files"]?.elements?.first?["changed"] == true)
        #expect(host.rendered("/etc/motd") == "hi there\n")
        #expect(try await host.client("get", "motd").json == ["settings": ["motd": "hi there"]])

        let text = try await host.client("set", "-o", "text", "settings.motd=again")
        #expect(text.output.hasPrefix("Changed 1 setting:\n  settings.motd\n"))
        #expect(text.output.contains("FILE       RESULT\n/etc/motd  written\n"))
        #expect(text.output.contains("SERVICE  COMMAND"))
        let same = try await host.client("set", "-o", "text", "motd=again")
        #expect(same.status == 0)
        #expect(same.output.hasPrefix("Nothing changed"))

        let json = try await host.client(
            "set",
            "-j",
            #"{"settings": {"motd": "from json"}, "ntp": {"time-servers": ["10.0.0.1"]}}"#
        )
        #expect(json.json?["changed"] == ["settings.motd", "settings.ntp.time-servers"], "\(json.errors)")
        let unset = try await host.client("unset", "motd", "settings.ntp")
        #expect(unset.json?["changed"] == ["settings.motd", "settings.ntp.time-servers"], "\(unset.errors)")
        #expect(host.rendered("/etc/motd") == "Welcome\n")
        #expect(try await host.client("tx", "list").json == [])
    }

    @Test func aFailedChangeLeavesNothingBehind() async throws {
        let host = try await HostProcess()
        let bad = try await host.client("set", "motd=good", "network.hostname=-bad-", "nothing.here=1")
        #expect(bad.status == 1 && bad.output == "")
        #expect(bad.errors.hasPrefix("Failed to change settings: "))
        #expect(bad.errors.contains("settings.network.hostname") && bad.errors.contains("settings.nothing"))
        // The first document is staged before the second one is refused.
        try #"motd = "staged""#.write(toFile: host.folder.file("a.toml"), atomically: true, encoding: .utf8)
        let half = try await host.client("apply", host.folder.file("a.toml"), "-", input: #"{"nothing": 1}"#)
        #expect(half.status == 1)
        #expect(half.errors.contains("settings.nothing"), "\(half.errors)")
        #expect(try await host.client("tx", "list").json == [])
        #expect(try await host.client("get", "motd").json == ["settings": ["motd": "Welcome"]])
    }

    @Test func whatIsNotInEffectIsAFailure() async throws {
        let host = try await HostProcess()
        // A folder where the file should be.
        try? FileManager.default.removeItem(atPath: host.folder.file("root/etc/motd"))
        try FileManager.default.createDirectory(
            atPath: host.folder.file("root/etc/motd/x"),
            withIntermediateDirectories: true
        )
        let set = try await host.client("set", "motd=hi")
        #expect(set.status == 1)
        #expect(set.json?["changed"] == ["settings.motd"])
        #expect(
            set.errors.hasPrefix(
                "The settings are committed, but not all of them are in effect:\n  /etc/motd: "
            )
        )
        #expect(try await host.client("get", "motd").json == ["settings": ["motd": "hi"]])
    }

    @Test func applyReadsFilesInputAndBase64() async throws {
        let host = try await HostProcess()
        let file = host.folder.file("a b.toml")
        try "[settings.ntp]\ntime-servers = [\"10.0.0.1\"]\n".write(
            toFile: file,
            atomically: true,
            encoding: .utf8
        )
        let uri = "file://" + file.replacingOccurrences(of: " ", with: "%20")
        let apply = try await host.client(
            "apply",
            uri,
            "-",
            "base64:bW90ZCA9ICJsYXN0Igo=",
            input: #"{"motd": "first"}"#
        )
        #expect(apply.status == 0, "\(apply.errors)")
        #expect(apply.json?["changed"] == ["settings.motd", "settings.ntp.time-servers"])
        #expect(try await host.client("get", "motd").json == ["settings": ["motd": "last"]])
        #expect(try await host.client("apply", input: "motd = 'in'").status == 0)

        let broken = try await host.client("apply", input: "motd = \"x\"\n\nntp = [1,\n")
        #expect(broken.status == 1)
        #expect(broken.errors.contains("standard input, read as TOML: line "), "\(broken.errors)")
        let missing = try await host.client("apply", host.folder.file("missing"))
        #expect(missing.status == 1)
        #expect(missing.errors.contains("No such file or directory"))
        let base64 = try await host.client("apply", "base64:***")
        #expect(base64.status == 1 && base64.errors.contains("is not base64"))
        let type = try await host.client("apply", input: "motd = 1979-05-27\n[ntp]\ntime-servers = 7\n")
        #expect(type.status == 1 && type.errors.contains("settings.ntp.time-servers"), "\(type.errors)")
        #expect(try await host.client("tx", "list").json == [])
    }

    @Test func transactions() async throws {
        let host = try await HostProcess()
        let patch = try await host.client(
            "-m",
            "PATCH",
            "-u",
            "/settings?tx=mine",
            "-d",
            #"{"motd":"staged"}"#,
            "-v"
        )
        #expect(
            patch.status == 0 && patch.output == "" && patch.errors == "204 No Content\n",
            "\(patch.errors)"
        )
        #expect(try await host.client("tx", "list").json == ["mine"])
        #expect(try await host.client("tx", "list", "-o", "text").output == "mine\n")
        #expect(try await host.client("tx", "show", "mine").json?["settings"] == ["motd": "staged"])
        #expect(try await host.client("tx", "discard", "mine").json == ["settings.motd"])
        let empty = try await host.client("tx", "commit", "mine")
        #expect(empty.status == 1 && empty.errors.hasPrefix("Failed to commit the transaction: "))
        _ = try await host.client("raw", "-X", "PATCH", "-u", "/settings", "-d", #"{"motd":"staged"}"#)
        let commit = try await host.client("tx", "commit", "--no-apply")
        #expect(commit.json?["changed"] == ["settings.motd"], "\(commit.errors)")
        #expect(host.rendered("/etc/motd") != "staged\n")
    }

    @Test func rawShowsTheAnswer() async throws {
        let host = try await HostProcess()
        let os = try await host.client("-u", "/os")
        #expect(os.status == 0 && os.output.hasSuffix("}\n"))
        let failed = try await host.client("-u", "/tx/commit", "-m", "POST")
        #expect(failed.status == 1 && failed.output == "")
        #expect(
            failed.errors.hasPrefix(
                "Failed POST request to '/tx/commit': Status 422 when POSTing /tx/commit: "
            ),
            "\(failed.errors)"
        )
        let uri = try await host.client("-u", "os")
        #expect(uri.status == 1 && uri.errors.contains("must begin with '/'"))
    }

    @Test func generationsAndTrials() async throws {
        let host = try await HostProcess()
        _ = try await host.client("set", "motd=one")
        let list = try await host.client("generations", "list")
        let first = try #require(list.json?.elements?.last?["number"]?.integer)
        let trial = try await host.client("set", "motd=two", "--confirm-within", "600", "-o", "text")
        #expect(
            trial.output.contains("On trial: run 'apiclient confirm' within 600 seconds"),
            "\(trial.errors)"
        )
        #expect(
            try await host.client("generations", "list", "-o", "text").output.contains("s left, then back to")
        )
        let confirm = try await host.client("confirm")
        #expect(confirm.status == 0 && confirm.output == "", "\(confirm.errors)")
        let again = try await host.client("confirm")
        #expect(again.status == 1 && again.errors.hasPrefix("Failed to confirm the change: "))

        let diff = try await host.client("generations", "diff", "\(first)", "-o", "text")
        #expect(
            diff.output.hasSuffix("\n-settings.motd = \"one\"\n+settings.motd = \"two\"\n"),
            "\(diff.output)\(diff.errors)"
        )
        #expect(try await host.client("generations", "show", "\(first)").json?["settings"] == ["motd": "one"])
        let restore = try await host.client("generations", "restore", "\(first)")
        #expect(restore.json?["changed"] == ["settings.motd"], "\(restore.errors)")
        #expect(host.rendered("/etc/motd") == "one\n")
        let missing = try await host.client("generations", "show", "99999")
        #expect(missing.status == 1 && missing.errors.contains("99999"))
    }

    @Test func whatTheHostDoesNotHaveIsSaid() async throws {
        let host = try await HostProcess()
        for arguments in [
            ["exec", "admin", "ls", "-v"], ["update", "check"], ["update", "apply"], ["report", "cis"],
        ] {
            let run = try await HostProcess.run(
                host.program,
                ["apiclient", "-s", host.socket] + arguments,
                in: host.folder
            )
            #expect(run.status == 1 && run.output == "", "\(arguments)")
            #expect(run.errors.contains("Failed to "), "\(arguments): \(run.errors)")
        }
        #expect(try await host.client("health").json?["status"] != nil)
        #expect(try await host.client("report").output.contains("1.2.3"))
        #expect(try await host.client("reboot").status == 0)
        #expect(try await host.client("lockdown").status == 0)
        let locked = try await host.client("set", "motd=x")
        #expect(locked.status == 1 && locked.errors.hasPrefix("Failed to change settings: "))
    }

    @Test func eventsAreFollowed() async throws {
        let host = try await HostProcess()
        _ = try await host.client("set", "motd=seen")
        let events = try await host.client("events", "--after", "0", "--limit", "2", "--timeout", "10")
        let lines = events.output.split(separator: "\n").map { try? JSONValue(parsing: String($0)) }
        #expect(events.status == 0, "\(events.errors)")
        #expect(lines.first??["event"] == "commit", "\(events.output)")
    }

    /// A server that is killed when it has taken the connection and has not answered is one that restarts.
    @Test func eventsOutliveAServerThatNeverAnswered() async throws {
        let folder = try TemporaryDirectory()
        let server = Process()
        server.executableURL = URL(filePath: "/usr/bin/python3")
        server.arguments = ["-c", Self.closingServer, folder.file("api.sock")]
        server.standardInput = FileHandle.nullDevice
        let output = Pipe()
        server.standardOutput = output
        try server.run()
        defer {
            kill(server.processIdentifier, SIGKILL)
            server.waitUntilExit()
        }
        // It says that it listens.
        #expect(output.fileHandleForReading.availableData == Data("\n".utf8))
        let events = try runTool(
            try builtProgram("bulkhead-host"),
            ["apiclient", "-s", folder.file("api.sock"), "events"]
        )
        #expect(events.output.contains(#""event":"commit","id":1"#), "\(events.output)")
        #expect(events.status == 1)
    }

    /// Closes the first connection, sends an event on the second, and refuses the third, with which the client ends.
    private static let closingServer = """
        import socket, sys
        server = socket.socket(socket.AF_UNIX)
        server.bind(sys.argv[1])
        server.listen()
        print(flush=True)
        for answer in (
            b"",
            b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\nConnection: close\\r\\n\\r\\n"
            b'id: 1\\nevent: commit\\ndata: {"generation":7}\\n\\n',
            b"HTTP/1.1 404 Not Found\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n",
        ):
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(answer)
            connection.close()
        """
}
