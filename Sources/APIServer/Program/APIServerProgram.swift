@preconcurrency import Dispatch
import Glibc
import Logging
import Systemd

/// The program `apiserver`.
public enum APIServerProgram {
    /// Serves until SIGTERM or SIGINT.
    ///
    /// - Parameter arguments: the command line without the program's name.
    /// - Returns: the exit status: 0 stopped, 1 could not start, 2 wrong usage.
    public static func main(arguments: [String]) async -> Int32 {
        let options: APIServerOptions
        do throws(APIServerError) {
            guard let parsed = try APIServerOptions(arguments: arguments) else {
                print(APIServerOptions.usage)
                return 0
            }
            options = parsed
        } catch {
            HostLogHandler.writeLine("apiserver: \(error)")
            return 2
        }
        signal(SIGPIPE, SIG_IGN)
        let stop = StopSignals()
        let logger = Logger(label: "apiserver") { _ in HostLogHandler() }
        do {
            try await serve(options, until: stop, logger)
            return 0
        } catch {
            logger.critical("\(error)")
            return 1
        }
    }

    private static func serve(_ options: APIServerOptions, until stop: StopSignals, _ logger: Logger)
        async throws
    {
        let inherited = try ActivationSockets.takeUnixStreams()
        let server = try await APIServer(
            options,
            inheritedSocket: inherited.first?.descriptor,
            logger: logger
        )
        for socket in inherited.dropFirst() { close(socket.descriptor) }
        let notifier = Notifier()
        logger.info("serving settings of generation \(server.generation) on \(server.address)")
        _ = try? notifier.send(.ready, .status("Generation \(server.generation)"))
        IdlePages.release()
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
        watchdog?.cancel()
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
