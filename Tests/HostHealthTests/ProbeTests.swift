import Foundation
import Glibc
import TestSupport
import Testing

@testable import HostHealth

@Suite struct GRPCProbeTests {
    private let settings: [UInt8] = [0, 0, 6, 4, 0, 0, 0, 0, 0] + [0, 3, 0, 0, 0, 100]
    private let acknowledgement: [UInt8] = [0, 0, 0, 4, 1, 0, 0, 0, 0]
    private let ping: [UInt8] = [0, 0, 8, 6, 0, 0, 0, 0, 0] + [1, 2, 3, 4, 5, 6, 7, 8]
    private let headers: [UInt8] = [0, 0, 1, 1, 4, 0, 0, 0, 1] + [0x88]
    private func data(_ message: [UInt8], flags: UInt8 = 0) -> [UInt8] {
        [0, 0, UInt8(message.count), 0, flags, 0, 0, 0, 1] + message
    }

    @Test func aServerThatServesIsHealthy() throws {
        let directory = try TemporaryDirectory()
        let answer = settings + acknowledgement + ping + headers + data([0, 0, 0, 0]) + data([2, 8, 1])
        let server = try SocketServer(at: directory.file("s"), answer: answer)
        try GRPCProbe.run(socket: directory.file("s"), timeout: .seconds(20))
        let sent = server.received()
        #expect(sent.starts(with: Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)))
        // Settings and ping of the server are answered.
        let pong: [UInt8] = [0, 0, 8, 6, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
        #expect(sent.suffix(9 + 17) == acknowledgement + pong)
    }

    /// Through this one people come in: it is looked at where its unit is, and nowhere else.
    @Test func theRuntimeOfHostContainersIsAsked() throws {
        let directory = try TemporaryDirectory()
        let host = HostFiles(root: directory.path)
        #expect(HealthCheck.hostContainerd.run(host) == .skipped("the variant has no host containers"))
        for path in ["usr/lib/systemd/system", "run/host-containerd"] {
            try FileManager.default.createDirectory(
                at: directory.url.appending(path: path),
                withIntermediateDirectories: true
            )
        }
        let unit = directory.file("usr/lib/systemd/system/host-containerd.service")
        #expect(FileManager.default.createFile(atPath: unit, contents: nil))
        guard case .unhealthy(let text) = HealthCheck.hostContainerd.run(host) else {
            Issue.record("healthy without a socket")
            return
        }
        #expect(text.contains("journalctl -b -u host-containerd"))
        let answer = settings + acknowledgement + headers + data([0, 0, 0, 0]) + data([2, 8, 1])
        try SocketServer(at: directory.file("run/host-containerd/containerd.sock"), answer: answer)
        #expect(HealthCheck.hostContainerd.run(host) == .healthy("serves on its socket"))
        #expect(HealthCheck.boot.contains { $0.name == "host-containerd" })
    }

    @Test func everyOtherAnswerIsUnhealthy() throws {
        let refused = "the call was ended by the server"
        let goAway: [UInt8] = [0, 0, 8, 7, 0, 0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 2]
        let trailers: [UInt8] = [0, 0, 1, 1, 5, 0, 0, 0, 1] + [0x88]
        let cases: [([UInt8], (String) -> ProbeError)] = [
            (
                Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8),
                { .otherProtocol(path: $0, expected: "HTTP/2") }
            ),
            (headers, { .otherProtocol(path: $0, expected: "HTTP/2") }),
            (settings, { .noAnswer(path: $0, errno: 0) }),
            ([0, 0], { .noAnswer(path: $0, errno: 0) }),
            (settings + goAway, { .refused(path: $0, answer: refused) }),
            (settings + trailers, { .refused(path: $0, answer: "an error of gRPC") }),
            // NOT_SERVING.
            (
                settings + headers + data([0, 0, 0, 0, 2, 8, 2]) + trailers,
                { .refused(path: $0, answer: "not serving ([0, 0, 0, 0, 2, 8, 2])") }
            ),
            (
                settings + data([0], flags: 8),
                { .otherProtocol(path: $0, expected: "an answer of gRPC's health service") }
            ),
            // A server that says much and never answers.
            (
                settings + (0..<100).flatMap { _ in acknowledgement },
                { .otherProtocol(path: $0, expected: "an answer of gRPC's health service") }
            ),
        ]
        let directory = try TemporaryDirectory()
        for (number, (answer, error)) in cases.enumerated() {
            let path = directory.file("\(number)")
            try SocketServer(at: path, answer: answer)
            #expect(throws: error(path), "\(answer)") {
                try GRPCProbe.run(socket: path, timeout: .seconds(20))
            }
        }
    }

    @Test func silenceAndAbsenceAreUnhealthy() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("silent")
        try SocketServer(at: path, answer: nil)
        let error = #expect(throws: ProbeError.self) {
            try GRPCProbe.run(socket: path, timeout: .milliseconds(200))
        }
        #expect(error?.description == "no answer from \(path) in time")
        #expect(throws: ProbeError.connect(path: directory.file("none"), errno: ENOENT)) {
            try GRPCProbe.run(socket: directory.file("none"), timeout: .seconds(1))
        }
        #expect(throws: ProbeError.self) {
            try GRPCProbe.run(socket: String(repeating: "x", count: 200), timeout: .seconds(1))
        }
    }

    /// The real one, where it is installed.
    @Test(.enabled(if: getuid() == 0 && access("/usr/bin/containerd", X_OK) == 0))
    func containerdIsHealthy() async throws {
        let directory = try TemporaryDirectory()
        let configuration = """
            version = 2
            root = "\(directory.file("root"))"
            state = "\(directory.file("state"))"
            disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
            [grpc]
            address = "\(directory.file("socket"))"
            """
        try configuration.write(toFile: directory.file("config.toml"), atomically: false, encoding: .utf8)
        let containerd = Process()
        containerd.executableURL = URL(filePath: "/usr/bin/containerd")
        containerd.arguments = ["--config", directory.file("config.toml")]
        containerd.standardOutput = FileHandle.nullDevice
        containerd.standardError = FileHandle.nullDevice
        try containerd.run()
        defer {
            kill(containerd.processIdentifier, SIGKILL)
            containerd.waitUntilExit()
        }
        var last: (any Error)?
        for _ in 0..<300 {
            do {
                try GRPCProbe.run(socket: directory.file("socket"), timeout: .seconds(10))
                return
            } catch {
                last = error
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        Issue.record("containerd is not healthy: \(last.map { "\($0)" } ?? "")")
    }
}

@Suite struct HTTPProbeTests {
    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\n\r\n", nil),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", "answered: HTTP/1.1 503"),
        ("220 mail.example ESMTP\r\n", "but not with HTTP"),
        ("HTTP", "was closed without an answer"),
    ])
    func onlyStatus200IsHealthy(_ answer: String, _ problem: String?) throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("s")
        let server = try SocketServer(at: path, answer: Array(answer.utf8))
        do {
            try HTTPProbe.run(socket: path, timeout: .seconds(20))
            #expect(problem == nil)
        } catch {
            #expect(problem.map { error.description.contains($0) } == true, "\(error)")
        }
        #expect(String(decoding: server.received(), as: UTF8.self).hasPrefix("GET / HTTP/1.1\r\nHost: "))
    }
}
