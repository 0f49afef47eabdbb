import HostAPI
import HostAPIClient
import HostAPIServer
import JSON
import Logging
import SettingsStore

/// Passes the operations of updates on to the updater: a service of its own, which answers a part of the same route table.
///
/// Its statuses and problem details come back as they are. While it does not answer, nobody but the client that asked
/// waits for it.
struct UpdaterRelay: Sendable {
    /// How long the updater may take: a command goes on after its answer, so every answer is short work.
    static let timeLimit = Duration.seconds(30)

    private let client: HostAPIClient
    private let logger: Logger
    /// What the updater tells, passed on to the clients of `/events`.
    let events: UpdateEvents

    /// - Parameters:
    ///   - socketPath: where the updater listens.
    ///   - hub: the events of the API server.
    init(socketPath: String, hub: EventHub, logger: Logger) {
        client = HostAPIClient(socketPath: socketPath, timeLimit: Self.timeLimit)
        self.logger = logger
        events = UpdateEvents(client: client, hub: hub, logger: logger)
    }

    /// Passes a command on: `POST /actions/refresh-updates` and its like.
    func command(_ request: APIRequest) async throws(Problem) -> APIReply {
        let author = request.peer.author
        logger.notice(
            "update command asked for",
            metadata: [
                "OPERATION": "\(request.operation.rawValue)", "PEER_UID": "\(author.user)",
                "PEER_PID": "\(author.process)", "PEER_PROGRAM": "\(author.program)",
            ]
        )
        // First, so that what the command tells at once is kept for clients that come back to `/events`.
        await events.follow()
        do throws(HostAPIError) {
            _ = try await client.call(request.operation, query: Self.query(of: request))
            return .nothing
        } catch {
            throw Self.problem(error, whenAway: 409)
        }
    }

    /// The parameters of a command as they came.
    private static func query(of request: APIRequest) -> [(String, String)] {
        let parameters = request.parameters
        return RouteTable.endpoint(for: request.operation).parameters.compactMap { parameter in
            let value =
                parameters.text(parameter.name) ?? parameters.boolean(parameter.name).map { "\($0)" }
            return value.map { (parameter.name, $0) }
        }
    }

    /// Passes `GET /updates/status` on.
    func status() async throws(Problem) -> APIReply {
        do throws(HostAPIError) {
            return .json(try await client.call(.getUpdateStatus).json())
        } catch {
            throw Self.problem(error, whenAway: 404)
        }
    }

    /// What `GET /health` says of updates: a release that failed here, and an updater that does not answer.
    ///
    /// An updater that is not there is none: the state of its unit tells that already.
    ///
    /// - Parameter time: now.
    func problems(time: Timestamp) async -> [HealthProblem] {
        do throws(HostAPIError) {
            let status = try await client.updateStatus(timeLimit: .seconds(5))
            return status.failedUpdate.map { [$0.healthProblem] } ?? []
        } catch {
            switch error {
            case .problem(let problem) where problem.status < 500: return []
            case .problem, .timedOut, .serverClosed, .invalidResponse, .responseTooLong, .serverBusy:
                let message = Self.problem(error, whenAway: 404).detail
                return [
                    HealthProblem(
                        source: "update",
                        message: String(message.unicodeScalars.prefix(4096)),
                        time: time
                    )
                ]
            case .socketMissing, .nobodyListens, .permissionDenied, .socketPathTooLong, .connectionFailed,
                .invalidRequest, .cancelled:
                return []
            }
        }
    }

    /// The state for `GET /metrics`; nil where it is not known, as while a command is under way.
    func state() async -> UpdateStatus.State? {
        try? await client.updateStatus(timeLimit: .seconds(1)).state
    }

    /// The problem that a client is told when the updater does not do what was asked.
    ///
    /// - Parameter status: the status while there is no updater to ask.
    static func problem(_ error: HostAPIError, whenAway status: Int) -> Problem {
        func away(_ reason: String) -> Problem {
            Problem(
                status: status,
                detail:
                    "the updater of this host does not run (\(reason)): the journal of updater.service says why"
            )
        }
        func unsure(_ reason: String) -> Problem {
            Problem(
                status: 503,
                detail:
                    "\(reason): what was asked may have been done; GET /updates/status and the journal of updater.service tell"
            )
        }
        switch error {
        case .problem(let problem): return problem
        case .socketMissing(let path): return away("there is no socket \(path)")
        case .nobodyListens(let path): return away("nobody listens on \(path)")
        case .permissionDenied(let path): return away("the API server may not connect to \(path)")
        case .socketPathTooLong(let path): return away("no socket can have the path \(path)")
        case .connectionFailed(let path, let errno):
            return away("\(path) can't be connected to, errno \(errno)")
        case .serverBusy:
            return Problem(
                status: 503,
                detail: "the updater serves as many clients as it can: nothing was done; try again later"
            )
        case .timedOut(_, let seconds):
            return unsure("the updater did not answer within \(seconds) seconds")
        case .serverClosed: return unsure("the updater ended before it had answered")
        case .cancelled: return unsure("the API server stops")
        case .invalidResponse(_, let reason):
            return Problem(
                status: 500,
                detail: "the updater's answer can't be read: \(reason); see the journal of updater.service"
            )
        case .responseTooLong, .invalidRequest:
            return Problem(status: 500, detail: "the updater can't be asked: \(error)")
        }
    }
}

extension HostAPIClient {
    /// The status of the updater.
    func updateStatus(timeLimit: Duration) async throws(HostAPIError) -> UpdateStatus {
        let answer = try await call(.getUpdateStatus, timeLimit: timeLimit)
        let json = try answer.json()
        do throws(PayloadError) {
            return try UpdateStatus(json: json)
        } catch {
            throw .invalidResponse(request: answer.request, reason: "\(error)")
        }
    }
}

extension UpdateStatus.FailedUpdate {
    /// The failure as a part of the host's health.
    var healthProblem: HealthProblem {
        let text =
            "version \(version) did not prove itself and the host went back: \(reason). "
            + "It is not taken again by itself: publish a newer one, or ask for this one by its version"
        return HealthProblem(
            source: "update",
            message: String(text.unicodeScalars.prefix(4096)),
            time: time
        )
    }
}
