import Foundation
import JSON
import SettingsModel
import SettingsStore
import Synchronization
import TestSupport
import Testing

/// The server is killed, the disk is full, a trial runs over a restart: what was acknowledged stays.
@Suite struct CrashTests {
    @Test func killedInALoopOfCommits() throws {
        let host = try TestHost()
        let acknowledged = Mutex(0)
        let attempted = Mutex(0)
        for round in 0..<22 {
            try host.start()
            let value = Int(try host.call("GET", "/settings").json["motd"]?.string ?? "0") ?? -1
            let range = acknowledged.withLock { $0 }...attempted.withLock { $0 }
            #expect(range.contains(value), "round \(round): \(value) is in force, \(range) is right")
            acknowledged.withLock { $0 = value }
            let worker = Thread {
                while true {
                    let next = attempted.withLock { number in
                        number += 1
                        return number
                    }
                    guard (try? host.commit(motd: "\(next)")) != nil else { return }
                    acknowledged.withLock { $0 = next }
                }
            }
            let before = acknowledged.withLock { $0 }
            worker.start()
            while acknowledged.withLock({ $0 }) < before + round % 5 + 1 { usleep(200) }
            usleep(UInt32.random(in: 0..<10_000))
            host.kill()
            while worker.isExecuting { usleep(200) }
        }
        #expect(acknowledged.withLock { $0 } > 22)
    }

    @Test func transactionsOutliveTheServer() throws {
        let host = try TestHost().start()
        #expect(try host.call("PATCH", "/settings?tx=kept", #"{"motd":"pending"}"#).status == 204)
        host.kill()
        try host.start()
        #expect(try host.call("GET", "/tx?tx=kept").json == ["motd": "pending"])
        #expect(try host.call("POST", "/tx/commit?tx=kept").json == ["settings.motd"])
    }

    @Test func eventsGoOnAfterARestart() throws {
        let host = try TestHost().start()
        try host.commit(motd: "one")
        let first = try host.call("GET", "/events?limit=1", headers: ["Last-Event-ID: 0"]).text
        let id = try #require(first.firstMatch(of: /id: ([0-9]+)\n/)?.1)
        for _ in 0..<5 { try host.commit(motd: "\(Int.random(in: 0...Int.max))") }
        host.kill()
        try host.start()
        // Fewer events than the server before had: none of them may be taken for seen.
        try host.commit(motd: "two")
        let next = try host.call("GET", "/events?limit=1", headers: ["Last-Event-ID: \(id)"]).text
        #expect(next.contains("event: commit\n"))
    }

