/// The time as fetching sees it; tests bring their own.
struct Time: Sendable {
    /// The time since some moment; never goes back.
    let now: @Sendable () -> Duration
    /// Waits, or throws when the task is cancelled.
    let sleep: @Sendable (Duration) async throws -> Void

    /// The machine's.
    static let machine: Time = {
        let start = ContinuousClock.now
        return Time(
            now: { ContinuousClock.now - start },
            sleep: { try await Task.sleep(for: $0) }
        )
    }()
}

extension Duration {
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
