import ContainerExec
import Foundation
import Glibc
import HostAPI
import NIOCore
import Synchronization
import TestSupport
import Testing

/// Clients and servers that go away, or take more than they should.
@Suite(.enabled(if: WebSockets.python != nil, WebSockets.skipReason))
struct FaultTests {
    let runner = LocalRunner()

    @Test("a client that disappears takes its command along, one that ignores SIGTERM too")
    func disappearingClient() async throws {
        var limits = ExecLimits()
        limits.grace = .milliseconds(500)
        try await withHost(runner, limits: limits) { host in
            try await WebSockets.run(
                """
                scripts = ["sleep 60", "trap '' TERM; while :; do sleep 1; done", "cat", "yes",
                           "trap 'yes | head -c 10000000; exit 0' TERM; while :; do sleep 0.1; done"]
                sessions = []
                for script in scripts:
                    ws = connect()
                    sh(ws, "echo go; " + script)
                    assert ws.recv(timeout=10)[:3] == b"go\\n"
                    sessions.append(ws)
                for ws in sessions: ws.socket.shutdown(socket.SHUT_RDWR)
                # Neither do those stay whose client is gone before they are started, or says nothing at all.
                for i in range(20):
                    ws = connect()
                    if i % 2: sh(ws, "sleep 60")
                    ws.socket.shutdown(socket.SHUT_RDWR)
                os._exit(0)
                """,
                on: host.socket
            )
            #expect(await host.isQuiet(), "\(host.service.sessions) \(host.leftovers)")
            #expect(runner.running == [])
        }
    }

    @Test("a program of these tests that hangs is ended, and says where it was")
    func hangingProgram() async throws {
        try await withHost(runner) { host in
            let late = try await WebSockets.result(of: "time.sleep(30)", on: host.socket, limit: 1)
            #expect(late.status == 124, "\(late.output)")
            let ended = try await WebSockets.result(
                of: "os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)",
                on: host.socket
            )
            #expect(ended.status == SIGTERM && ended.output.contains("in <module>"), "\(ended)")
        }
    }

    @Test("output that nobody reads waits at the command, not in memory")
    func slowReader() async throws {
        try await withHost(runner) { host in
            try await WebSockets.run(
                """
                ws = connect(max_queue=1)
                sh(ws, "echo $$; exec yes 0123456789abcde")
                pid = int(ws.recv(timeout=10).split()[0])
                def written():
                    with open(f"/proc/{pid}/io") as f:
                        return int(next(line for line in f if line.startswith("wchar")).split()[1])
                # Until it stands still: what it wrote is all that the server can hold, with the kernel's part of it.
                last = -1
                while last != written():
                    last = written()
                    time.sleep(0.5)
                assert last < 1 << 20, last
                total = 0
                while total < 64 << 20: total += len(ws.recv(timeout=10))
                assert written() < total + (2 << 20), (written(), total)
                os._exit(0)
                """,
                on: host.socket
            )
            #expect(await host.isQuiet())
            #expect(runner.running == [])
        }
    }

    @Test("a hundred clients that read nothing cost a bounded amount of memory")
    func manySlowReaders() async throws {
        try await withHost(runner) { host in
            try await WebSockets.run(
                """
                s = socket.socket(socket.AF_UNIX)
                s.connect(PATH)
                server = struct.unpack("iII", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
                s.close()
                def resident():
                    with open(f"/proc/{server}/statm") as f: return int(f.read().split()[1]) * 4096
                before, sessions = resident(), []
                for i in range(100):
                    ws = connect(max_queue=1, ping_interval=None)
                    start(ws, ["yes", "0123456789abcde"])
                    sessions.append(ws)
                time.sleep(4)
                more = resident() - before
                # Output of 32 KiB beyond the 64 KiB at which it stops, and its rest, each.
                assert more < 100 << 20, more
                os._exit(0)
                """,
                on: host.socket
            )
            #expect(await host.isQuiet(within: .seconds(30)))
            #expect(runner.running == [])
        }
    }

