import Foundation
import Glibc
import JSON
import Testing

/// Requests that no honest client sends: an exact status for each, and the server serves on.
@Suite struct HostileTests {
    let host: TestHost

    init() throws { host = try TestHost().start() }

    private func servesOn() throws { #expect(try host.call("GET", "/settings").status == 200) }

    @Test func bodies() throws {
        func refuses(_ body: [UInt8], _ status: Int, _ part: String = "") throws {
            let wire = try Wire(host.socket)
            wire.send("PATCH /settings HTTP/1.1\r\nHost: l\r\nContent-Length: \(body.count)\r\n\r\n")
            wire.send(body)
            let response = try wire.response()
            #expect(isProblem(response, status, part), "\(response.status) \(response.text)")
        }
        try refuses(Array(#"{"motd":"a","motd":"b"}"#.utf8), 400, "motd")
        try refuses(Array(#"{"motd":""#.utf8) + [0xff, 0xfe] + Array(#""}"#.utf8), 400, "UTF-8")
        try refuses(Array(String(repeating: "[", count: 100_000).utf8), 400, "deep")
        try refuses(Array(String(repeating: #"{"a":"#, count: 10_000).utf8), 400, "deep")
        try refuses([UInt8](repeating: UInt8(ascii: " "), count: 2 << 20), 413, "1048576")
        try refuses(Array(#"{"motd":"\#(String(repeating: "x", count: 2 << 20))"}"#.utf8), 413)
        try refuses(Array(#"{"motd":1e999}"#.utf8), 400)
        try refuses(Array("null".utf8), 400)
        try refuses([], 400)
        try servesOn()
    }

    @Test func chunkedBodies() throws {
        let wire = try Wire(host.socket)
        wire.send("PATCH /settings HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.send("5\r\n{\"mot\r\n8\r\nd\":\"ch\"}\r\n0\r\n\r\n")
        #expect(try wire.response().status == 204)
        let endless = try Wire(host.socket)
        endless.send("PATCH /settings HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\n")
        let chunk = "10000\r\n" + String(repeating: " ", count: 0x10000) + "\r\n"
        for _ in 0..<40 { endless.send(chunk) }
        #expect(isProblem(try endless.response(), 413))
        #expect(try host.call("GET", "/tx").json == ["motd": "ch"])
    }

    @Test func tenThousandKeys() throws {
        let keys = (0..<10_000).map { "\"net.ipv4.conf.e\($0).mtu\":\"\($0)\"" }.joined(separator: ",")
        #expect(try host.call("PATCH", "/settings", #"{"kernel":{"sysctl":{\#(keys)}}}"#).status == 204)
        #expect(try host.call("POST", "/tx/commit").json.elements?.count == 10_000)
        let found = try host.call("GET", "/settings").json["kernel"]?["sysctl"]?.members
        #expect(found?.count == 10_000)
        #expect(found?["net.ipv4.conf.e9999.mtu"] == "9999")
        // What is kept of it for those who watch is short.
        let events = try host.call("GET", "/events?limit=1", headers: ["Last-Event-ID: 0"]).text
        #expect(events.contains("event: commit\n") && events.contains(#""shortened":true"#))
        #expect(events.utf8.count < 40_000)
    }

    @Test func targets() throws {
        #expect(isProblem(try host.call("GET", "/settings/%00"), 404))
        #expect(isProblem(try host.call("GET", "/../../etc/passwd"), 404))
        #expect(isProblem(try host.call("GET", "/generations/..%2F..%2Fetc"), 400))
        #expect(isProblem(try host.call("GET", "/generations/%00"), 404))
        #expect(isProblem(try host.call("GET", "/settings?keys=%ff"), 400))
        #expect(isProblem(try host.call("GET", "/settings?keys=%00"), 400))
        #expect(isProblem(try host.call("GET", "/settings/"), 404))
        #expect(isProblem(try host.call("GET", "//settings"), 404))
        let long = try host.call("GET", "/settings?keys=" + String(repeating: "a", count: 17 << 10))
        #expect(isProblem(long, 414), "\(long.status)")
        let huge = try host.call("GET", "/" + String(repeating: "a", count: 200 << 10))
        #expect(isProblem(huge, 414), "\(huge.status)")
        try servesOn()
    }

    @Test func headers() throws {
        let long = try host.call(
            "GET",
            "/settings",
            headers: ["X-Long: " + String(repeating: "a", count: 17 << 10)]
        )
        #expect(isProblem(long, 431), "\(long.status)")
        let some = (0..<150).map { "X-\($0): " + String(repeating: "b", count: 120) }
        #expect(isProblem(try host.call("GET", "/settings", headers: some), 431))
        let many = (0..<1000).map { "X-\($0): a" }
        #expect(isProblem(try host.call("GET", "/settings", headers: many), 431))
        #expect(try host.call("GET", "/settings", headers: ["X-Short: a"]).status == 200)
    }

    @Test func methods() throws {
        let put = try host.call("PUT", "/settings", "{}")
        #expect(isProblem(put, 405, "PUT"))
        #expect(put.headers["allow"] == "DELETE, GET, PATCH")
        #expect(isProblem(try host.call("OPTIONS", "/settings"), 405))
        // Also methods that the HTTP decoder does not know.
        for method in ["BREW", "QUERY", "get", "GETT", "TRACE", "FLUSH", "CONNECT", "M-SEARCH"] {
            let response = try host.call(method, "/settings?keys=motd")
            #expect(isProblem(response, 405), "\(method): \(response.status)")
            #expect(response.headers["allow"] == "DELETE, GET, PATCH", "\(method)")
            #expect(isProblem(try host.call(method, "/nowhere"), 404), "\(method)")
            #expect(try host.call(method, "/generations/7/restore").headers["allow"] == "POST")
        }
        for method in ["G(T", "", " ", "\u{1}"] {
            #expect(isProblem(try host.call(method, "/settings"), 400), "\(method)")
        }
        try servesOn()
    }

    @Test func headHasNoBody() throws {
        for target in ["/settings", "/nowhere"] {
            let wire = try Wire(host.socket)
            wire.send("HEAD \(target) HTTP/1.1\r\nHost: l\r\n\r\n" + TestHost.request("GET", "/os"))
            let head = try wire.read(until: "\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.1 40"), "\(head)")
            #expect(head.lowercased().contains("allow: delete, get, patch") == (target == "/settings"))
            // What comes next is the next answer.
            #expect(try wire.read(until: "\r\n") == "HTTP/1.1 200 OK\r\n")
        }
        let refused = try Wire(host.socket)
        refused.send("HEAD /\(String(repeating: "a", count: 17 << 10)) HTTP/1.1\r\nHost: l\r\n\r\n")
        let answer = String(decoding: refused.readAll(), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 414 URI Too Long") && answer.hasSuffix("\r\n\r\n"))
    }

    @Test func bodiesThatAreCutShort() throws {
        let head = "PATCH /settings HTTP/1.1\r\nHost: l\r\n"
        for request in [
            head + "Content-Length: 50\r\n\r\n{\"motd\":\"cut\"}",
            head + "Transfer-Encoding: chunked\r\n\r\ne\r\n{\"motd\":\"cut\"}\r\n",
            head + "Transfer-Encoding: chunked\r\n\r\ne\r\n{\"motd\":\"cut\"}\r\nzz\r\n",
        ] {
            let half = try Wire(host.socket)
            half.send(request)
            half.finish()
            let answer = String(decoding: half.readAll(), as: UTF8.self)
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400"), "\(answer)")
            let gone = try Wire(host.socket)
            gone.send(request)
        }
        let long = try Wire(host.socket)
        long.send(head + "Transfer-Encoding: chunked\r\n\r\ne\r\n{\"motd\":\"cut\"}\r\n")
        let chunk = "10000\r\n" + String(repeating: " ", count: 0x10000) + "\r\n"
        for _ in 0..<40 { long.send(chunk) }
        #expect(isProblem(try long.response(), 413))
        _ = long.readAll()
        // A part that was taken for the whole would be staged by now.
        try servesOn()
        #expect(try host.call("GET", "/tx").json == [:])
    }

    @Test func nonsense() throws {
        for text in [
            "\r\n\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
            "\u{16}\u{3}\u{1}",
        ] {
            let wire = try Wire(host.socket)
            wire.send(text)
            wire.finish()
            let answer = String(decoding: wire.readAll(), as: UTF8.self)
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 4"), "\(answer)")
        }
        let smuggled = try Wire(host.socket)
        smuggled.send(
            "PATCH /settings HTTP/1.1\r\nHost: l\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"
        )
        #expect(try smuggled.response().status == 400)
        try servesOn()
    }

    @Test func pipelines() throws {
        let wire = try Wire(host.socket)
        var text = ""
        for index in 0..<50 {
            text += TestHost.request("PATCH", "/settings", #"{"motd":"\#(index)"}"#)
            text += TestHost.request("GET", "/tx")
            text += TestHost.request("GET", "/settings")
        }
        wire.send(text + "BREW / HTTP/1.1\r\n\r\n")
        for index in 0..<50 {
            #expect(try wire.response().status == 204)
            #expect(try wire.response().json == ["motd": .string("\(index)")])
            #expect(try wire.response().json["network"] != nil)
        }
        let last = try wire.response()
        #expect(isProblem(last, 405))
        #expect(last.headers["allow"] == "DELETE, GET, PATCH, POST")
        #expect(wire.readAll().isEmpty)
    }

    @Test func oldAndClosingClients() throws {
        let old = try Wire(host.socket)
        old.send("GET /settings HTTP/1.0\r\n\r\n")
        let answer = String(decoding: old.readAll(), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.0 200") && answer.hasSuffix("}"), "\(answer)")
        let closing = try Wire(host.socket)
        closing.send("GET /os HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n")
        #expect(try closing.response().headers["connection"] == "close")
        #expect(closing.readAll().isEmpty)
        let half = try Wire(host.socket)
        half.send("GET /os HTTP/1.1\r\nHost: l\r\n\r\n")
        half.finish()
        #expect(try half.response().status == 200)
        let expecting = try Wire(host.socket)
        expecting.send(
            "PATCH /settings HTTP/1.1\r\nHost: l\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        #expect(try expecting.response().status == 100)
        expecting.send("{}")
        #expect(try expecting.response().status == 204)
        let old100 = try Wire(host.socket)
        old100.send("PATCH /settings HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}")
        #expect(try old100.response().status == 204)
        #expect(try host.call("GET", "http://localhost/os?prefix=arch").status == 200)
        #expect(isProblem(try host.call("GET", "https://localhost/os"), 400))
        let upgrade = try Wire(host.socket)
        upgrade.send("GET /os HTTP/1.1\r\nHost: l\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        #expect(try upgrade.response().status == 200)
    }

    @Test func clientsThatHangUp() throws {
        for part in [
            "P", "PATCH /settings HTTP/1.1\r\nContent-Le",
            "PATCH /settings HTTP/1.1\r\nContent-Length: 9\r\n\r\n{",
        ] {
            let wire = try Wire(host.socket)
            wire.send(part)
        }
        try host.commit(motd: "before")
        for round in 0..<20 {
            #expect(try host.call("PATCH", "/settings", #"{"motd":"round \#(round)"}"#).status == 204)
            let wire = try Wire(host.socket)
            wire.send(TestHost.request("POST", "/tx/commit_and_apply"))
        }
        // The last one was asked for before this, on a connection that is gone.
        for _ in 0..<200 where host.rendered("/etc/motd") != "round 19\n" { usleep(50_000) }
        #expect(host.rendered("/etc/motd") == "round 19\n")
        #expect(try host.call("GET", "/settings").json["motd"] == "round 19")
        // Who changed something is known although they did not wait for the answer.
        for generation in try host.call("GET", "/generations").json.elements ?? []
        where generation["reason"] == "commit" {
            #expect(generation["author"]?["uid"] == .integer(Int64(getuid())))
            #expect(generation["author"]?["pid"] == .integer(Int64(getpid())))
            #expect(generation["author"]?["program"]?.string?.isEmpty == false)
        }
    }

    @Test func twoHundredIdleConnections() throws {
        let idle = try (0..<200).map { _ in try Wire(host.socket) }
        for wire in idle.prefix(100) { wire.send("GET /sett") }
        for _ in 0..<50 { try servesOn() }
        // More than there may be: those that wait longest go, others are served.
        let more = try (0..<200).map { _ in try Wire(host.socket) }
        for _ in 0..<50 { try servesOn() }
        #expect(more.count == 200)
        try host.commit(motd: "still here")
    }

    @Test func otherServers() throws {
        let second = try runServer(host.arguments)
        #expect(second.status == 1)
        #expect(second.output.contains("another server answers there"))
        try servesOn()
        #expect(try runServer(["--nonsense"]).status == 2)
        #expect(try runServer(["--socket"]).status == 2)
        #expect(try runServer(["--help"]).output.contains("Usage: apiserver"))
        #expect(host.stop() == 0)
        #expect(!FileManager.default.fileExists(atPath: host.socket))
    }

    private func runServer(_ arguments: [String]) throws -> (status: Int32, output: String) {
        try TestHost.run(["apiserver"] + arguments)
    }
}
