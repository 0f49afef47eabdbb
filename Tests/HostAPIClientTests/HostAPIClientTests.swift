import Foundation
import HostAPI
import JSON
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

@testable import HostAPIClient

@Suite struct HostAPIClientTests {
    private func client(_ server: ScriptedServer, limit: Duration = .seconds(20)) -> HostAPIClient {
        HostAPIClient(socketPath: server.path, timeLimit: limit)
    }

    @Test func aCallSendsWhatTheRouteTableSays() async throws {
        let server = try ScriptedServer([
            .send("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"motd\":\"hi\"}")
        ])
        let response = try await client(server).call(
            .getSettings,
            query: [("keys", #"settings."a b""#)]
        )
        #expect(response.status == 200)
        #expect(try response.json() == ["motd": "hi"])
        #expect(response.header("content-LENGTH") == "13")
        let request = try #require(server.requests.first)
        #expect(request.hasPrefix("GET /settings?keys=settings.%22a%20b%22 HTTP/1.1\r\n"))
        #expect(request.lowercased().contains("host: localhost\r\n"))
    }

    @Test func bodiesAreSentWithTheirLength() async throws {
        let server = try ScriptedServer([.send("HTTP/1.1 204 No Content\r\n\r\n")])
        let response = try await client(server).raw(method: "PATCH", uri: "/settings", body: Array("{}".utf8))
        #expect(response.status == 204)
        #expect(try response.json() == .null)
        let request = try #require(server.requests.first)
        #expect(request.contains("Content-Length: 2\r\n"))
        #expect(request.contains("Content-Type: application/json\r\n"))
        #expect(request.hasSuffix("\r\n\r\n{}"))

        _ = try await client(server).raw(method: "POST", uri: "/tx/commit")
        #expect(server.requests.last?.contains("Content-Length: 0\r\n") == true)
    }

    @Test func anAnswerMayComeByteByByte() async throws {
        let server = try ScriptedServer([
            .dribble("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        ])
        #expect(try await client(server).raw(method: "GET", uri: "/").text == "abcde")
    }

    @Test func anAnswerMayEndWithTheConnection() async throws {
        let server = try ScriptedServer([.send("HTTP/1.0 200 OK\r\n\r\nall of it")])
        #expect(try await client(server).raw(method: "GET", uri: "/").text == "all of it")
    }

    /// The answer may be there, and the connection over, before the first part is asked for.
    @Test func anAnswerMayBeFasterThanItsReader() async throws {
        let server = try ScriptedServer([.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")])
        let exchange = try await Exchange.begin(client(server).request("GET", "/"), until: .now)
        while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        try await Task.sleep(for: .milliseconds(100))
        guard case .head(let head) = try await exchange.next(within: .seconds(10)) else {
            Issue.record("no head")
            return
        }
        #expect(head.status == .ok)
        guard case .body(let bytes) = try await exchange.next(within: .seconds(10)) else {
            Issue.record("no body")
            return
        }
        #expect(bytes.readableBytesView.elementsEqual("hi".utf8))
        #expect(try await exchange.next(within: .seconds(10)) == .end(nil))
    }

    @Test func problemDetailsBecomeAnError() async throws {
        let problem = Problem(status: 422, detail: "no transaction 'x'")
        let body = problem.json.description
        let server = try ScriptedServer([
            .send("HTTP/1.1 422 X\r\nContent-Type: application/problem+json\r\n"),
            .send("Content-Length: \(body.utf8.count)\r\n\r\n\(body)"),
        ])
        await #expect(throws: HostAPIError.problem(problem)) { try await client(server).call(.commit) }
        #expect(HostAPIError.problem(problem).description == "no transaction 'x'")
        // As `raw` it is an answer like others.
        #expect(try await client(server).raw(method: "POST", uri: "/tx/commit").status == 422)
    }

    @Test(arguments: [("plain text", "plain text"), ("", "POST /tx/commit was answered with status 500")])
    func errorsOfOtherServersAreText(body: String, detail: String) async throws {
        let server = try ScriptedServer([
            .send("HTTP/1.1 500 X\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        ])
        await #expect(throws: HostAPIError.problem(Problem(status: 500, detail: detail))) {
            try await client(server).call(.commit)
        }
    }

    @Test func aServerThatRefusesTheBodyIsHeard() async throws {
        let server = try ScriptedServer([
            .dontReadBody, .send("HTTP/1.1 413 X\r\nContent-Length: 8\r\n\r\ntoo long"),
        ])
        let body = [UInt8](repeating: 0x20, count: 8 << 20)
        let response = try await client(server).raw(method: "PATCH", uri: "/settings", body: body)
        #expect(response.status == 413)
        #expect(response.text == "too long")
    }

    @Test(arguments: [
        "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ])
    func aServerThatDiesIsNamed(beginning: String) async throws {
        let server = try ScriptedServer([.send(beginning)])
        let error = await #expect(throws: HostAPIError.self) {
            try await client(server).raw(method: "GET", uri: "/os")
        }
        switch error {
        case .serverClosed(let request), .invalidResponse(let request, _): #expect(request == "GET /os")
        default: Issue.record("\(String(describing: error))")
        }
    }

    @Test(arguments: ["SSH-2.0-OpenSSH\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n", "HTTP/1.1 999999 X\r\n\r\n"])
    func anAnswerThatIsNotHTTP(text: String) async throws {
        let server = try ScriptedServer([.send(text), .waitForClient])
        let error = await #expect(throws: HostAPIError.self) {
            try await client(server).raw(method: "GET", uri: "/os")
        }
        guard case .invalidResponse("GET /os", _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func aSilentServerIsLeft() async throws {
        for beginning in ["", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"] {
            let server = try ScriptedServer([.send(beginning), .waitForClient])
            await #expect(throws: HostAPIError.timedOut(request: "GET /os", seconds: 1)) {
                try await client(server, limit: .milliseconds(200)).raw(method: "GET", uri: "/os")
            }
        }
    }

    @Test func onlyWhatChangesSomethingMayHaveBeenDone() {
        #expect(!HostAPIError.serverClosed(request: "GET /os").description.contains("look before"))
        #expect(HostAPIError.serverClosed(request: "POST /tx/commit").description.contains("look before"))
        #expect(
            HostAPIError.timedOut(request: "GET /os", seconds: 3).description
                == "no complete answer to GET /os in 3 seconds"
        )
        #expect(
            HostAPIError.timedOut(request: "DELETE /tx", seconds: 3).description.contains("may still be done")
        )
    }

    @Test func aCancelledCallEnds() async throws {
        let server = try ScriptedServer([.waitForClient])
        let client = client(server, limit: .seconds(600))
        let task = Task { () async -> HostAPIError? in
            do throws(HostAPIError) {
                _ = try await client.raw(method: "GET", uri: "/os")
                return nil
            } catch { return error }
        }
        while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        task.cancel()
        #expect(await task.value == .cancelled)
    }

    @Test func aHugeAnswerIsReadUpToTheLimit() async throws {
        let size = HostAPIClient.maximumAnswer
        let megabyte = [UInt8](repeating: 0x20, count: 1 << 20)
        let head = ScriptedServer.Step.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
        let steps = [head] + Array(repeating: ScriptedServer.Step.sendBytes(megabyte), count: size >> 20)
        let server = try ScriptedServer(steps)
        #expect(try await client(server).raw(method: "GET", uri: "/").body.count == size)

        let longer =
            [.send("HTTP/1.1 200 OK\r\nContent-Length: \(size + 1)\r\n\r\n")] + steps.dropFirst() + [
                .send("x")
            ]
        let longerServer = try ScriptedServer(longer)
        await #expect(throws: HostAPIError.responseTooLong(request: "GET /", limit: size)) {
            try await client(longerServer).raw(method: "GET", uri: "/")
        }
    }

    @Test func noServer() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("api.sock")
        func error(_ path: String) async -> HostAPIError? {
            await #expect(throws: HostAPIError.self) {
                try await HostAPIClient(socketPath: path, timeLimit: .seconds(5)).call(.getOS)
            }
        }
        #expect(await error(path) == .socketMissing(path: path))
        #expect(await error(path + "/below") == .socketMissing(path: path + "/below"))
        #expect(HostAPIError.socketMissing(path: path).description.contains("is apiserver running?"))
        do {
            let server = try ScriptedServer([])
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: server.path)
        }
        #expect(await error(path) == .socketMissing(path: path))
        try FileManager.default.removeItem(atPath: path)
        try Data().write(to: URL(filePath: path))
        #expect(await error(path) == .nobodyListens(path: path))
        let long = "/" + String(repeating: "x", count: 200)
        #expect(await error(long) == .socketPathTooLong(path: long))
    }

    @Test(.enabled(if: getuid() != 0, "root may connect to everything"))
    func noPermission() async throws {
        let server = try ScriptedServer([])
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: server.path)
        let error = await #expect(throws: HostAPIError.self) { try await client(server).call(.getOS) }
        #expect(error == .permissionDenied(path: server.path))
        #expect(error?.description.contains("group api") == true)
    }

    @Test(arguments: ["os", "", "/a b", "/a\r\nX: y", "/é"])
    func badURIsAreNotSent(uri: String) async throws {
        let server = try ScriptedServer([])
        let error = await #expect(throws: HostAPIError.self) {
            try await client(server).raw(method: "GET", uri: uri)
        }
        guard case .invalidRequest = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        await #expect(throws: HostAPIError.self) {
            try await client(server).raw(method: "GET /\r\n", uri: "/")
        }
        #expect(server.requests.isEmpty)
    }

    @Test func eventsUntilTheServerEnds() async throws {
        let server = try ScriptedServer([
            .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"),
            .dribble(
                "2\r\n:\n\r\n14\r\nid: 3\nevent: apply\nd\r\nD\r\nata: {}\n\ndata\r\n4\r\n: 2\n\r\n1\r\n\n\r\n0\r\n\r\n"
            ),
        ])
        var events: [ServerSentEvent] = []
        for try await event in client(server).events(after: "2", query: [("limit", "2")]) {
            events.append(event)
        }
        #expect(
            events == [
                ServerSentEvent(id: "3", name: "apply", data: "{}"), ServerSentEvent(id: "3", data: "2"),
            ]
        )
        let request = try #require(server.requests.first)
        #expect(request.hasPrefix("GET /events?limit=2 "))
        #expect(request.contains("Last-Event-ID: 2\r\n"))
    }

    @Test func eventsThatStop() async throws {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        let silent = try ScriptedServer([.send(head), .waitForClient])
        await #expect(throws: HostAPIError.timedOut(request: "GET /events", seconds: 1)) {
            for try await _ in client(silent).events(silence: .milliseconds(100)) {}
        }
        let refusing = try ScriptedServer([.send("HTTP/1.1 503 X\r\nContent-Length: 4\r\n\r\nfull")])
        await #expect(throws: HostAPIError.problem(Problem(status: 503, detail: "full"))) {
            for try await _ in client(refusing).events() {}
        }
        let dying = try ScriptedServer([.send(head + "3\r\nd")])
        await #expect(throws: HostAPIError.self) { for try await _ in client(dying).events() {} }
    }
}
