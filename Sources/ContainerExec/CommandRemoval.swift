import NIOCore
import Synchronization

/// Sees to it that nothing is left of commands, also when the runtime is away for a while.
final class CommandRemoval: Sendable {
    private let runner: any ExecRunner
    private let folder: String
    private let limits: ExecLimits
    private let log: @Sendable (String) -> Void
    private let isStopped = Atomic(false)

    init(
        _ runner: any ExecRunner,
        folder: String,
        limits: ExecLimits,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.runner = runner
        self.folder = folder
        self.limits = limits
        self.log = log
    }

    /// Forgets a command, and kills it if it runs.
    ///
    /// Comes back when it is gone. When that takes too long, or the server stops, it stays written down for the next one.
    func remove(_ target: String, id: String) async {
        let end = ContinuousClock.now + .nanoseconds(limits.removal.nanoseconds)
        var pause: Duration = .milliseconds(100)
        var isFirst = true
        while true {
            if await runner.remove(target, id: id) { return LeftOverSessions.forget(id: id, folder: folder) }
            guard !isStopped.load(ordering: .relaxed), ContinuousClock.now < end else {
                return log("exec \(id) in '\(target)' may still run: the next start of this server ends it")
            }
            if isFirst {
                log("exec \(id) in '\(target)' can't be ended yet: tried again until the runtime does it")
            }
            isFirst = false
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(5))
        }
    }

    /// Nothing is tried again from now on.
    func stop() { isStopped.store(true, ordering: .relaxed) }
}
