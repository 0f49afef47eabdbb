import HostAPI
import HostAPIServer
import Logging
import Synchronization
import UpdateEngine
import Updater

/// Tells watchers of `GET /events` what the updater does: every status at once, progress about twice a second.
///
/// What went wrong without ending a command goes to the log.
final class StatusTeller: Sendable {
    private struct State {
        var status: UpdateStatus?
        var plan: UpdateStatus.Plan?
        var progress: UpdateStatus.Progress?
        var told: ContinuousClock.Instant?
    }

    private let events: EventHub
    private let logger: Logger
    private let state = Mutex(State())
    private static let interval = Duration.milliseconds(500)

    init(events: EventHub, logger: Logger) {
        self.events = events
        self.logger = logger
    }

    /// How far the command at work is; nil where that is not known.
    var progress: UpdateStatus.Progress? { state.withLock { $0.progress } }

    /// Takes what the updater says, and passes it on.
    func tell(_ event: Updater.Event) {
        if case .warning(let text) = event {
            return logger.warning("\(text)", metadata: ["UPDATE_WARNING": "\(text)"])
        }
        let status = state.withLock { state -> UpdateStatus? in
            switch event {
            case .warning: return nil
            case .status(let status):
                state.status = status
            case .plan(let bytes, let method):
                state.plan = UpdateStatus.Plan(bytes: bytes, method: method)
            case .progress(let progress):
                let isNewPhase = state.progress?.phase != progress.step.rawValue
                state.progress = UpdateStatus.Progress(
                    phase: progress.step.rawValue,
                    done: progress.doneBytes,
                    total: progress.totalBytes
                )
                let now = ContinuousClock.now
                if !isNewPhase, let told = state.told, now - told < Self.interval { return nil }
                state.told = now
            }
            return Self.shown(state)
        }
        if let status { events.publish(.update, status.json) }
    }

    /// The command at work has ended.
    func ended() {
        let status = state.withLock { state -> UpdateStatus? in
            let hadMore = state.progress != nil || state.plan != nil
            state.plan = nil
            state.progress = nil
            state.told = nil
            return hadMore ? state.status : nil
        }
        // The last word has no progress.
        if let status { events.publish(.update, status.json) }
    }

    private static func shown(_ state: State) -> UpdateStatus? {
        guard var status = state.status else { return nil }
        if let plan = state.plan { status.plan = plan }
        status.progress = state.progress
        return status
    }
}
