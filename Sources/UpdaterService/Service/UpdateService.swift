import HostAPI
import HostAPIServer
import Logging
import Rollout
import Updater

/// Takes the commands of an update: checks whether each may begin, lets it go on after the answer, and tells how it goes.
actor UpdateService {
    private struct Work {
        var kind: UpdateStatus.Command.Kind
        var task: Task<Void, Never>?
        /// Whether a `deactivate` stopped it.
        var isTakenBack = false
    }

    private let updater: Updater
    private let events: EventHub
    private let teller: StatusTeller
    private let boot: BootReview
    private let logger: Logger
    private var work: Work?
    private var isStopping = false

    init(updater: Updater, events: EventHub, teller: StatusTeller, boot: BootReview, logger: Logger) {
        self.updater = updater
        self.events = events
        self.teller = teller
        self.boot = boot
        self.logger = logger
    }

    /// Answers a request.
    ///
    /// - Throws: the problem that the client is told.
    func answer(_ request: APIRequest) async throws(Problem) -> APIReply {
        switch request.operation {
        case .refreshUpdates:
            let version = request.parameters.text("version")
            let ignoringWaves = request.parameters.boolean("ignore-waves") ?? false
            return try await start(.refresh, request.peer) { updater throws(UpdaterError) in
                try await updater.refresh(requesting: version, ignoringWaves: ignoringWaves)?.description
            }
        case .prepareUpdate:
            return try await start(.prepare, request.peer) { updater throws(UpdaterError) in
                try await updater.prepare()
                return nil
            }
        case .activateUpdate:
            return try await start(.activate, request.peer) { updater throws(UpdaterError) in
                try await updater.activate()
                return nil
            }
        case .deactivateUpdate:
            // One that is about to begin may be refused yet, and then nothing would be taken back.
            if work?.kind == .prepare, work?.task != nil { return takeBack(request.peer) }
            return try await start(.deactivate, request.peer) { updater throws(UpdaterError) in
                try await updater.deactivate()
                return nil
            }
        case .getUpdateStatus: return try await status()
        case .watchEvents: return try events.reply(to: request)
        case .commitBoot: return try await commit()
        case .rollBack: return try await rollBack(request.peer)
        default: throw RouteTable.unknownPathProblem(RouteTable.endpoint(for: request.operation).path)
        }
    }

    /// Looks for updates, because it is time to; not while something else is at work.
    func check() async {
        guard work == nil else { return }
        // What it came to is in the journal and in the status.
        _ = try? await start(.refresh, nil) { updater throws(UpdaterError) in
            try await updater.refresh(isAutomatic: true)?.description
        }
    }

    /// Comes back when the service answers.
    func ping() {}

    /// Ends the command at work, which the next one goes on from, and takes no more.
    func stop() async {
        isStopping = true
        guard let task = work?.task else { return }
        task.cancel()
        await task.value
    }

    // MARK: Commands

    private func start(
        _ kind: UpdateStatus.Command.Kind,
        _ peer: PeerCredentials?,
        _ body: @escaping @Sendable (Updater) async throws(UpdaterError) -> String?
    ) async throws(Problem) -> APIReply {
        guard !isStopping else { throw Problem(status: 503, detail: "the updater is stopping: try again") }
        if let work { throw Problem(UpdaterError.busy(work.kind), progress: teller.progress) }
        // From here on others are told that this one is at work.
        work = Work(kind: kind)
        do throws(UpdaterError) {
            // What becomes of a trial is found out before anything is changed.
            if kind != .refresh { try await boot.review(updater) }
            try await updater.check(kind)
        } catch {
            work = nil
            throw Problem(error)
        }
        guard !isStopping else {
            work = nil
            throw Problem(.cancelled)
        }
        log(kind, peer)
        work?.task = Task {
            do throws(UpdaterError) {
                let result = try await body(updater)
                succeeded(kind, result)
            } catch {
                failed(kind, error)
            }
            if work?.isTakenBack == true { await takenBack() }
            teller.ended()
            work = nil
        }
        return .nothing
    }

    /// Stops a `prepare` at work; the client sees a `deactivate` that succeeded.
    private func takeBack(_ peer: PeerCredentials) -> APIReply {
        log(.deactivate, peer)
        work?.isTakenBack = true
        work?.task?.cancel()
        return .nothing
    }

    private func succeeded(_ kind: UpdateStatus.Command.Kind, _ result: String?) {
        let more = result.map { ": \($0)" } ?? ""
        logger.notice("\(kind.rawValue) is done\(more)", metadata: ["UPDATE_COMMAND": "\(kind.rawValue)"])
    }

    private func failed(_ kind: UpdateStatus.Command.Kind, _ error: UpdaterError) {
        guard work?.isTakenBack != true else { return }
        logger.error(
            "\(kind.rawValue) failed: \(error)",
            metadata: ["UPDATE_COMMAND": "\(kind.rawValue)", "UPDATE_EXIT_STATUS": "\(error.exitStatus)"]
        )
    }

    private func takenBack() async {
        do throws(UpdaterError) {
            try await updater.deactivate(afterCancel: true)
            succeeded(.deactivate, "prepare was stopped")
        } catch {
            work?.isTakenBack = false
            failed(.deactivate, error)
        }
    }

    private func log(_ kind: UpdateStatus.Command.Kind, _ peer: PeerCredentials?) {
        guard let peer else { return logger.info("\(kind.rawValue): it is time to look for updates") }
        logger.notice(
            "\(kind.rawValue) asked for",
            metadata: [
                "UPDATE_COMMAND": "\(kind.rawValue)", "PEER_UID": "\(peer.user)",
                "PEER_PID": "\(peer.process)", "PEER_PROGRAM": "\(peer.program)",
            ]
        )
    }

    // MARK: Questions

    private func status() async throws(Problem) -> APIReply {
        if let work { throw Problem(UpdaterError.busy(work.kind), progress: teller.progress) }
        guard var status = await updater.status else {
            throw Problem(
                status: 404,
                detail: "nobody has looked for updates yet: do it with POST /actions/refresh-updates"
            )
        }
        if let plan = await updater.plan {
            status.plan = UpdateStatus.Plan(bytes: plan.bytes, method: plan.method)
        }
        return .json(status.json)
    }

    // MARK: Boots

    private func commit() async throws(Problem) -> APIReply {
        do throws(UpdaterError) { try await boot.commit(updater) } catch { throw Problem(error) }
        return .nothing
    }

    private func rollBack(_ peer: PeerCredentials) async throws(Problem) -> APIReply {
        if let work { throw Problem(UpdaterError.busy(work.kind), progress: teller.progress) }
        work = Work(kind: .deactivate)
        defer { work = nil }
        do throws(UpdaterError) {
            try await boot.review(updater)
            let version = try await updater.rollBack()
            logger.notice(
                "the next boot is that of \(version) in the other slot, as was asked for",
                metadata: [
                    "UPDATE_VERSION": "\(version)", "PEER_UID": "\(peer.user)",
                    "PEER_PID": "\(peer.process)", "PEER_PROGRAM": "\(peer.program)",
                ]
            )
            return .nothing
        } catch {
            logger.error("the host was not rolled back: \(error)")
            throw Problem(error)
        }
    }
}

extension Problem {
    /// What a client is told of an error: 423 a command is at work, 409 not in this state, 404 nothing there to take.
    init(_ error: UpdaterError, progress: UpdateStatus.Progress? = nil) {
        let status =
            switch error {
            case .busy: 423
            case .notAllowed, .trialRuns, .olderRelease: 409
            case .noUpdate, .notOffered, .nothingStaged, .nothingToReturnTo: 404
            default: 500
            }
        let more = progress.map { " Now: \($0.phase)." } ?? ""
        self.init(status: status, detail: "\(error)\(more)")
    }
}
