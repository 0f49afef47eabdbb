/// Tries again what failed for a reason that may pass, with growing pauses.
struct Retry {
    private let tries: Int
    private let firstPause: Duration
    private let longestPause: Duration
    private let time: Time

    init(_ configuration: HTTPFetcher.Configuration, _ time: Time) {
        tries = configuration.tries
        firstPause = configuration.firstPause
        longestPause = configuration.longestPause
        self.time = time
    }

    /// Runs an operation until it succeeds, fails for good, or has been tried often enough.
    ///
    /// - Parameter operation: gets the number of the try, from 1.
    func run<Value: Sendable>(_ operation: (Int) async throws -> Value) async throws -> Value {
        var tried = 0
        while true {
            tried += 1
            do {
                return try await operation(tried)
            } catch let failure as FetchFailure where failure.isPassing && tried < tries {
                try await pause(after: tried)
            }
        }
    }

    /// Waits after the given number of failures in a row.
    func pause(after failures: Int) async throws {
        let doubled = firstPause * (1 << min(failures - 1, 20))
        // Many hosts fail at once when a server does: each waits another time.
        try await time.sleep(min(doubled, longestPause) * Double.random(in: 0.5...1))
    }
}
