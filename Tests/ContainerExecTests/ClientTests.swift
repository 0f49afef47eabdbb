import ContainerExec
import Foundation
import HostAPI
import NIOCore
import TestSupport
import Testing

/// `apiclient exec` without a terminal: streams, exit statuses, faults.
@Suite(.enabled(if: WebSockets.python != nil, WebSockets.skipReason))
struct ClientTests {
    let runner = LocalRunner()

    static let prelude = """
        def client(*args, input=b"", path=PATH):
            return subprocess.run([CLIENT, "apiclient", "-s", path, "exec", *args], input=input,
                                  capture_output=True, timeout=50)

        """

    private func run(_ program: String, limits: ExecLimits = ExecLimits()) async throws {
        try await withHost(runner, limits: limits) { host in
            try await WebSockets.run(Self.prelude + program, on: host.socket)
            #expect(await host.isQuiet(), "\(host.service.sessions) \(host.leftovers)")
            #expect(runner.running == [])
        }
    }

    @Test("streams apart, exit status, input with its end, bytes as they are")
    func streams() async throws {
        try await run(
            """
            got = client("local", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
            assert (got.returncode, got.stdout, got.stderr) == (7, b"out\\n", b"err\\n"), got
            got = client("local", "sh", "-c", "kill -TERM $$")
            assert (got.returncode, got.stdout, got.stderr) == (143, b"", b""), got
            got = client("-T", "local", "--", "wc", "-c", input=b"\\0\\n\\xff" * 100)
            assert (got.returncode, got.stdout) == (0, b"300\\n"), got
            # More than fits in any buffer, both ways at once.
            data = os.urandom(1 << 20) * 6
            got = client("local", "cat", input=data)
            assert got.returncode == 0 and got.stdout == data and got.stderr == b"", (got.returncode, len(got.stdout))
            # Input that nobody wants.
            got = client("local", "sh", "-c", "exec 0<&-; echo done", input=data)
            assert (got.returncode, got.stdout) == (0, b"done\\n"), got
            """
        )
    }

    @Test("what can't be run is told in a sentence, with status 1")
    func faults() async throws {
        try await run(
            """
            got = client("nobody", "ls")
            assert got.returncode == 1 and got.stdout == b"", got
            assert got.stderr.startswith(b"Failed to exec: no host container 'nobody' is running"), got
            got = client("local", "/no/such/program")
            assert got.returncode == 1 and got.stderr.startswith(b"Failed to exec: the command was not started"), got
            got = client("local", "ls", path=PATH + "x")
            assert got.returncode == 1 and b"there is no socket" in got.stderr, got
            # Nobody reads the output any more.
            reader, writer = os.pipe()
            child = subprocess.Popen([CLIENT, "apiclient", "-s", PATH, "exec", "local", "yes"], stdout=writer,
                                     stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
            os.close(writer)
            os.read(reader, 10)
            os.close(reader)
            assert child.wait(30) == 141 and child.stderr.read() == b"", child.returncode
            # A client that is killed takes the command along (the test looks for it at the end).
            for number in [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]:
                child = subprocess.Popen([CLIENT, "apiclient", "-s", PATH, "exec", "local", "sh", "-c", "echo go; sleep 60"],
                                         stdout=subprocess.PIPE, stdin=subprocess.PIPE)
                assert child.stdout.readline() == b"go\\n"
                child.send_signal(number)
                assert child.wait(10) == -number
            """
        )
    }

    @Test("a server that does not answer is given up, and the terminal stays as it is meanwhile")
    func silentServer() async throws {
        try await run(
            """
            import pty, termios
            silent = socket.socket(socket.AF_UNIX)
            silent.bind(PATH + "2")
            silent.listen()
            def start_client():
                pid, master = pty.fork()
                if pid == 0: os.execv(CLIENT, [CLIENT, "apiclient", "-s", PATH + "2", "exec", "local", "sh"])
                connection = silent.accept()[0]
                assert connection.recv(4) == b"GET "
                return pid, master, connection
            def is_raw(master): return not termios.tcgetattr(master)[3] & termios.ICANON
            # Ctrl-C ends it.
            pid, master, connection = start_client()
            time.sleep(0.5)
            assert not is_raw(master)
            os.write(master, b"\\x03")
            assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGINT
            pid, master, connection = start_client()
            text = b""
            while b"did not answer within 10 seconds" not in text: text += os.read(master, 65536)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
            assert not is_raw(master)
            """
        )
    }

    @Test("a signal that was ignored at the start ends nothing, and one that was not gives the terminal back")
    func ignoredSignal() async throws {
        try await run(
            """
            import pty, termios
            for number, is_ignored in [(signal.SIGHUP, True), (signal.SIGINT, True), (signal.SIGHUP, False)]:
                pid, master = pty.fork()
                if pid == 0:
                    if is_ignored: signal.signal(number, signal.SIG_IGN)
                    os.execv(CLIENT, [CLIENT, "apiclient", "-s", PATH, "exec", "-t", "local",
                                      "sh", "-c", "echo go; read a; echo got-$a; exit 9"])
                text = b""
                def until(word):
                    global text
                    while word not in text: text += os.read(master, 65536)
                until(b"go")
                assert not termios.tcgetattr(master)[3] & termios.ICANON
                os.kill(pid, number)
                if is_ignored:
                    # The program is there, and the terminal as it left it.
                    time.sleep(0.5)
                    assert not termios.tcgetattr(master)[3] & termios.ICANON
                    os.write(master, b"it\\n")
                    until(b"got-it")
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                assert status == (9 if is_ignored else -number), (number, is_ignored, status)
                assert termios.tcgetattr(master)[3] & termios.ICANON
            """
        )
    }

    @Test("output that is read slowly is not lost, and the session stays")
    func slowOutput() async throws {
        var limits = ExecLimits()
        limits.heartbeat = .milliseconds(200)
        limits.silence = .seconds(4)
        try await run(
            """
            child = subprocess.Popen([CLIENT, "apiclient", "-s", PATH, "exec", "local", "sh", "-c",
                                      "head -c 3000000 /dev/zero; echo end >&2; exit 5"],
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
            time.sleep(6)
            total = 0
            while True:
                part = child.stdout.read1(100000)
                if not part: break
                total += len(part)
            assert total == 3000000, total
            assert child.wait(10) == 5 and child.stderr.read() == b"end\\n"
            """,
            limits: limits
        )
    }
}
