import Glibc
import HostAPI
import Synchronization
import Systemd

/// Tells what a container does: in its status file and to systemd.
///
/// A status that can't be written is no reason to end a container; the journal says it.
final class StatusReporter: Sendable {
    private struct State {
        var status: HostContainerStatus
        var lastProgress: ContinuousClock.Instant?
    }

    private let id: String
    private let files: ContainerFiles
    private let log: @Sendable (String) -> Void
    private let state: Mutex<State>

    /// Goes on with the status that the container had, or begins a new one.
    init(
        _ definition: HostContainerDefinition,
        _ files: ContainerFiles,
        log: @escaping @Sendable (String) -> Void
    ) {
        (id, self.files, self.log) = (definition.id, files, log)
        let old = files.status(definition.id)
        var status = HostContainerStatus(
            name: definition.name,
            kind: definition.kind,
            desired: definition.desired,
            state: old?.state ?? .stopped,
            image: HostContainerStatus.Image(source: definition.source),
            since: old?.since ?? Self.now
        )
        if let old, old.image.source == definition.source {
            status.image = old.image
            status.restarts = old.restarts
            status.lastError = old.lastError
        }
        state = Mutex(State(status: status))
    }

    private static var now: Timestamp { Timestamp(seconds: Int64(time(nil))) }

    /// The status as it was told last.
    var status: HostContainerStatus { state.withLock { $0.status } }

    /// Tells that the container is in another state.
    ///
    /// - Parameters:
    ///   - newState: what it does now.
    ///   - change: what else is new.
    func enter(
        _ newState: HostContainerStatus.State,
        _ change: (inout HostContainerStatus) -> Void = { _ in }
    ) {
        let status = state.withLock { state in
            if state.status.state != newState { state.status.since = Self.now }
            state.status.state = newState
            state.status.progress = nil
            change(&state.status)
            state.lastProgress = nil
            return state.status
        }
        write(status)
        _ = try? Notifier().send(.status(newState.rawValue))
    }

    /// Tells that it failed, and why.
    func fail(_ reason: String) { enter(.failed) { $0.lastError = reason } }

    /// Tells how far a state is, at most once a second.
    func progress(done: UInt64, total: UInt64) {
        let status = state.withLock { state -> HostContainerStatus? in
            let now = ContinuousClock.now
            if let last = state.lastProgress, now - last < .seconds(1) { return nil }
            state.lastProgress = now
            state.status.progress = HostContainerStatus.Progress(done: done, total: total)
            return state.status
        }
        guard let status else { return }
        write(status)
        let percent = total > 0 ? " \(min(done, total) * 100 / total) %" : ""
        _ = try? Notifier().send(.status("\(status.state.rawValue)\(percent)"))
    }

    private func write(_ status: HostContainerStatus) {
        do throws(HostContainersError) { try files.write(status, of: id) } catch { log("\(error)") }
    }
}
