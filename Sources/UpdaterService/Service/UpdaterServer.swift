import Glibc
import HostAPI
import HostAPIServer
import Logging
import Updater

/// The updater's service, from its first client to its last.
final class UpdaterServer: Sendable {
    private let server: HostAPIServer
    private let service: UpdateService
    private let checks: Task<Void, Never>

    /// Looks after the boot and begins to serve.
    ///
    /// - Parameters:
    ///   - host: where everything is.
    ///   - socket: a listening Unix socket, which the server owns from now on.
    ///   - logger: the log.
    /// - Throws: `UpdaterError`, or what NIO throws for the socket.
    init(_ host: UpdateHost, socket: Int32, logger: Logger) async throws {
        for folder in [host.stateFolder, host.workFolder, host.runtimeFolder] {
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
                throw UpdaterError.record(
                    path: folder,
                    reason: "can't be made: \(String(cString: strerror(errno)))"
                )
            }
        }
        let limits = ServerLimits()
        let events = EventHub(limit: limits.watchers)
        let teller = StatusTeller(events: events, logger: logger)
        let environment = try host.environment { logger.warning("\($0)") }
        let updater = try Self.updater(environment, teller, logger)
        let review = BootReview(host: host, logger: logger)
        // What it could not do is in the journal, and the commands say it again.
        try? await review.review(updater)
        let service = UpdateService(
            updater: updater,
            events: events,
            teller: teller,
            boot: review,
            logger: logger
        )
        self.service = service
        server = try await HostAPIServer(
            socket: socket,
            events: events,
            limits: limits,
            service: .init(answer: { request async throws(Problem) in try await service.answer(request) }),
            logger: logger
        )
        checks = Task {
            await AutomaticChecks(
                interval: { (try? environment.configuration())?.checkInterval },
                check: { await service.check() }
            ).run()
        }
    }

    /// Comes back when both the event loop and the service have answered: they do not hang.
    func ping() async {
        await server.ping()
        await service.ping()
    }

    /// Ends the command at work, lets requests finish for a few seconds, and frees everything.
    func stop() async {
        checks.cancel()
        await service.stop()
        await server.stop()
    }

    /// The updater; a record that can't be used is put aside, as without it updates go on, and with it they never would.
    private static func updater(
        _ environment: Updater.Environment,
        _ teller: StatusTeller,
        _ logger: Logger
    ) throws(UpdaterError) -> Updater {
        do throws(UpdaterError) {
            return try Updater(environment) { teller.tell($0) }
        } catch {
            guard case .record(let path, _) = error, rename(path, path + ".damaged") == 0 else { throw error }
            logger.error("\(error): it was put aside as '\(path).damaged', and what was staged is forgotten")
            return try Updater(environment) { teller.tell($0) }
        }
    }
}
