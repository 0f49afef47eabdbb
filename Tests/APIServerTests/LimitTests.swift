import HostAPI
import APIServer
import Features
import Foundation
import HostAPIServer
import JSON
import NIOCore
import SettingsApply
import SettingsModel
import SettingsStore
import TestSupport
import Testing

/// Limits in time and number, with shorter times than on a host.
@Suite struct LimitTests {
    private static let short: ServerLimits = {
        var limits = ServerLimits()
        limits.idle = .milliseconds(300)
        limits.request = .milliseconds(300)
        limits.write = .milliseconds(300)
        limits.drain = .milliseconds(100)
        limits.tick = .milliseconds(50)
        limits.watchers = 2
        limits.connections = 8
        return limits
    }()

    @Test func slowClients() async throws {
        let host = try TestHost()
        try await withServer(host, limits: Self.short) {
            try await blocking {
                let inHead = try Wire(host.socket)
                inHead.send("GET /settings HTTP/1.1\r\nHos")
                #expect(isProblem(try inHead.response(), 408))
                #expect(inHead.isClosed())
                let inBody = try Wire(host.socket)
                inBody.send("PATCH /settings HTTP/1.1\r\nHost: l\r\nContent-Length: 100\r\n\r\n{")
                #expect(isProblem(try inBody.response(), 408))
                #expect(inBody.isClosed())
                let inSpace = try Wire(host.socket)
                inSpace.send(
                    "PATCH /settings HTTP/1.1\r\nHost: l\r\nContent-Length: 100\r\n\r\n{\"motd\":\"x\"}"
                )
                #expect(isProblem(try inSpace.response(), 408))
                #expect(inSpace.isClosed())
                #expect(try host.call("GET", "/tx").json == [:])
                let idle = try Wire(host.socket)
                #expect(idle.isClosed())
                let between = try Wire(host.socket)
                between.send(TestHost.request("GET", "/settings"))
                #expect(try between.response().status == 200)
                #expect(between.isClosed())
            }
        }
    }

    /// Bodies of all clients together have a limit, and whoever keeps the room and does not go on loses it.
    @Test func bodiesTogether() async throws {
        let host = try TestHost()
        var limits = ServerLimits()
        limits.bodies = 1 << 20
        limits.patience = .milliseconds(300)
        limits.drain = .milliseconds(100)
        try await withServer(host, limits: limits) {
            try await blocking {
                let head = "PATCH /settings HTTP/1.1\r\nHost: l\r\nContent-Length: 700000\r\n\r\n"
                let hog = try Wire(host.socket)
                hog.send(head + String(repeating: " ", count: 600_000))
                let large = #"{"motd":"x"}"# + String(repeating: " ", count: 600_000)
                var (refused, tries) = (0, 0)
                var answer = try host.call("PATCH", "/settings", large)
                // The first one may come before the hog's body is counted, or before it is slow.
                while tries < 100, answer.status == 503 || refused == 0 {
                    tries += 1
                    if answer.status == 503 {
                        #expect(isProblem(answer, 503, "again"))
                        #expect(answer.headers["retry-after"] == "1")
                        refused += 1
                    }
                    usleep(50_000)
                    answer = try host.call("PATCH", "/settings", large)
                }
                #expect(refused > 0 && answer.status == 204, "\(answer.text)")
                // Without an answer, this ends with an error.
                let lost = try hog.response()
                #expect(isProblem(lost, 503) && lost.headers["retry-after"] != nil)
                #expect(hog.isClosed())
                // What was answered keeps no room, on one connection or many, nor does who goes away.
                let wire = try Wire(host.socket)
                for _ in 0..<5 {
                    wire.send(TestHost.request("PATCH", "/settings", large))
                    #expect(try wire.response().status == 204)
                    try Wire(host.socket).send(head + String(repeating: " ", count: 300_000))
                    usleep(20_000)
                }
                // Refused before its body came.
                wire.send(
                    TestHost.request("PATCH", "/settings", large, headers: ["Content-Type: text/plain"])
                )
                #expect(try wire.response().status == 415)
                #expect(try host.call("PATCH", "/settings", large).status == 204)
            }
        }
    }

