internal import Synchronization

/// Watches an operation that waits for a server: ends it when one wait, or all together, takes too long.
///
/// Only waiting for the server counts, not what is done with the bytes.
final class Watch: Sendable {
    private struct State {
        var waitsSince: Duration?
        /// Of the present window of the rate.
        var waited: Duration = .zero
        var bytes = 0
    }

    private let state = Mutex(State())
    private let time: Time
    private let idle: Duration
    private let total: Duration?
    private let started: Duration
    private let minimumRate: Int
    private let window: Duration

    private init(_ configuration: HTTPFetcher.Configuration, total: Duration?, time: Time) {
        self.time = time
        self.total = total
        idle = configuration.idleTime
        minimumRate = configuration.minimumRate
        window = configuration.rateWindow
        started = time.now()
    }

    /// Runs an operation under watch.
    ///
    /// - Parameter total: the time limit of all together; nil where the rate is limit enough.
    /// - Throws: what the operation throws, or `FetchFailure` when it took too long.
    static func over<Value: Sendable>(
        _ configuration: HTTPFetcher.Configuration,
        total: Duration?,
        time: Time,
        _ operation: @escaping @Sendable (Watch) async throws -> Value
    ) async throws -> Value {
        let watch = Watch(configuration, total: total, time: time)
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await operation(watch) }
            group.addTask {
                try await watch.guardTime()
                return nil
            }
            defer { group.cancelAll() }
            // Whichever ends first: the watchman only ends by throwing.
            while let end = try await group.next() {
                if let end { return end }
            }
            throw CancellationError()
        }
    }

    /// Waits for the server's next bytes, counted by `size`.
    func wait<Value>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> sending Value,
        size: (Value) -> Int
    ) async throws -> sending Value {
        let start = time.now()
        state.withLock { $0.waitsSince = start }
        defer { state.withLock { $0.waitsSince = nil } }
        let value = try await body()
        try account(size(value), waited: time.now() - start)
        return value
    }

    /// Throws when a whole window brought too little.
    private func account(_ bytes: Int, waited: Duration) throws(FetchFailure) {
        let tooSlow = state.withLock { state in
            state.bytes += bytes
            state.waited += waited
            guard state.waited >= window else { return false }
            let needed = Double(minimumRate) * (state.waited / .seconds(1))
            let result = Double(state.bytes) < needed
            (state.bytes, state.waited) = (0, .zero)
            return result
        }
        if tooSlow { throw .tooSlow(minimum: minimumRate) }
    }

    private func guardTime() async throws {
        while true {
            let now = time.now()
            let waited = state.withLock { $0.waitsSince }.map { now - $0 } ?? .zero
            var left = idle - waited
            if left <= .zero { throw FetchFailure.stalled(idle) }
            if let total {
                if started + total <= now { throw FetchFailure.timeLimit(total) }
                left = min(left, started + total - now)
            }
            try await time.sleep(left)
        }
    }
}
