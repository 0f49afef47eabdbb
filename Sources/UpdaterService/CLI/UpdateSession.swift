import Glibc
import HostAPI
import HostAPIClient
import JSON

/// Asks the service for commands, and waits for their ends.
struct UpdateSession {
    var client: HostAPIClient

    /// How often the status is asked for.
    private static let pause = Duration.milliseconds(200)
    /// How long a command may take that does not fetch and write a slot.
    private static let shortLimit = Duration.seconds(600)
    /// How long `prepare` may take.
    private static let longLimit = Duration.seconds(6 * 3600)

    init(socket: String) { client = HostAPIClient(socketPath: socket) }

    /// Does a command.
    ///
    /// - Returns: the status after it.
    /// - Throws: `UpdateFailure`.
    func run(
        _ kind: UpdateStatus.Command.Kind,
        query: [(String, String)] = []
    ) async throws -> UpdateStatus {
        let progress = ProgressLine(
            isTerminal: Output.isTerminal,
            write: { Output.tell($0) },
            redraw: { Output.redraw($0) }
        )
        let watch = kind == .prepare ? Task { await show(progress) } : nil
        defer {
            watch?.cancel()
            progress.end()
        }
        do throws(HostAPIError) {
            _ = try await client.call(Self.operation(kind), query: query)
        } catch {
            throw Self.failure(error, kind)
        }
        let limit = kind == .prepare ? Self.longLimit : Self.shortLimit
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end {
            if let status = try await status() {
                try Self.check(status.mostRecentCommand, kind)
                return status
            }
            try await Task.sleep(for: Self.pause)
        }
        throw UpdateFailure(
            "'\(kind.rawValue)' did not end within \(limit.components.seconds) seconds: it may go on; 'updater status' tells"
        )
    }

    /// The status; nil while a command is at work.
    ///
    /// - Throws: `UpdateFailure`.
    func status() async throws -> UpdateStatus? {
        do {
            let json = try await client.call(.getUpdateStatus).json()
            return try UpdateStatus(json: json)
        } catch let error as HostAPIError {
            if case .problem(let problem) = error, problem.status == 423 { return nil }
            throw Self.failure(error, nil)
        } catch {
            throw UpdateFailure("the service's answer can't be read: \(error)")
        }
    }

    /// Asks for something that is done when it is answered.
    func call(_ operation: Operation, limit: Duration) async throws {
        do throws(HostAPIError) { _ = try await client.call(operation, timeLimit: limit) } catch {
            throw Self.failure(error, nil)
        }
    }

    private func show(_ progress: ProgressLine) async {
        var events = client.events().makeAsyncIterator()
        while let event = try? await events.next() {
            guard event.name == Event.Name.update.rawValue, let json = event.json,
                let status = try? UpdateStatus(json: json)
            else { continue }
            progress.show(status)
        }
    }

    /// Whether the command that ended last is the one that was asked for, and what it came to.
    private static func check(_ command: UpdateStatus.Command, _ kind: UpdateStatus.Command.Kind) throws {
        guard command.kind == kind else {
            throw UpdateFailure(
                "'\(command.kind.rawValue)' came in between '\(kind.rawValue)': see 'updater status'"
            )
        }
        switch command.status {
        case .success: return
        case .failed:
            throw UpdateFailure(
                command.stderr ?? "'\(kind.rawValue)' failed: see the journal of updater.service",
                exitStatus: command.exitStatus ?? 1
            )
        case .unknown:
            throw UpdateFailure(
                "the service was stopped during '\(kind.rawValue)': do it again; it goes on from what is there"
            )
        }
    }

    private static func operation(_ kind: UpdateStatus.Command.Kind) -> Operation {
        switch kind {
        case .refresh: .refreshUpdates
        case .prepare: .prepareUpdate
        case .activate: .activateUpdate
        case .deactivate: .deactivateUpdate
        }
    }

    private static func failure(_ error: HostAPIError, _ kind: UpdateStatus.Command.Kind?) -> UpdateFailure {
        switch error {
        case .problem(let problem):
            let status: Int32 =
                switch problem.status {
                case 423: 64
                case 409: 65
                case 404: kind == .activate || kind == .deactivate ? 67 : 66
                default: 1
                }
            return UpdateFailure(problem.detail, exitStatus: status)
        case .socketMissing(let path), .nobodyListens(let path):
            return UpdateFailure("the service does not listen on \(path): see the journal of updater.service")
        case .permissionDenied(let path):
            return UpdateFailure("no permission to connect to \(path): run this as root")
        default: return UpdateFailure("\(error)")
        }
    }
}
