import APIServer
import Foundation
import HostAPI
import HostAPIServer
import JSON
import NIOCore
import TestSupport
import Testing

/// Operations of updates on their way through the API server, over real sockets.
@Suite struct UpdateRelayTests {
    private static let commands: [(path: String, operation: HostAPI.Operation)] = [
        ("/actions/refresh-updates", .refreshUpdates), ("/actions/prepare-update", .prepareUpdate),
        ("/actions/activate-update", .activateUpdate), ("/actions/deactivate-update", .deactivateUpdate),
    ]

    @Test func statusesAndProblemsPassThrough() async throws {
        try await withUpdater { host, updater in
            for (index, command) in Self.commands.enumerated() {
                updater.answer(command.operation) { () throws(Problem) in
                    guard index > 0 else { return .nothing }
                    throw Problem(
                        type: "/problems/x",
                        title: "T",
                        status: [204, 404, 409, 423][index],
                        detail: "the reason \(index)"
                    )
                }
            }
            updater.answer(.getUpdateStatus) { .json(SampleUpdater.status(["later": ["new": [1]]])) }
            try await blocking {
                #expect(try host.call("POST", Self.commands[0].path).status == 204)
                for (index, status) in [(1, 404), (2, 409), (3, 423)] {
                    let answer = try host.call("POST", Self.commands[index].path)
                    #expect(isProblem(answer, status, "the reason \(index)"), "\(answer.text)")
                    #expect(answer.json["type"] == "/problems/x")
                }
                let status = try host.call("GET", "/updates/status")
                #expect(status.status == 200)
                #expect(status.json == SampleUpdater.status(["later": ["new": [1]]]))
            }
            let commands = updater.requests.filter { $0 != .getUpdateStatus }
            #expect(commands == Self.commands.map(\.operation))
        }
    }

    @Test func parametersPassThrough() async throws {
        try await withUpdater { host, updater in
            updater.answer(.refreshUpdates) { .nothing }
            let status = try await blocking {
                try host.call("POST", "/actions/refresh-updates?version=1.2.3%2Brc%26x&ignore-waves=true")
                    .status
            }
            #expect(status == 204 && updater.lastVersion == "1.2.3+rc&x")
        }
    }

    /// No socket, a socket that nobody serves, and what is no updater at all.
    @Test func withoutAnUpdater() async throws {
        let host = try TestHost()
        try await withServer(host) {
            for state in ["missing", "left over"] {
                if state == "left over" {
                    close(try ListeningSocket.bind(path: host.updaterSocket, mode: 0o600))
                }
                try await blocking {
                    for command in Self.commands {
                        #expect(
                            isProblem(try host.call("POST", command.path), 409, "updater.service"),
                            "\(state)"
                        )
                    }
                    #expect(
                        isProblem(try host.call("GET", "/updates/status"), 404, "updater.service"),
                        "\(state)"
                    )
                    // That a unit is not there is told elsewhere.
                    #expect(try host.call("GET", "/health").json["status"] == "ok")
                    let metrics = try host.call("GET", "/metrics").text
                    #expect(!metrics.contains("bulkhead_update_state"))
                }
            }
        }
    }

    @Test func anUpdaterThatFailsIsNotTakenForOneThatAnswers() async throws {
        try await withUpdater { host, updater in
            updater.answer(.getUpdateStatus) { .content(.init(string: "{"), mediaType: "application/json") }
            updater.answer(.refreshUpdates) { () throws(Problem) in
                throw Problem(status: 500, detail: "the disk has gone")
            }
            try await blocking {
                #expect(isProblem(try host.call("GET", "/updates/status"), 500, "updater.service"))
                #expect(
                    isProblem(try host.call("POST", "/actions/refresh-updates"), 500, "the disk has gone")
                )
                let health = try host.call("GET", "/health").json
                #expect(health["status"] == "degraded")
                #expect(health["problems"]?.elements?.first?["source"] == "update")
            }
        }
    }

    /// One that is there and does not answer holds nobody up but those who ask it.
    @Test func anUpdaterThatHangs() async throws {
        try await withUpdater { host, updater in
            updater.answer(.prepareUpdate) { () throws(Problem) in
                try? await Task.sleep(for: .seconds(60))
                return .nothing
            }
            updater.answer(.getUpdateStatus) { () throws(Problem) in
                try? await Task.sleep(for: .seconds(60))
                return .nothing
            }
            try await blocking {
                let waiting = try (0..<20).map { _ in try Wire(host.socket) }
                for wire in waiting { wire.send(TestHost.request("POST", "/actions/prepare-update")) }
                let status = try Wire(host.socket)
                status.send(TestHost.request("GET", "/updates/status"))
                try host.commit(motd: "meanwhile")
                #expect(try host.call("GET", "/settings?keys=settings.motd").json == ["motd": "meanwhile"])
                let health = try host.call("GET", "/health").json
                #expect(
                    health["problems"]?.elements?.first?["message"]?.string?.contains("did not answer")
                        == true
                )
                #expect(try host.call("GET", "/metrics").status == 200)
            }
        }
    }

    @Test func aFailedUpdateIsPartOfTheHealth() async throws {
        try await withUpdater { host, updater in
            let failed: JSONValue = [
                "version": "1.3.0", "reason": "containerd does not answer", "time": "2026-01-31T12:00:00Z",
            ]
            updater.answer(.getUpdateStatus) { .json(SampleUpdater.status(["failed_update": failed])) }
            try await blocking {
                let health = try host.call("GET", "/health").json
                #expect(health["status"] == "degraded")
                let problem = health["problems"]?.elements?.first
                #expect(problem?["source"] == "update" && problem?["time"] == "2026-01-31T12:00:00Z")
                let message = problem?["message"]?.string ?? ""
                #expect(message.contains("1.3.0") && message.contains("containerd does not answer"))
                let metrics = try host.call("GET", "/metrics").text
                #expect(metrics.contains(#"bulkhead_update_state{state="Available"} 1"#))
                #expect(metrics.contains(#"bulkhead_update_state{state="Staged"} 0"#))
            }
        }
    }

    @Test func whoAskedIsLogged() async throws {
        let host = try TestHost().start()
        let updater = SampleUpdater(at: host.updaterSocket)
        updater.answer(.activateUpdate) { .nothing }
        try await updater.start()
        try await blocking { () throws in
            let status = try host.call("POST", "/actions/activate-update").status
            #expect(status == 204)
            let line = host.log.split(separator: "\n").first { $0.contains("update command asked for") }
            #expect(line?.contains("activate-update") == true, "\(host.log)")
            #expect(line?.contains("PEER_PID=\(getpid())") == true, "\(host.log)")
            #expect(host.stop() == 0)
        }
        await updater.stop()
    }
}