    @Test func clientsThatDoNotRead() async throws {
        let host = try TestHost()
        try await withServer(host, limits: Self.short) {
            try await blocking {
                let deaf = try Wire(host.socket)
                let request = TestHost.request("GET", "/openapi.json")
                deaf.send(String(repeating: request, count: 200))
                // It is closed although it never reads; others are served meanwhile.
                #expect(try host.call("GET", "/settings").status == 200)
                usleep(1_500_000)
                let answers = deaf.readAll()
                #expect(answers.count < 200 * 10_000)
                #expect(try host.call("GET", "/settings").status == 200)
            }
        }
    }

    /// A client that sends and does not read is not read from either, and gets everything once it reads.
    @Test func pipelinesThatAreNotRead() throws {
        let host = try TestHost().start()
        let count = 40_000
        let deaf = try Wire(host.socket)
        let sender = Thread {
            deaf.send(String(repeating: "GET /settings HTTP/1.1\r\nHost: l\r\n\r\n", count: count))
            deaf.finish()
        }
        func answered() throws -> Int {
            let metric = /bulkhead_api_requests_total{operation="get-settings",status="200"} ([0-9]+)/
            return try host.call("GET", "/metrics").text.firstMatch(of: metric).flatMap { Int($0.1) } ?? 0
        }
        sender.start()
        var last = -1
        // Until the server stands still.
        for _ in 0..<20 {
            let now = try answered()
            if now == last, now > 0 { break }
            last = now
            usleep(500_000)
        }
        #expect(last > 0 && last < count / 2, "\(last)")
        let answers = deaf.readAll()
        let mark = Array("HTTP/1.1 200 OK".utf8)
        #expect(answers.split(separator: mark).count == count)
    }

    @Test func moreConnectionsThanAllowed() async throws {
        var limits = Self.short
        limits.idle = .seconds(600)
        limits.request = .seconds(600)
        let host = try TestHost()
        try await withServer(host, limits: limits) {
            try await blocking {
                let first = try Wire(host.socket)
                let rest = try (0..<20).map { _ in try Wire(host.socket) }
                #expect(try host.call("GET", "/settings").status == 200)
                #expect(first.isClosed())
                #expect(rest.count == 20)
            }
        }
    }

    @Test func events() async throws {
        let host = try TestHost()
        var limits = Self.short
        limits.idle = .seconds(600)
        try await withServer(host, limits: limits) {
            try await blocking {
                let one = try Wire(host.socket)
                one.send(TestHost.request("GET", "/events"))
                _ = try one.read(until: "\r\n\r\n")
                let two = try Wire(host.socket)
                two.send(TestHost.request("GET", "/events?limit=1"))
                _ = try two.read(until: "\r\n\r\n")
                let refused = try host.call("GET", "/events")
                #expect(isProblem(refused, 503) && refused.headers["retry-after"] != nil)
                #expect(try host.call("PATCH", "/settings", #"{"motd":"seen"}"#).status == 204)
                #expect(try host.call("POST", "/tx/commit_and_apply").status == 200)
                let commit = try one.read(until: "\n\n")
                #expect(
                    commit.contains("event: commit\n") && commit.contains(#""changed":["settings.motd"]"#)
                )
                #expect(try one.read(until: "\n\n").contains("event: apply\n"))
                #expect(try two.read(until: "0\r\n\r\n").contains("event: commit\n"))
                // Room again, and what was missed comes first.
                let id = try #require(commit.firstMatch(of: /id: ([0-9]+)\n/).flatMap { Int($0.1) })
                let resumed = try host.call("GET", "/events?limit=1", headers: ["Last-Event-ID: \(id)"])
                #expect(resumed.type == "text/event-stream")
                #expect(resumed.text.contains("id: \(id + 1)\n") && resumed.text.contains("event: apply\n"))
                #expect(try host.call("GET", "/events?timeout=1").status == 200)
                #expect(isProblem(try host.call("GET", "/events?limit=0"), 400))
            }
        }
    }

