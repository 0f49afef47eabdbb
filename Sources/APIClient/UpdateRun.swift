import HostAPI
import HostAPIClient
import JSON
import Presentation
import Synchronization

/// The commands of an update, each of which goes on after its answer and is waited for here.
struct UpdateRun {
    /// How long commands may take.
    struct Limits {
        /// Without a sign of progress; only `prepare` gives any.
        var silence = Duration.seconds(600)
        /// In all.
        var total = Duration.seconds(6 * 3600)
        /// How long the status may stay as it was before an end within the same second is believed.
        var doubt = Duration.seconds(3)
        /// How long nothing may be told to the one who waits.
        var quiet = Duration.seconds(5)
    }

    var globals: GlobalOptions
    var limits = Limits()

    /// Looks for updates.
    ///
    /// - Parameter release: the version that is wanted, whatever the settings say.
    func check(release: String? = nil) async throws -> UpdateStatus {
        globals.info("Refreshing updates...")
        return try await CommandFailure.explaining("Failed to check for updates") {
            let status = try await command(
                .refreshUpdates,
                as: .refresh,
                query: release.map { [("version", $0)] } ?? [],
                interval: .milliseconds(100)
            )
            if status.chosenUpdate == nil {
                let reason = status.noUpdateReason.map { " \(HumanText.safe($0))" } ?? ""
                globals.info("No updates available.\(reason)")
            }
            return status
        }
    }

    /// Writes the chosen update and lets the next boot take it.
    func apply() async throws {
        try await CommandFailure.explaining("Failed to apply update") {
            globals.info("Downloading and applying update to disk...")
            _ = try await command(.prepareUpdate, as: .prepare)
            globals.info("Setting the update active so it will apply on the next reboot...")
            _ = try await command(.activateUpdate, as: .activate)
        }
    }

    /// Starts a command and waits for its end.
    func command(
        _ operation: Operation,
        as kind: UpdateStatus.Command.Kind,
        query: [(String, String)] = [],
        interval: Duration = .milliseconds(500)
    ) async throws -> UpdateStatus {
        let before = try await status()?.mostRecentCommand
        let watch = kind == .prepare ? await ProgressWatch.begin(globals) : nil
        defer { watch?.end() }
        _ = try await globals.client.call(operation, query: query)
        let start = ContinuousClock.now
        var told = start
        while true {
            let now = ContinuousClock.now
            if let status = try await status() {
                let command = status.mostRecentCommand
                if command.kind == kind, command.status != .unknown,
                    command != before || now - start > limits.doubt
                {
                    guard command.status == .success else {
                        let reason = command.stderr.flatMap { $0.isEmpty ? nil : $0 }
                        throw CommandFailure(
                            "The command '\(kind.rawValue)' failed: \(reason ?? "no reason given; see the host's journal")"
                        )
                    }
                    return status
                }
                // No command is at work, and a doubt about the same second is over.
                if now - start > limits.doubt { throw Self.failure(kind, endedBy: command) }
            }
            let lastSign = max(start, watch?.lastSign ?? start)
            let left = min(limits.silence - (now - lastSign), limits.total - (now - start))
            guard left > .zero else {
                let cause =
                    now - start < limits.total
                    ? "made no progress for \(limits.silence.components.seconds) seconds"
                    : "did not end within \(limits.total.components.seconds) seconds"
                throw CommandFailure(
                    "The command '\(kind.rawValue)' \(cause): it may go on; 'apiclient update status' tells"
                )
            }
            if now - max(told, lastSign) > limits.quiet {
                told = now
                globals.info(
                    "Still waiting for updated status, will wait up to \(left.components.seconds)s longer..."
                )
            }
            try await Task.sleep(for: interval)
        }
    }

    /// Why a command that was begun did not end as one.
    private static func failure(
        _ kind: UpdateStatus.Command.Kind,
        endedBy command: UpdateStatus.Command
    ) -> CommandFailure {
        guard command.kind == kind else {
            return CommandFailure(
                "The command '\(kind.rawValue)' was ended by '\(command.kind.rawValue)'; 'apiclient update status' tells"
            )
        }
        return CommandFailure(
            "The host's updater was stopped during '\(kind.rawValue)': do it again, it goes on from what is there"
        )
    }

    /// The status; nil before the first command, and while one is under way.
    private func status() async throws -> UpdateStatus? {
        do {
            let answer = try await globals.client.call(.getUpdateStatus)
            let json = try answer.json()
            return try answer.reading { () throws(PayloadError) in try UpdateStatus(json: json) }
        } catch {
            if case HostAPIError.problem(let problem) = error, [404, 423].contains(problem.status) {
                return nil
            }
            throw error
        }
    }
}

/// Follows a `prepare` by the host's events, shows how far it is, and knows when it last made progress.
final class ProgressWatch: Sendable {
    private struct State {
        var lastSign = ContinuousClock.now
        var last: UpdateStatus.Progress?
    }

    private let line: ProgressLine
    private let state = Mutex(State())
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// When the host last told of progress.
    var lastSign: ContinuousClock.Instant { state.withLock { $0.lastSign } }

    /// Begins to watch; nil where events can't be followed, which is no reason not to update.
    ///
    /// What happens from here on is seen.
    static func begin(_ globals: GlobalOptions) async -> ProgressWatch? {
        var events = globals.client.events().makeAsyncIterator()
        do throws(HostAPIError) { try await events.connect() } catch {
            globals.info("How far it is can't be shown: \(error)")
            return nil
        }
        let watch = ProgressWatch(
            ProgressLine(
                isTerminal: Console.isErrorTerminal && globals.showsInfo,
                write: { globals.info($0) },
                redraw: { Console.redraw($0) }
            )
        )
        watch.follow(events, globals.client)
        return watch
    }

    private init(_ line: ProgressLine) { self.line = line }

    /// Ends watching, and the bar.
    func end() {
        task.withLock { $0 }?.cancel()
        line.end()
    }

    private func follow(_ first: sending HostEvents.Iterator, _ client: HostAPIClient) {
        let task = Task {
            var events = first
            var last: String?
            while !Task.isCancelled {
                while let event = try? await events.next() {
                    if !event.id.isEmpty { last = event.id }
                    take(event)
                }
                // The server restarts, or the stream broke; how the command ends is seen elsewhere.
                try? await Task.sleep(for: .seconds(1))
                events = client.events(after: last).makeAsyncIterator()
            }
        }
        self.task.withLock { $0 = task }
    }

    private func take(_ event: ServerSentEvent) {
        guard event.name == Event.Name.update.rawValue, let json = event.json,
            let status = try? UpdateStatus(json: json)
        else { return }
        if let progress = status.progress {
            state.withLock {
                guard progress != $0.last else { return }
                $0.last = progress
                $0.lastSign = .now
            }
        }
        line.show(status)
    }
}
