public import HostAPI
public import Features
internal import Synchronization

/// Who restarts services: systemd on a host.
public protocol ServiceRestarter: Sendable {
    /// Does what is asked and waits until it is done.
    ///
    /// - Returns: what became of it, with the reason if it failed.
    func perform(_ restart: Feature.Restart) async -> (ApplyResult.Outcome, String?)
}

/// What became of a request.
struct RestartResult: Sendable, Equatable {
    var outcome: ApplyResult.Outcome
    var error: String?
}

/// Asks a restarter, and does not wait for it longer than a limit.
struct RestartQueue: Sendable {
    let services: any ServiceRestarter
    let limit: Duration

    /// Does what is asked; when the limit is over, the restarter goes on by itself.
    func perform(_ restart: Feature.Restart) async -> RestartResult {
        await withCheckedContinuation { continuation in
            let answer = Answer(continuation)
            let timer = Task {
                // Cancelled when the restarter was faster.
                guard (try? await Task.sleep(for: limit)) != nil else { return }
                answer.give(
                    RestartResult(outcome: .timedOut, error: "not done within \(limit); it goes on")
                )
            }
            Task {
                let (outcome, error) = await services.perform(restart)
                timer.cancel()
                answer.give(RestartResult(outcome: outcome, error: error))
            }
        }
    }
}

/// Takes the first of two answers.
private final class Answer: Sendable {
    private let continuation: Mutex<CheckedContinuation<RestartResult, Never>?>

    init(_ continuation: CheckedContinuation<RestartResult, Never>) {
        self.continuation = Mutex(continuation)
    }

    func give(_ result: RestartResult) {
        continuation.withLock { $0.take() }?.resume(returning: result)
    }
}
