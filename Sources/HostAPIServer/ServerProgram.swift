@preconcurrency import Dispatch
public import Glibc
public import Logging
import Systemd

/// What programs that serve have in common: a socket from systemd or one of their own, signs of life, an orderly end.
public enum ServerProgram {
    /// Serves until SIGTERM or SIGINT.
    ///
    /// - Parameters:
    ///   - socketPath: where the socket is made when systemd hands none over.
    ///   - mode: the permission bits of a socket that is made.
    ///   - logger: the program's log.
    ///   - start: makes the server of a listening socket, which it owns then.
    /// - Throws: what `start` throws; `HostAPIServerError`, `SystemdError`.
    public static func serve(
        socketPath: String,
        mode: mode_t,
        logger: Logger,
        start: (Int32) async throws -> Server
    ) async throws {
        signal(SIGPIPE, SIG_IGN)
        let stop = StopSignals()
        let inherited = try ActivationSockets.takeUnixStreams()
        for socket in inherited.dropFirst() { close(socket.descriptor) }
        let socket = try inherited.first?.descriptor ?? ListeningSocket.bind(path: socketPath, mode: mode)
        let server = try await start(socket)
        let notifier = Notifier()
        logger.info("\(server.greeting) on \(inherited.isEmpty ? socketPath : "the socket from systemd")")
        _ = try? notifier.send(.ready, .status(server.greeting))
        CodePages.release()
        let watchdog = notifier.watchdogInterval.map { interval in
            Task {
                while !Task.isCancelled {
                    // What hangs keeps the ping from being sent, and systemd restarts the server.
                    await server.ping()
                    _ = try? notifier.send(.watchdog)
                    try? await Task.sleep(for: interval)
                }
            }
        }
        await stop.wait()
        _ = try? notifier.send(.stopping)
        logger.info("stopping")
        await server.stop()
        if inherited.isEmpty { unlink(socketPath) }
        watchdog?.cancel()
    }

    /// A server that runs.
    public struct Server: Sendable {
        /// What it serves, for the log and `systemctl status`.
        public var greeting: String
        /// Comes back when nothing in it hangs.
        public var ping: @Sendable () async -> Void
        /// Ends it.
        public var stop: @Sendable () async -> Void

        /// States a server.
        public init(
            greeting: String,
            ping: @escaping @Sendable () async -> Void,
            stop: @escaping @Sendable () async -> Void
        ) {
            self.greeting = greeting
            self.ping = ping
            self.stop = stop
        }
    }
}

/// Waits for the signals that stop a service.
private final class StopSignals: Sendable {
    private let received: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        received = stream
        sources = [SIGTERM, SIGINT].map { number in
            // The default action would end the process before the source sees the signal.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { continuation.yield() }
            source.activate()
            return source
        }
    }

    func wait() async {
        for await _ in received { return }
    }
}