    @Test("a client that is not heard of is gone, one that only reads slowly is not")
    func silence() async throws {
        var limits = ExecLimits()
        limits.heartbeat = .milliseconds(100)
        limits.silence = .milliseconds(600)
        limits.initialize = .milliseconds(600)
        try await withHost(runner, limits: limits) { host in
            try await WebSockets.run(
                """
                ws = connect()
                sh(ws, "sleep 1.5; echo late")
                data, texts, code, reason = finish(ws)
                assert (data, code, reason) == ([b"late\\n"], 1000, "0"), (data, code, reason)
                ws = connect()
                assert finish(ws)[2:] == (1008, "no Initialize came in time")
                ws = connect()
                sh(ws, "echo $$; exec sleep 60")
                pid = int(ws.recv(timeout=10).split()[0])
                child = os.fork()
                if child == 0:
                    # A process that holds the connection and does nothing any more.
                    time.sleep(20)
                    os._exit(0)
                os._exit(0)
                """,
                on: host.socket
            )
            #expect(await host.isQuiet())
            #expect(runner.running == [])
        }
    }

    @Test("128 sessions at once work, the next one is told to come later")
    func manySessions() async throws {
        try await withHost(runner) { host in
            try await WebSockets.run(
                """
                sessions = []
                for i in range(128):
                    ws = connect(ping_interval=None)
                    start(ws, ["cat"])
                    sessions.append(ws)
                try:
                    connect()
                    assert False, "129 sessions"
                except InvalidStatus as refusal:
                    assert refusal.response.status_code == 503, refusal
                    assert b"128 sessions" in refusal.response.body and refusal.response.headers["Retry-After"]
                for i, ws in enumerate(sessions): ws.send(str(i).encode() * 1000)
                for i, ws in enumerate(sessions):
                    got = b""
                    while len(got) < len(str(i)) * 1000: got += ws.recv(timeout=20)
                    assert got == str(i).encode() * 1000
                for ws in sessions[:64]: ws.send(json.dumps("ContentComplete"))
                for ws in sessions[:64]: assert finish(ws)[2:] == (1000, "0")
                os._exit(0)
                """,
                on: host.socket
            )
            #expect(await host.isQuiet())
            #expect(runner.running == [] && runner.removed == 128)
        }
    }

    @Test("a server that stops tells the clients and leaves no command behind")
    func stop() async throws {
        let host = try await ExecHost(runner)
        async let client: Void = WebSockets.run(
            """
            ws = connect()
            sh(ws, "echo go; sleep 60")
            data, texts, code, reason = finish(ws)
            assert (data, code) == ([b"go\\n"], 1001), (data, code, reason)
            """,
            on: host.socket
        )
        while runner.running.isEmpty { try await Task.sleep(for: .milliseconds(20)) }
        try await Task.sleep(for: .milliseconds(300))
        await host.stop()
        #expect(runner.running == [] && host.leftovers == [])
        try await client
    }

