import ContainerExec
import Containers
import Foundation
import Glibc
import HostAPI
import NIOCore
import NIOPosix
import TestSupport
import Testing

/// `exec` into real containers of the locked containerd, with a terminal and without.
@Suite(
    .enabled(if: Containerd.isAvailable, Comment(rawValue: Containerd.skipReason)),
    .enabled(if: WebSockets.python != nil, WebSockets.skipReason)
)
struct ContainerTests {
    /// Runs a program of Python against a container named `box` whose first process sleeps.
    private func run(
        _ containerd: Containerd? = nil,
        patience: (call: Duration, wait: Duration) = (.seconds(10), .seconds(30)),
        limits: ExecLimits = ExecLimits(),
        _ program: String,
        meanwhile: (Containerd) async throws -> Void = { _ in }
    ) async throws {
        let containerd = try containerd ?? Containerd.shared
        let namespace = "x" + UUID().uuidString.prefix(8).lowercased()
        let runtime = ContainerRuntime(
            socket: containerd.socket,
            namespace: namespace,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            patience: patience.call
        )
        try await runtime.ensureNamespace()
        let archive = AsyncStream<ByteBuffer> { stream in
            stream.yield(ByteBuffer(bytes: (try? ContainerArchive().bytes) ?? []))
            stream.finish()
        }
        let image = try await runtime.importImage(archive, as: "localhost/busy:1") { _ in }
        try await runtime.create(
            NewContainer(
                id: "box",
                image: image,
                spec: Self.spec(cgroup: containerd.cgroup("\(namespace)-box")),
                runtime: .runc(root: containerd.runtimeRoot)
            )
        )
        let folder = try TemporaryDirectory()
        let output = folder.file("output")
        try #require(mkfifo(output, 0o600) == 0)
        let descriptor = open(output, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        defer { close(descriptor) }
        _ = try await runtime.start("box", streams: StreamPaths(stdout: output, stderr: output))
        try await withHost(ContainerRunner(runtime, patience: patience.wait), limits: limits) { host in
            async let client: Void = WebSockets.run(ClientTests.prelude + program, on: host.socket)
            try await meanwhile(containerd)
            try await client
            #expect(await host.isQuiet(within: .seconds(30)), "\(host.service.sessions) \(host.leftovers)")
        }
        // Only the first process is left: no command outlives its session.
        let processes = try containerd.ctr(namespace, "tasks", "ps", "box")
        #expect(processes.output.split(separator: "\n").count == 2, "\(processes.output)")
        try await runtime.remove("box")
        try await runtime.removeImage("localhost/busy:1")
        await runtime.close()
    }

    @Test("streams, exit statuses, input and its end")
    func streams() async throws {
        try await run(
            nil,
            """
            got = client("box", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
            assert (got.returncode, got.stdout, got.stderr) == (7, b"out\\n", b"err\\n"), got
            got = client("box", "sh", "-c", "kill -9 $$")
            assert got.returncode == 137, got
            data = os.urandom(1 << 20) * 4
            got = client("box", "cat", input=data)
            assert got.returncode == 0 and got.stdout == data, (got.returncode, len(got.stdout), got.stderr)
            got = client("box", "/no/such/program")
            assert got.returncode == 1 and b"'/no/such/program' cannot be run" in got.stderr, got
            got = client("other", "ls")
            assert got.returncode == 1 and b"no host container 'other' is running" in got.stderr, got
            # Bottlerocket's client, with a terminal.
            ws = connect()
            start(ws, [{"Unix": list(part.encode())} for part in ["sh", "-c", "stty size; echo $TERM; tty; exit 4"]],
                  target="box", tty={"size": {"rows": 33, "cols": 111}})
            data, texts, code, reason = finish(ws)
            assert (code, reason) == (1000, "4"), (code, reason)
            assert b"".join(data).replace(b"\\r\\n", b"\\n") == b"33 111\\nscreen\\n/dev/pts/0\\n", data
            # Clients that go away.
            for script in ["sleep 60", "trap '' TERM; sleep 60", "yes", "cat"]:
                ws = connect()
                sh(ws, "echo go; " + script, target="box")
                assert ws.recv(timeout=10)[:3] == b"go\\n"
                ws.socket.shutdown(socket.SHUT_RDWR)
            os._exit(0)
            """
        )
    }

    @Test("a real terminal: raw while the command runs, as big as it is, and as it was afterwards")
    func terminal() async throws {
        try await run(
            nil,
            """
            import fcntl, pty, termios
            def start_client(*args):
                pid, master = pty.fork()
                if pid == 0:
                    os.environ["TERM"] = "vt220"
                    os.execv(CLIENT, [CLIENT, "apiclient", "-s", PATH, "exec", *args])
                return pid, master
            def size(master, rows, cols):
                fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
            class Reader:
                def __init__(self, master): self.master, self.text = master, b""
                def until(self, word, limit=20):
                    end = time.time() + limit
                    while word not in self.text:
                        assert time.time() < end, (word, self.text)
                        import select
                        if select.select([self.master], [], [], 0.2)[0]: self.text += os.read(self.master, 65536)
                    i = self.text.index(word) + len(word)
                    got, self.text = self.text[:i], self.text[i:]
                    return got
            def is_raw(master): return not termios.tcgetattr(master)[3] & termios.ICANON
            def status(pid): return os.waitpid(pid, 0)[1]

            pid, master = start_client("box", "sh", "-c",
                "stty size; echo $TERM; tty; read a; while [ \\"$(stty size)\\" != '50 70' ]; do sleep 0.1; done; stty size; echo got-$a; read b; echo $b; exit 9")
            size(master, 40, 123)
            reader = Reader(master)
            reader.until(b"vt220")
            reader.until(b"/dev/pts/")
            assert is_raw(master)
            size(master, 50, 70)
            os.kill(pid, signal.SIGWINCH)
            os.write(master, b"hi\\r")
            reader.until(b"50 70")
            reader.until(b"got-hi")
            os.write(master, b"bye\\r")
            reader.until(b"bye")
            assert os.waitstatus_to_exitcode(status(pid)) == 9
            assert not is_raw(master)

            # Ctrl-C is the command's, not apiclient's.
            pid, master = start_client("-t", "box", "sh", "-c", "trap 'echo caught; exit 3' INT; echo go; while :; do sleep 1; done")
            reader = Reader(master)
            reader.until(b"go")
            os.write(master, b"\\x03")
            reader.until(b"caught")
            assert os.waitstatus_to_exitcode(status(pid)) == 3
            assert not is_raw(master)

            # Signals end apiclient, and the terminal is as it was.
            for number in [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGSEGV, signal.SIGABRT]:
                pid, master = start_client("-t", "box", "sh", "-c", "echo go; sleep 60")
                Reader(master).until(b"go")
                assert is_raw(master)
                os.kill(pid, number)
                assert os.WTERMSIG(status(pid)) == number
                assert not is_raw(master), number
            # Errors too.
            pid, master = start_client("-t", "nobody", "sh")
            Reader(master).until(b"Failed to exec: no host container 'nobody' is running")
            assert os.waitstatus_to_exitcode(status(pid)) == 1 and not is_raw(master)
            os._exit(0)
            """
        )
    }

    @Test("sessions go on over the death of containerd, and new ones are refused with a reason meanwhile")
    func containerdDies() async throws {
        let containerd = try Containerd()
        let flag = try TemporaryDirectory()
        try await run(
            containerd,
            """
            ws = connect(True)
            sh(ws, "echo go; cat; exit 6", target="box")
            assert ws.recv(timeout=10) == b"\\1go\\n"
            open("\(flag.file("go"))", "w").close()
            while not os.path.exists("\(flag.file("dead"))"): time.sleep(0.05)
            ws.send(b"\\0still here")
            assert ws.recv(timeout=10) == b"\\1still here"
            open("\(flag.file("told"))", "w").close()
            while not os.path.exists("\(flag.file("alive"))"): time.sleep(0.05)
            ws.send(json.dumps("ContentComplete"))
            data, texts, code, reason = finish(ws)
            assert (code, reason) == (1000, "6"), (code, reason, texts)
            assert client("box", "echo", "again").stdout == b"again\\n"
            """
        ) { containerd in
            try await Self.seen(flag, "go")
            containerd.kill()
            try Data().write(to: flag.url.appending(path: "dead"))
            try await Self.seen(flag, "told")
            try containerd.start()
            try Data().write(to: flag.url.appending(path: "alive"))
        }
    }

    @Test(
        "the end of the input, and the end of commands without a client, wait for a containerd that is away"
    )
    func containerdIsAway() async throws {
        let containerd = try Containerd()
        let flag = try TemporaryDirectory()
        var limits = ExecLimits()
        limits.grace = .milliseconds(300)
        // Each call gives up long before containerd is back.
        try await run(
            containerd,
            patience: (.milliseconds(200), .seconds(30)),
            limits: limits,
            """
            ws = connect()
            sh(ws, "echo go; cat; exit 6", target="box")
            assert ws.recv(timeout=10) == b"go\\n"
            gone = []
            for script in ["sleep 600", "trap '' TERM; while :; do sleep 1; done"]:
                gone.append(connect())
                sh(gone[-1], "echo go; " + script, target="box")
                assert gone[-1].recv(timeout=10) == b"go\\n"
            open("\(flag.file("go"))", "w").close()
            while not os.path.exists("\(flag.file("dead"))"): time.sleep(0.05)
            for other in gone: other.socket.shutdown(socket.SHUT_RDWR)
            ws.send(b"still here")
            assert ws.recv(timeout=10) == b"still here"
            ws.send(json.dumps("ContentComplete"))
            data, texts, code, reason = finish(ws)
            assert (data, code, reason) == ([], 1000, "6"), (code, reason, texts)
            os._exit(0)
            """
        ) { containerd in
            try await Self.seen(flag, "go")
            containerd.kill()
            try Data().write(to: flag.url.appending(path: "dead"))
            try await Task.sleep(for: .seconds(3))
            try containerd.start()
        }
    }

    @Test("a command that counts as lost is ended when containerd is back")
    func lostCommand() async throws {
        let containerd = try Containerd()
        let flag = try TemporaryDirectory()
        try await run(
            containerd,
            patience: (.milliseconds(200), .milliseconds(500)),
            """
            ws = connect()
            sh(ws, "echo go; while :; do sleep 1; done", target="box")
            assert ws.recv(timeout=10) == b"go\\n"
            open("\(flag.file("go"))", "w").close()
            data, texts, code, reason = finish(ws)
            assert code == 1011 and "was lost" in reason, (code, reason)
            open("\(flag.file("told"))", "w").close()
            os._exit(0)
            """
        ) { containerd in
            try await Self.seen(flag, "go")
            containerd.kill()
            try await Self.seen(flag, "told")
            try await Task.sleep(for: .seconds(1))
            try containerd.start()
        }
    }

    /// Waits until the client has come to a place.
    private static func seen(_ flag: TemporaryDirectory, _ name: String) async throws {
        for _ in 0..<3000 where !FileManager.default.fileExists(atPath: flag.file(name)) {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private static func spec(cgroup: String) -> [UInt8] {
        func mount(_ place: String, _ type: String, _ options: [String]) -> [String: Any] {
            ["destination": place, "type": type, "source": type, "options": options]
        }
        let spec: [String: Any] = [
            "ociVersion": "1.1.0",
            "process": [
                "terminal": false, "user": ["uid": 0, "gid": 0], "args": ["sleep", "3600"],
                "env": ["PATH=/bin"],
                "cwd": "/",
                "capabilities": [
                    "bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"],
                ],
            ] as [String: Any],
            "root": ["path": "rootfs"], "hostname": "test",
            "mounts": [
                mount("/proc", "proc", []), mount("/dev", "tmpfs", ["nosuid", "mode=755"]),
                mount(
                    "/dev/pts",
                    "devpts",
                    ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
                ),
            ],
            "linux": [
                "namespaces": ["ipc", "uts", "mount", "pid"].map { ["type": $0] }, "cgroupsPath": cgroup,
            ] as [String: Any],
        ]
        return Array((try? JSONSerialization.data(withJSONObject: spec)) ?? Data())
    }
}
