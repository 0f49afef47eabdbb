import Foundation
import Glibc
import TestSupport
import Testing

@testable import UserData

@Suite struct InstanceMetadataTests {
    /// Short limits, so that failures are seen soon; nothing depends on how soon.
    private let patience = InstanceMetadata.Patience(
        request: .seconds(1),
        total: .seconds(6),
        firstPause: .milliseconds(20),
        longestPause: .milliseconds(100)
    )

    private func get(_ mode: String, limit: Int = UserDataLimits.bytes) async throws -> [UInt8]? {
        let server = try MetadataServer(mode)
        defer { server.stop() }
        return try await InstanceMetadata(base: server.url, patience: patience)
            .get("/latest/user-data", limit: limit)
    }

    @Test func userDataIsReadWithAToken() async throws {
        #expect(try await get("good") == Array("[settings]\nmotd = 'ec2'\n".utf8))
    }

    @Test func noUserDataIsNoError() async throws { #expect(try await get("none") == nil) }

    @Test(arguments: ["fails-twice", "slow-once", "stale-token", "hangs-up-once"])
    func whatPassesIsTriedAgain(_ mode: String) async throws {
        #expect(try await get(mode) == Array("[settings]\nmotd = 'ec2'\n".utf8))
    }

    @Test(arguments: [
        ("always-fails", "status 503"), ("redirects", "status 302"), ("switched-off", "metadata options"),
        ("bad-token", "as a token"), ("refuses", "status 400"),
    ])
    func whatDoesNotPassEnds(_ mode: String, _ reason: String) async throws {
        await #expect {
            _ = try await get(mode)
        } throws: { "\($0)".contains(reason) && "\($0)".contains("/latest/user-data") }
    }

    @Test(arguments: ["too-much", "too-much-chunked"])
    func tooMuchIsRefused(_ mode: String) async throws {
        await #expect {
            _ = try await get(mode)
        } throws: {
            if case UserDataError.tooLarge = $0 { true } else { false }
        }
    }

    @Test func nobodyThereEndsInTime() async throws {
        // The port is bound and not listened on: connections are refused.
        await #expect {
            _ = try await InstanceMetadata(base: "http://127.0.0.1:9", patience: patience).get(
                "/latest/user-data"
            )
        } throws: { "\($0)".contains("given up") }
    }

    @Test(arguments: ["stalls", "trickles"])
    func anAnswerThatDoesNotEndIsGivenUp(_ mode: String) async throws {
        await #expect {
            _ = try await get(mode)
        } throws: { "\($0)".contains("given up") && "\($0)".contains("no answer") }
    }

    @Test func onlyInstancesAreAsked() async throws {
        let root = try TemporaryDirectory()
        #expect(!InstanceMetadata.isAvailable(root: root.path))
        func write(_ path: String, _ text: String) throws {
            let url = root.url.appending(path: path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: url)
        }
        try write("sys/class/dmi/id/sys_vendor", "QEMU\n")
        try write("sys/class/dmi/id/product_uuid", "ec2e1916-9099-7caf-fd21-012345abcdef\n")
        #expect(!InstanceMetadata.isAvailable(root: root.path))
        let elsewhere = InstanceMetadataSource(
            root: root.path,
            service: InstanceMetadata(base: "http://127.0.0.1:9")
        )
        #expect(try await elsewhere.read() == nil)
        try write("sys/class/dmi/id/sys_vendor", "Xen\n")
        #expect(InstanceMetadata.isAvailable(root: root.path))
        try write("sys/class/dmi/id/sys_vendor", "Amazon EC2\n")
        try write("sys/class/dmi/id/product_uuid", "00000000\n")
        #expect(InstanceMetadata.isAvailable(root: root.path))
    }
}

/// An instance metadata service as python3's http.server, on a port of its own.
private final class MetadataServer {
    private static let program = #"""
        import http.server, sys, time
        mode, seen = sys.argv[1], {"PUT": 0, "GET": 0, "token": 0}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *_): pass
            def answer(self, status, body=b"", headers={}):
                self.send_response(status)
                for name, value in headers.items(): self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def do_PUT(self):
                seen["PUT"] += 1
                if mode == "switched-off": return self.answer(403)
                if mode == "refuses": return self.answer(400)
                if mode == "bad-token": return self.answer(200, b"a b")
                if self.path != "/latest/api/token": return self.answer(404)
                if not 1 <= int(self.headers["X-aws-ec2-metadata-token-ttl-seconds"]) <= 21600: return self.answer(400)
                seen["token"] += 1
                self.answer(200, b"token-%d==" % seen["token"])
            def do_GET(self):
                seen["GET"] += 1
                first = seen["GET"] == 1
                if mode == "always-fails": return self.answer(503)
                if mode == "fails-twice" and seen["GET"] <= 2: return self.answer(500)
                if mode in ("stalls", "trickles"):
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    for _ in range(600):
                        if mode == "trickles": self.wfile.write(b" ")
                        self.wfile.flush()
                        time.sleep(0.1)
                    return
                if mode == "stale-token" and first: return self.answer(401)
                if mode == "redirects": return self.answer(302, headers={"Location": "/elsewhere"})
                if mode == "hangs-up-once" and first:
                    self.close_connection = True
                    return
                if mode == "slow-once" and first: time.sleep(3)
                if self.headers["X-aws-ec2-metadata-token"] != "token-%d==" % seen["token"]: return self.answer(401)
                if mode == "none": return self.answer(404, b"<html>404</html>")
                if mode == "too-much": return self.answer(200, b"#" * (1048577))
                if mode == "too-much-chunked":
                    self.send_response(200)
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    try:
                        while True: self.wfile.write(b"10000\r\n" + b"#" * 65536 + b"\r\n")
                    except OSError: self.close_connection = True
                    return
                if self.path != "/latest/user-data": return self.answer(400)
                self.answer(200, b"[settings]\nmotd = 'ec2'\n")

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            def handle_error(self, *_): pass

        server = Server(("127.0.0.1", 0), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """#

    let url: String
    private let process = Process()

    init(_ mode: String) throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.program, mode]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let line = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        let port = try #require(
            Int(line.trimmingCharacters(in: .whitespacesAndNewlines)),
            "python3 said: \(line)"
        )
        url = "http://127.0.0.1:\(port)"
    }

    // Children inherit a mask from the threads that tests run on, which blocks SIGTERM. And nobody waits for the end:
    // that would hold one of those few threads.
    func stop() { kill(process.processIdentifier, SIGKILL) }
}