    @Test("the next server ends what one that was killed has left")
    func leftovers() async throws {
        // The runtime is away at first, as when everything was restarted.
        let recorder = Recorder(refusals: 2)
        let folder = try TemporaryDirectory()
        try Data("admin".utf8).write(to: folder.url.appending(path: "exec-0123456789abcdef.session"))
        try Data().write(to: folder.url.appending(path: "exec-0123456789abcdef.in"))
        let service = ExecService(runner: recorder, folder: folder.path) { _ in }
        func left() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path) }
        for _ in 0..<500 where try !left().isEmpty { try await Task.sleep(for: .milliseconds(10)) }
        #expect(
            recorder.calls == Array(repeating: "remove admin exec-0123456789abcdef", count: 3)
        )
        #expect(try left() == [])
        #expect(service.sessions == 0)
        await service.stop()
    }

    @Test("what can't be ended before the server stops stays written down for the next one")
    func leftoversStay() async throws {
        let recorder = Recorder(refusals: .max)
        let folder = try TemporaryDirectory()
        let note = folder.file("exec-0123456789abcdef.session")
        try Data("admin".utf8).write(to: URL(filePath: note))
        let log = Mutex<[String]>([])
        let service = ExecService(runner: recorder, folder: folder.path) { line in
            log.withLock { $0.append(line) }
        }
        while recorder.calls.count < 2 { try await Task.sleep(for: .milliseconds(10)) }
        await service.stop()
        for _ in 0..<1000 where !log.withLock({ $0.last?.contains("next start") ?? false }) {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(
            log.withLock { $0.last }
                == "exec exec-0123456789abcdef in 'admin' may still run: the next start of this server ends it"
        )
        #expect(FileManager.default.fileExists(atPath: note))
    }

    @Test("input reaches a command whose supervisor opens it late, and so does its end")
    func lateInput() async throws {
        try await withHost(LateRunner()) { host in
            try await WebSockets.run(
                """
                for data in [b"hello", b""]:
                    ws = connect()
                    start(ws, ["cat"])
                    if data: ws.send(data)
                    ws.send(json.dumps("ContentComplete"))
                    got, texts, code, reason = finish(ws, limit=15)
                    assert (b"".join(got), code, reason) == (data, 1000, "0"), (got, code, reason)
                """,
                on: host.socket
            )
            #expect(await host.isQuiet())
        }
    }

    @Test("the end of the input is told again until the runtime takes it")
    func inputEndIsRepeated() async throws {
        let runner = LateRunner(refusals: 2)
        try await withHost(runner) { host in
            try await WebSockets.run(
                """
                ws = connect()
                start(ws, ["cat"])
                ws.send(b"x")
                ws.send(json.dumps("ContentComplete"))
                data, texts, code, reason = finish(ws, limit=15)
                assert (b"".join(data), code, reason) == (b"x", 1000, "0"), (data, code, reason)
                """,
                on: host.socket
            )
            #expect(runner.closings >= 3)
            #expect(await host.isQuiet())
        }
    }

    @Test("a connection that has not ended yet takes room, though its command has")
    func roomOfConnections() async throws {
        var limits = ExecLimits()
        limits.sessions = 1
        limits.closing = .seconds(60)
        try await withHost(runner, limits: limits) { host in
            try await WebSockets.run(
                """
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(30)
                s.connect(PATH)
                text = b'{"Initialize":{"command":["true"],"target":"local"}}'
                s.sendall(b"GET /exec HTTP/1.1\\r\\nHost: a\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n"
                          b"Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n")
                got = b""
                def until(end):
                    global got
                    while end not in got:
                        part = s.recv(65536)
                        assert part, got
                        got += part
                until(b"\\r\\n\\r\\n")
                s.sendall(b"\\x81" + bytes([0x80 | len(text)]) + b"\\0\\0\\0\\0" + text)
                until(b"\\x88")
                # The command is over, and its end told; nobody has answered.
                time.sleep(0.5)
                try:
                    connect()
                    assert False, "a second session"
                except InvalidStatus as refusal:
                    assert refusal.response.status_code == 503, refusal
                s.close()
                for i in range(200):
                    try: connect().close()
                    except InvalidStatus: time.sleep(0.05)
                    else: break
                else: assert False, "no room"
                """,
                on: host.socket
            )
            #expect(await host.isQuiet())
        }
    }
}

/// Notes what it is asked to remove, which it does not do at first.
private final class Recorder: ExecRunner {
    private let noted = Mutex<[String]>([])
    private let refusals: Int
    var calls: [String] { noted.withLock { $0 } }

    init(refusals: Int) { self.refusals = refusals }

    func start(_ command: ExecCommand, id: String, streams: ExecStreams) async throws(ContainerExecError) {}
    func wait(_ target: String, id: String) async throws(ContainerExecError) -> UInt32 { 0 }
    func resize(_ target: String, id: String, to size: ExecTerminalSize) async {}
    func closeInput(_ target: String, id: String) async -> Bool { true }
    func signal(_ target: String, id: String, _ number: Int32) async -> Bool { true }
    func remove(_ target: String, id: String) async -> Bool {
        noted.withLock {
            $0.append("remove \(target) \(id)")
            return $0.count > refusals
        }
    }
}
