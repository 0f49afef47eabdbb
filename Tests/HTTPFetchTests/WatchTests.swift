import Synchronization
import Testing

@testable import HTTPFetch

/// What counts as waiting for a server, by a clock that goes only where the test says so.
@Suite struct WatchTests {
    private final class Clock: Sendable {
        private let value = Mutex(Duration.zero)
        func advance(_ duration: Duration) { value.withLock { $0 += duration } }
        /// The watchman looks again and again, without any time passing.
        var time: Time {
            Time(
                now: { self.value.withLock { $0 } },
                sleep: { _ in try await Task.sleep(for: .milliseconds(2)) }
            )
        }
    }

    private let clock = Clock()

    private func failure(
        total: Duration? = nil,
        _ operation: @escaping @Sendable (Watch) async throws -> Void
    ) async throws -> FetchFailure? {
        do {
            let configuration = HTTPFetcher.Configuration()
            try await Watch.over(configuration, total: total, time: clock.time) { watch in
                try await operation(watch)
                // Time for the watchman to see what was done.
                try await Task.sleep(for: .milliseconds(100))
            }
            return nil
        } catch let failure as FetchFailure {
            return failure
        }
    }

    @Test func whatIsLateIsNotSlow() async throws {
        let clock = clock
        // Several heads, of redirects, and one long pause early in a body.
        let found = try await failure { watch in
            for _ in 0..<4 { try await watch.wait { clock.advance(.seconds(29)) } }
            _ = try await watch.wait {
                100
            } size: {
                $0
            }
            _ = try await watch.wait {
                clock.advance(.seconds(29))
                return 0
            } size: {
                $0
            }
        }
        #expect(found == nil)
        let slow = try await failure { watch in
            for _ in 0..<3 {
                _ = try await watch.wait {
                    clock.advance(.seconds(25))
                    return 10_000
                } size: {
                    $0
                }
            }
        }
        #expect(slow == .tooSlow(minimum: 512))
    }

    @Test func onlyWaitingCounts() async throws {
        let clock = clock
        let found = try await failure(total: .seconds(60)) { watch in
            for _ in 0..<3 {
                _ = try await watch.wait {
                    1 << 20
                } size: {
                    $0
                }
                // As the bandwidth limit does.
                clock.advance(.seconds(1000))
            }
        }
        #expect(found == nil)
        let long = try await failure(total: .seconds(60)) { watch in
            for _ in 0..<3 {
                _ = try await watch.wait {
                    clock.advance(.seconds(25))
                    return 1 << 20
                } size: {
                    $0
                }
            }
        }
        #expect(long == .timeLimit(.seconds(60)))
    }

    @Test func anEndIsNotWaitedForAsLongAsContent() async throws {
        let clock = clock
        let found = try await failure { watch in
            watch.expectEnd()
            try await watch.wait {
                clock.advance(.seconds(2))
                try await Task.sleep(for: .seconds(600))
            }
        }
        #expect(found == .stalled(.seconds(1)))
    }
}
