import Glibc
import Systemd
import Testing

/// Each test runs in a process of its own, because libsystemd reads the environment.
@Suite struct NotifierTests {
    @Test func tellsTheManagerItsStates() async {
        await #expect(processExitsWith: .success) {
            let (descriptor, path) = try UnixSocket.bound(Int32(SOCK_DGRAM.rawValue))
            setenv("NOTIFY_SOCKET", path, 1)
            let notifier = Notifier()
            #expect(try notifier.send(.ready, .status("two\nlines")))
            #expect(UnixSocket.receive(descriptor) == "READY=1\nSTATUS=two lines")
            #expect(try notifier.send(.watchdog))
            #expect(UnixSocket.receive(descriptor) == "WATCHDOG=1")
            #expect(try notifier.send(.stopping))
            #expect(UnixSocket.receive(descriptor) == "STOPPING=1")
            unlink(path)
            #expect(throws: SystemdError.self) { try notifier.send(.ready) }
        }
    }

    @Test func withoutManagerNothingIsSent() async {
        await #expect(processExitsWith: .success) {
            unsetenv("NOTIFY_SOCKET")
            let sent = try Notifier().send(.ready)
            #expect(!sent)
        }
    }

    @Test func watchdogIsFedTwicePerPeriod() async {
        await #expect(processExitsWith: .success) {
            unsetenv("WATCHDOG_USEC")
            #expect(Notifier().watchdogInterval == nil)
            setenv("WATCHDOG_USEC", "30000000", 1)
            setenv("WATCHDOG_PID", "\(getpid())", 1)
            #expect(Notifier().watchdogInterval == .seconds(15))
            setenv("WATCHDOG_PID", "1", 1)
            #expect(Notifier().watchdogInterval == nil)
        }
    }
}

@Suite struct ActivationSocketsTests {
    @Test func takesTheSocketOnce() async {
        await #expect(processExitsWith: .success) {
            let path = try UnixSocket.handOver(Int32(SOCK_STREAM.rawValue), listening: true)
            let sockets = try ActivationSockets.takeUnixStreams(boundTo: path)
            #expect(sockets.map(\.descriptor) == [3])
            #expect(sockets.map(\.name) == ["api"])
            #expect(fcntl(3, F_GETFD) & FD_CLOEXEC != 0)
            #expect(try ActivationSockets.takeUnixStreams().isEmpty)
            unlink(path)
        }
    }

    @Test func refusesOtherSockets() async {
        await #expect(processExitsWith: .success) {
            let path = try UnixSocket.handOver(Int32(SOCK_STREAM.rawValue), listening: true)
            #expect(throws: SystemdError.self) {
                try ActivationSockets.takeUnixStreams(boundTo: "/run/other.sock")
            }
            unlink(path)
        }
        await #expect(processExitsWith: .success) {
            let path = try UnixSocket.handOver(Int32(SOCK_DGRAM.rawValue), listening: false)
            #expect(
                throws: SystemdError.wrongSocket(descriptor: 3, expected: "a listening Unix stream socket")
            ) {
                try ActivationSockets.takeUnixStreams()
            }
            unlink(path)
        }
    }

    @Test func withoutActivationThereAreNone() async {
        await #expect(processExitsWith: .success) {
            unsetenv("LISTEN_FDS")
            let sockets = try ActivationSockets.takeUnixStreams()
            #expect(sockets.isEmpty)
        }
    }
}

/// Sockets in the process of a test.
enum UnixSocket {
    struct Failure: Error { let errno: Int32 }

    /// A socket at a new path below /tmp.
    static func bound(_ type: Int32) throws -> (descriptor: Int32, path: String) {
        let path = "/tmp/bulkhead-test-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw Failure(errno: errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw Failure(errno: errno) }
        return (descriptor, path)
    }

    /// Makes a socket and hands it to this very process, as systemd does.
    static func handOver(_ type: Int32, listening: Bool) throws -> String {
        let (descriptor, path) = try bound(type)
        if listening, listen(descriptor, 8) != 0 { throw Failure(errno: errno) }
        if descriptor != 3 {
            guard dup2(descriptor, 3) == 3 else { throw Failure(errno: errno) }
        }
        setenv("LISTEN_PID", "\(getpid())", 1)
        setenv("LISTEN_FDS", "1", 1)
        setenv("LISTEN_FDNAMES", "api", 1)
        return path
    }

    static func receive(_ descriptor: Int32) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }
}
