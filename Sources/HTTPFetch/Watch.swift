internal import Synchronization

/// Watches an operation that waits for a server: ends it when one wait, or all together, takes too long.
///
/// Only waiting for the server counts, not what is done with the bytes.
final class Watch: Sendable {
    private struct State {
        var waitsSince: Duration?
        /// How long one wait may be.
        var idle: Duration
        /// Of the waits that have ended.
        var waitedInAll: Duration = .zero
        /// Of the present window of the rate.
        var waited: Duration = .zero
        var bytes = 0
    }

    /// How long the end of an answer is waited for from which nothing more is wanted.
    private static let closingTime: Duration = .seconds(1)

    private let state: Mutex<State>
    private let time: Time
    private let total: Duration?
    private let minimumRate: Int
    private let window: Duration

    private init(
        _ configuration: HTTPFetcher.Configuration,
        minimumRate: Int,
        total: Duration?,
        time: Time
    ) {
        self.time = time
        self.total = total
        self.minimumRate = minimumRate
        state = Mutex(State(idle: configuration.idleTime))
        window = configuration.rateWindow
    }

    /// Runs an operation under watch.
    ///
    /// - Parameters:
    ///   - minimumRate: bytes a second that must come; nil for what is configured.
    ///   - total: how long all waits together may be; nil where the rate is limit enough.
    /// - Throws: what the operation throws, or `FetchFailure` when it took too long.
    static func over<Value: Sendable>(
        _ configuration: HTTPFetcher.Configuration,
        minimumRate: Int? = nil,
        total: Duration?,
        time: Time,
        _ operation: @escaping @Sendable (Watch) async throws -> Value
    ) async throws -> Value {
        let watch = Watch(
            configuration,
            minimumRate: minimumRate ?? configuration.minimumRate,
            total: total,
            time: time
        )
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

    /// Waits for the server's next bytes, counted by `size`; without it, the wait says nothing of the rate.
    func wait<Value>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> sending Value,
        size: ((Value) -> Int)? = nil
    ) async throws -> sending Value {
        let start = time.now()
        state.withLock { $0.waitsSince = start }
        defer {
            let end = time.now()
            state.withLock { state in
                state.waitsSince = nil
                state.waitedInAll += end - start
            }
        }
        let value = try await body()
        if let size { try account(size(value), waited: time.now() - start) }
        return value
    }

    /// Nothing more is wanted of the answer: its end is not waited for as long as its content.
    func expectEnd() {
        state.withLock { $0.idle = min($0.idle, Self.closingTime) }
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
            let state = state.withLock { $0 }
            let waited = state.waitsSince.map { now - $0 } ?? .zero
            var left = state.idle - waited
            if left <= .zero { throw FetchFailure.stalled(state.idle) }
            if let total {
                let rest = total - state.waitedInAll - waited
                if rest <= .zero { throw FetchFailure.timeLimit(total) }
                left = min(left, rest)
            }
            // No longer than the shortest limit there can be from now on.
            try await time.sleep(min(left, Self.closingTime))
        }
    }
}