    @Test func aWatcherThatDoesNotRead() async throws {
        let host = try TestHost()
        var limits = Self.short
        limits.idle = .seconds(600)
        try await withServer(host, limits: limits) {
            try await blocking {
                let deaf = try Wire(host.socket)
                deaf.send(TestHost.request("GET", "/events"))
                let text = String(repeating: "x", count: 4000)
                for index in 0..<400 {
                    let keys = (0..<10).map { #""net.a\#($0).b":"\#(index)""# }.joined(separator: ",")
                    _ = try host.call(
                        "PATCH",
                        "/settings",
                        #"{"motd":"\#(text)","kernel":{"sysctl":{\#(keys)}}}"#
                    )
                    _ = try host.call("POST", "/tx/commit")
                }
                let second = try Wire(host.socket)
                second.send(TestHost.request("GET", "/events"))
                _ = try second.read(until: "\r\n\r\n")
                let health = try host.call("GET", "/metrics").text
                #expect(health.contains("bulkhead_settings_commits_total 400"))
            }
        }
    }
}

/// What fails while settings are applied is told, and stays told until it works.
@Suite struct FailureTests {
    /// Says of every service what it is told to.
    private struct Fixed: ServiceRestarter {
        let outcome: ApplyResult.Outcome
        func perform(_ restart: Feature.Restart) async -> (ApplyResult.Outcome, String?) {
            (outcome, outcome == .done ? nil : "it does not come back")
        }
    }

    @Test(arguments: [ApplyResult.Outcome.failed, .timedOut])
    func serviceThatDoesNotComeBack(_ outcome: ApplyResult.Outcome) async throws {
        let host = try TestHost()
        try await withServer(host, services: Fixed(outcome: outcome)) {
            try await blocking {
                #expect(try host.call("PATCH", "/settings", #"{"motd":"x"}"#).status == 204)
                let report = try host.call("POST", "/tx/commit_and_apply?report=true")
                #expect(report.status == 200)
                let service = report.json["services"]?.elements?.first
                #expect(service?["outcome"] == .string(outcome.rawValue))
                #expect(service?["error"]?.string?.contains("come back") == true)
                let health = try host.call("GET", "/health").json
                #expect(health["status"] == "degraded")
                #expect(health["problems"]?.elements?.first?["message"]?.string?.contains("login") == true)
                #expect(try host.call("GET", "/settings").json["motd"] == "x")
            }
        }
    }

    @Test func templateThatFails() async throws {
        let host = try TestHost(templates: ["motd": "{{nonsense settings.motd}}\n"])
        try await withServer(host, services: Fixed(outcome: .done)) {
            try await blocking {
                let body = #"{"motd":"x","network":{"hostname":"good.example"}}"#
                #expect(try host.call("PATCH", "/settings", body).status == 204)
                let report = try host.call("POST", "/tx/commit_and_apply?report=true").json
                let files = report["files"]?.elements ?? []
                let motd = files.first { $0["path"] == "/etc/motd" }
                #expect(motd?["error"]?.string?.isEmpty == false)
                let login = report["services"]?.elements?.first { $0["name"] == "login" }
                #expect(login?["outcome"] == "skipped")
                #expect(host.rendered("/etc/hostname") == "good.example\n")
                #expect(try host.call("GET", "/health").json["status"] == "degraded")
                #expect(try host.call("GET", "/settings").json["motd"] == "x")
                try "{{settings.motd}}".write(
                    toFile: host.folder.file("templates/motd"),
                    atomically: true,
                    encoding: .utf8
                )
                #expect(try host.call("POST", "/tx/apply").status == 204)
                #expect(try host.call("GET", "/health").json["status"] == "ok")
            }
        }
    }
}
