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
        let recorder = Recorder()
        let folder = try TemporaryDirectory()
        try Data("admin".utf8).write(to: folder.url.appending(path: "exec-0123456789abcdef.session"))
        try Data().write(to: folder.url.appending(path: "exec-0123456789abcdef.in"))
        let service = ExecService(runner: recorder, folder: folder.path) { _ in }
        for _ in 0..<500 where recorder.calls.count < 2 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(
            recorder.calls == ["signal admin exec-0123456789abcdef 9", "remove admin exec-0123456789abcdef"]
        )
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        #expect(service.sessions == 0)
    }
}

/// Notes what it is asked to do.
private final class Recorder: ExecRunner {
    private let noted = Mutex<[String]>([])
    var calls: [String] { noted.withLock { $0 } }

    func start(_ command: ExecCommand, id: String, streams: ExecStreams) async throws(ContainerExecError) {}
    func wait(_ target: String, id: String) async throws(ContainerExecError) -> UInt32 { 0 }
    func resize(_ target: String, id: String, to size: ExecTerminalSize) async {}
    func closeInput(_ target: String, id: String) async {}
    func signal(_ target: String, id: String, _ number: Int32) async {
        noted.withLock { $0.append("signal \(target) \(id) \(number)") }
    }
    func remove(_ target: String, id: String) async { noted.withLock { $0.append("remove \(target) \(id)") } }
}