    @Test func committedAndNotApplied() throws {
        let host = try TestHost().start()
        let debt = host.folder.file("run/apply-pending")
        #expect(try host.call("PATCH", "/settings", #"{"motd":"old"}"#).status == 204)
        #expect(try host.call("POST", "/tx/commit_and_apply").status == 200)
        #expect(!FileManager.default.fileExists(atPath: debt))
        let number = try #require(
            try host.call("GET", "/generations").json.elements?.last?["number"]?.integer
        )
        try host.commit(motd: "new")
        host.kill()
        #expect(host.rendered("/etc/motd") == "old\n")
        // What a server leaves that was killed between a commit and its end.
        for text in ["\(number)", "", "99999"] {
            try text.write(toFile: debt, atomically: false, encoding: .utf8)
            try "stale".write(toFile: host.folder.file("run/etc/motd"), atomically: false, encoding: .utf8)
            try host.start()
            for _ in 0..<400 where FileManager.default.fileExists(atPath: debt) { usleep(50_000) }
            #expect(host.rendered("/etc/motd") == "new\n")
            #expect(!FileManager.default.fileExists(atPath: debt))
            host.kill()
        }
    }

    @Test func trialIsConfirmed() throws {
        let host = try TestHost().start()
        #expect(isProblem(try host.call("POST", "/tx/confirm"), 409))
        #expect(isProblem(try host.call("POST", "/tx/commit?confirm-within=5"), 400, "confirm-within"))
        try host.commit(motd: "old")
        #expect(try host.call("PATCH", "/settings", #"{"motd":"new"}"#).status == 204)
        #expect(try host.call("POST", "/tx/commit_and_apply?confirm-within=600").status == 200)
        host.kill()
        try host.start()
        let last = try host.call("GET", "/generations").json.elements?.last
        #expect((last?["trial"]?["seconds_left"]?.integer ?? 0) > 0)
        #expect(try host.call("POST", "/tx/confirm").status == 204)
        #expect(isProblem(try host.call("POST", "/tx/confirm"), 409))
        #expect(try host.call("GET", "/generations").json.elements?.last?["reason"] == "confirm")
        #expect(try host.call("GET", "/settings").json["motd"] == "new")
    }

    @Test func restoringWhatWouldComeBackEndsATrial() throws {
        let host = try TestHost().start()
        try host.commit(motd: "old")
        let one = try #require(try host.call("GET", "/generations").json.elements?.last?["number"]?.integer)
        #expect(try host.call("PATCH", "/settings", #"{"motd":"new"}"#).status == 204)
        #expect(try host.call("POST", "/tx/commit_and_apply?confirm-within=600").status == 200)
        #expect(try host.call("POST", "/generations/\(one)/restore").status == 200)
        #expect(isProblem(try host.call("POST", "/tx/confirm"), 409))
        let events = try host.call("GET", "/events?timeout=1", headers: ["Last-Event-ID: 0"]).text
        #expect(events.contains(#""state":"returned""#))
    }

    @Test func whoeverFollowsEventsIsConnectedAgainAfterACrash() throws {
        let host = try TestHost().start()
        let output = host.folder.file("events")
        _ = FileManager.default.createFile(atPath: output, contents: nil)
        let client = Process()
        client.executableURL = URL(filePath: try builtProgram("bulkhead-host"))
        client.arguments = ["apiclient", "-s", host.socket, "events"]
        client.standardInput = FileHandle.nullDevice
        client.standardOutput = try FileHandle(forWritingTo: URL(filePath: output))
        client.standardError = FileHandle.nullDevice
        try client.run()
        defer {
            Glibc.kill(client.processIdentifier, SIGKILL)
            client.waitUntilExit()
        }
        func waitUntilItFollows() throws {
            for _ in 0..<400 {
                let lines = try host.call("GET", "/metrics").text.split(separator: "\n")
                let count = lines.first { $0.hasPrefix("bulkhead_api_watchers ") }?.split(separator: " ").last
                if count.flatMap({ Double($0) }) == 1 { return }
                usleep(50_000)
            }
            Issue.record("nobody follows events")
        }
        // It has seen none when the server is killed.
        try waitUntilItFollows()
        host.kill()
        try host.start()
        try waitUntilItFollows()
        try host.commit(motd: "later")
        var seen = ""
        for _ in 0..<400 where !seen.contains("\"event\":\"commit\"") {
            usleep(50_000)
            seen = try String(contentsOfFile: output, encoding: .utf8)
        }
        #expect(seen.contains("\"event\":\"commit\""), "\(seen)")
    }

    /// - Parameter age: how long ago the commit was made, in seconds.
    @Test(arguments: [0, 1000] as [Int64])
    func trialThatNobodyConfirms(_ age: Int64) throws {
        let host = try TestHost()
        do {
            let store = try SettingsStore(
                files: FolderStoreFiles(path: host.folder.file("state")),
                osVersion: "1.2.3",
                now: { Int64(time(nil)) - age }
            )
            let author = Generation.Author(user: 0, group: 0, process: 1, program: "test")
            let key = try SettingKey(parsing: "motd")
            try store.stage([key: .set("old", .strong)], in: "a")
            _ = try store.commit("a", by: author)
            try store.stage([key: .set("new", .strong)], in: "a")
            _ = try store.commit("a", by: author, confirmWithin: 2)
        }
        try host.start()
        // The return is applied, too: the file is the last thing that changes.
        for _ in 0..<400 where host.rendered("/etc/motd") != "old\n" { usleep(50_000) }
        #expect(host.rendered("/etc/motd") == "old\n")
        #expect(try host.call("GET", "/settings").json["motd"] == "old")
        #expect(try host.call("GET", "/generations").json.elements?.last?["reason"] == "unconfirmed")
        let events = try host.call("GET", "/events?timeout=1", headers: ["Last-Event-ID: 0"]).text
        #expect(events.contains(#""state":"returned""#))
    }

    @Test func fullAndReadOnlyStore() throws {
        let host = try TestHost()
        let state = host.folder.file("state")
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        guard getuid() == 0,
            try runTool("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", state).status == 0
        else {
            print("SKIPPED: fullAndReadOnlyStore needs root and mount(2) to make a small file system")
            return
        }
        defer {
            host.kill()
            _ = try? runTool("umount", "-l", state)
        }
        try host.start()
        try host.commit(motd: "kept")
        let keys = (0..<4000).map { "\"net.ipv4.conf.e\($0).mtu\":\"\($0)\"" }.joined(separator: ",")
        let big = #"{"kernel":{"sysctl":{\#(keys)}}}"#
        let staged = try host.call("PATCH", "/settings?tx=big", big)
        let full = staged.status == 204 ? try host.call("POST", "/tx/commit?tx=big") : staged
        #expect(isProblem(full, 500, "full"), "\(full.status) \(full.text)")
        #expect(try host.call("GET", "/settings").json["motd"] == "kept")
        _ = try host.call("DELETE", "/tx?tx=big")
        try host.commit(motd: "after full")
        #expect(try runTool("mount", "-o", "remount,ro", state).status == 0)
        #expect(isProblem(try host.call("PATCH", "/settings", #"{"motd":"x"}"#), 500, "read-only"))
        #expect(try host.call("GET", "/settings").json["motd"] == "after full")
        host.kill()
        // Also a store that can't be written is served for reading.
        try host.start()
        #expect(try host.call("GET", "/settings").json["motd"] == "after full")
        #expect(try runTool("mount", "-o", "remount,rw", state).status == 0)
        try host.commit(motd: "writable again")
        #expect(try host.call("GET", "/settings").json["motd"] == "writable again")
    }
}
