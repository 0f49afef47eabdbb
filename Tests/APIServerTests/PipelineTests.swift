import Foundation
import HostAPIServer
import NIOCore
import TestSupport
import Testing

/// Requests behind each other on one connection.
@Suite struct PipelineTests {
    /// Whoever watches events, and sends requests behind it that wait for their turn without end, keeps no room from
    /// others.
    @Test(arguments: [false, true])
    func bodiesBehindAStream(isComplete: Bool) async throws {
        let host = try TestHost()
        var limits = ServerLimits()
        limits.bodies = 1 << 20
        limits.patience = .milliseconds(200)
        limits.drain = .milliseconds(100)
        limits.tick = .milliseconds(50)
        try await withServer(host, limits: limits) {
            try await blocking {
                let hog = try Wire(host.socket)
                hog.send(TestHost.request("GET", "/events"))
                _ = try hog.read(until: "\r\n\r\n")
                let length = isComplete ? 300_000 : 1_000_000
                hog.send(
                    "PATCH /settings HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\nContent-Length: \(length)\r\n\r\n"
                        + String(repeating: " ", count: 300_000)
                )
                let large = #"{"motd":"x"}"# + String(repeating: " ", count: 900_000)
                // Until the hog's body is counted.
                var statuses: [Int] = []
                for _ in 0..<60 {
                    statuses.append(try host.call("PATCH", "/settings", large).status)
                    if statuses.contains(503), statuses.last == 204 { break }
                    usleep(50_000)
                }
                try #require(statuses.contains(503) && statuses.last == 204, "\(statuses)")
                _ = hog.readAll()
                #expect(hog.isClosed())
            }
        }
    }

    /// A request whose answer came before its body has had its answer, whatever becomes of the body.
    @Test(arguments: ["too long", "malformed", "stalled"])
    func oneAnswerForARequest(body: String) async throws {
        let host = try TestHost()
        var limits = ServerLimits()
        limits.body = 100_000
        // Longer than the first answer takes on a busy machine.
        limits.request = .seconds(3)
        limits.drain = .milliseconds(100)
        limits.tick = .milliseconds(50)
        try await withServer(host, limits: limits) {
            try await blocking {
                let wire = try Wire(host.socket)
                wire.send("POST /nothing HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\n")
                #expect(isProblem(try wire.response(), 404))
                switch body {
                case "too long":
                    wire.send("30d40\r\n" + String(repeating: " ", count: 200_000) + "\r\n0\r\n\r\n")
                case "malformed": wire.send("zz\r\n")
                default: break
                }
                wire.send(body == "stalled" ? "" : TestHost.request("GET", "/os"))
                let rest = wire.readAll()
                #expect(rest.isEmpty, "\(String(decoding: rest, as: UTF8.self).prefix(200))")
                #expect(try host.call("GET", "/os").status == 200)
            }
        }
    }
}