/// The updater's events for clients of `/events`.
@Suite struct UpdateEventTests {
    /// The next event; signs of life are none.
    private static func event(_ wire: Wire) throws -> String {
        while true {
            let message = try wire.read(until: "\n\n")
            if message.contains("event: ") { return message }
        }
    }

    @Test func watchersSeeWhatTheUpdaterTells() async throws {
        try await withUpdater { host, updater in
            #expect(updater.events.count == 0)
            let first = try await blocking {
                let wire = try Wire(host.socket)
                wire.send(TestHost.request("GET", "/events"))
                _ = try wire.read(until: "\r\n\r\n")
                return wire
            }
            // It stands before the client has its head.
            #expect(updater.events.count == 1)
            let second = try await blocking {
                let wire = try Wire(host.socket)
                wire.send(TestHost.request("GET", "/events"))
                _ = try wire.read(until: "\r\n\r\n")
                return wire
            }
            #expect(updater.events.count == 1)
            updater.events.publish(.health, ["status": "ok"])
            updater.events.publish(.update, SampleUpdater.status(["progress": ["done": 1]]))
            try await blocking {
                for wire in [first, second] {
                    let event = try Self.event(wire)
                    #expect(event.contains("event: update\n"))
                    #expect(event.contains(#""progress":{"done":1}"#))
                }
            }
        }
    }

    /// The updater restarts: the subscription comes back by itself, and nothing is told twice.
    @Test func theUpdaterMayRestart() async throws {
        let host = try TestHost()
        let old = SampleUpdater(at: host.updaterSocket)
        try await old.start()
        try await withServer(host) {
            let wire = try await blocking {
                let wire = try Wire(host.socket)
                wire.send(TestHost.request("GET", "/events"))
                _ = try wire.read(until: "\r\n\r\n")
                return wire
            }
            old.events.publish(.update, ["number": 1])
            let event1 = try await blocking { try Self.event(wire) }
            #expect(event1.contains(#"{"number":1}"#))
            await old.stop()
            let new = SampleUpdater(at: host.updaterSocket)
            try await new.start()
            // Told while nobody listens: it is fetched when the subscription is back.
            new.events.publish(.update, ["number": 2])
            let event2 = try await blocking { try Self.event(wire) }
            #expect(event2.contains(#"{"number":2}"#))
            await new.stop()
        }
    }

    /// A command's events are kept for clients that come back, though nobody watches while it is at work.
    @Test func aCommandIsFollowedWithoutWatchers() async throws {
        try await withUpdater { host, updater in
            let begin = EventHub.microseconds
            updater.answer(.refreshUpdates) { [events = updater.events] in
                events.publish(.update, ["number": 1])
                return .nothing
            }
            let status = try await blocking { try host.call("POST", "/actions/refresh-updates").status }
            #expect(status == 204)
            #expect(updater.events.count == 1)
            try await blocking {
                let header = "Last-Event-ID: \(begin - 60_000_000)"
                let event = try host.call("GET", "/events?limit=1", headers: [header])
                #expect(event.text.contains(#"{"number":1}"#), "\(event.text)")
            }
        }
    }

    @Test func aFailureThatWasFoundBeforeIsToldOnce() async throws {
        try await withUpdater { host, updater in
            let failed: JSONValue = ["version": "1.3.0", "reason": "x", "time": "2026-01-31T12:00:00Z"]
            updater.answer(.getUpdateStatus) { .json(SampleUpdater.status(["failed_update": failed])) }
            try await blocking {
                let event = try host.call("GET", "/events?limit=1")
                #expect(event.text.contains(#""version":"1.3.0""#), "\(event.text)")
                let second = try host.call("GET", "/events?timeout=1")
                #expect(!second.text.contains("event:"), "\(second.text)")
            }
        }
    }

    @Test func withoutAnUpdaterWatchingGoesOn() async throws {
        let host = try TestHost()
        try await withServer(host) {
            try await blocking {
                let wire = try Wire(host.socket)
                wire.send(TestHost.request("GET", "/events"))
                _ = try wire.read(until: "\r\n\r\n")
                try host.commit(motd: "x")
                #expect(try Self.event(wire).contains("event: commit\n"))
            }
        }
    }
}
