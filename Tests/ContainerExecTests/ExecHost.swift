import ContainerExec
import Foundation
import Glibc
import HostAPI
import HostAPIServer
import Logging
import TestSupport
import Testing

/// A server with `/exec` and nothing else, in this process.
final class ExecHost: Sendable {
    let folder: TemporaryDirectory
    let service: ExecService
    private let server: HostAPIServer
    var socket: String { folder.file("api.sock") }
    /// What is left in the folder of the sessions.
    var leftovers: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder.file("exec"))) ?? []
    }

    init(_ runner: any ExecRunner, limits: ExecLimits = ExecLimits()) async throws {
        folder = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: folder.file("exec"),
            withIntermediateDirectories: true
        )
        let service = ExecService(runner: runner, folder: folder.file("exec"), limits: limits) { _ in }
        self.service = service
        server = try await HostAPIServer(
            socket: try ListeningSocket.bind(path: folder.file("api.sock"), mode: 0o600),
            events: EventHub(limit: 1),
            service: .init(
                answer: { request throws(Problem) in
                    throw Problem(status: request.operation == .exec ? 426 : 404, detail: "not here")
                },
                upgrade: { service.upgrade($0, $1, $2) }
            ),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    func stop() async {
        await service.stop()
        await server.stop()
    }

    /// Waits until nothing of any session is left.
    func isQuiet(within limit: Duration = .seconds(15)) async -> Bool {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            if service.sessions == 0, leftovers.isEmpty { return true }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return false
    }
}

/// Does something with a host, and stops it.
func withHost<Result>(
    _ runner: any ExecRunner,
    limits: ExecLimits = ExecLimits(),
    _ body: (ExecHost) async throws -> Result
) async throws -> Result {
    let host = try await ExecHost(runner, limits: limits)
    do {
        let result = try await body(host)
        await host.stop()
        return result
    } catch {
        await host.stop()
        throw error
    }
}

/// The independent client: websockets of PyPI.
enum WebSockets {
    /// The interpreter that has it; nil if none has.
    static let python: String? = {
        let venv = ProcessInfo.processInfo.environment["BULKHEAD_VENV"].map { "\($0)/bin/python3" }
        return [venv, "python3"].compactMap(\.self).first {
            (try? runTool($0, "-c", "import websockets.sync.client").status) == 0
        }
    }()

    static let skipReason: Comment =
        "SKIPPED: python module websockets is neither in $BULKHEAD_VENV nor in the system: make test installs it"

    private static let prelude = """
        import faulthandler, json, os, signal, socket, struct, subprocess, sys, time
        from websockets.sync.client import unix_connect
        from websockets.exceptions import ConnectionClosed, InvalidStatus
        # Who is ended says where it was.
        faulthandler.register(signal.SIGTERM, chain=True)
        PATH, CLIENT = sys.argv[1], sys.argv[2]
        def connect(streams=False, **options):
            protocols = ["bulkhead.exec.v1"] if streams else None
            ws = unix_connect(PATH, "ws://localhost/exec", compression=None, subprotocols=protocols, **options)
            first = json.loads(ws.recv(timeout=10))
            assert first == {"Capacity": {"max_messages_outstanding": 1024, "messages_written": 0}}, first
            return ws
        def start(ws, command, target="local", tty=None):
            ws.send(json.dumps({"Initialize": {"command": command, "target": target, "tty": tty}}))
        def sh(ws, script, **options): start(ws, ["sh", "-c", script], **options)
        def finish(ws, limit=40):
            data, texts = [], []
            try:
                while True:
                    message = ws.recv(timeout=limit)
                    (texts if isinstance(message, str) else data).append(message)
            except ConnectionClosed as end:
                return data, texts, end.rcvd.code if end.rcvd else None, end.rcvd.reason if end.rcvd else None

        """

    /// Runs a program with the host's socket and the path of the real client; it fails by an exception.
    static func run(_ program: String, on socket: String) async throws {
        let (status, output) = try await result(of: program, on: socket)
        #expect(status == 0, "\(output)")
    }

    /// Runs a program to its end, which is after some seconds at the latest: with 124 then, or by SIGKILL 5 seconds
    /// later.
    static func result(
        of program: String,
        on socket: String,
        limit: Int = 60
    ) async throws -> (status: Int32, output: String) {
        let python = try #require(python)
        let client = try builtProgram("bulkhead-host")
        return try await blocking {
            try runTool(
                "timeout",
                ["--kill-after", "5", "\(limit)", python, "-c", prelude + program, socket, client]
            )
        }
    }
}

/// Runs blocking work outside of Swift's few threads, which the server under test may need.
func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
}
