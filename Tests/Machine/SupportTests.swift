import Dispatch
import Foundation
import Synchronization
import Testing

/// What machine tests lean on; needs no image.
@Suite struct SupportTests {
    /// More tests than Swift has threads wait for each other.
    @Test(.ownThreads) func blockedTestsTakeNoneOfSwiftsThreads() async {
        let count = ProcessInfo.processInfo.activeProcessorCount + 2
        let gate = Gate(count)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<count { group.addTask { gate.passes() } }
            for await hasPassed in group { #expect(hasPassed) }
        }
    }

    private final class Gate: Sendable {
        private let count: Int
        private let arrived = Mutex(0)
        private let opening = DispatchSemaphore(value: 0)

        init(_ count: Int) { self.count = count }

        /// Blocks until all are here.
        func passes() -> Bool {
            let isLast = arrived.withLock { arrived in
                arrived += 1
                return arrived == count
            }
            if isLast { for _ in 0..<count { opening.signal() } }
            return opening.wait(timeout: .now() + 60) == .success
        }
    }

    /// The thread that started it is gone when it ends.
    @Test(.ownThreads) func aProgramIsFollowedToItsEnd() async throws {
        let (status, output) = try await BuildRun.finish(command: ["--help"])
        #expect(status == 0 && output.contains("USAGE: bulkhead"), "\(output)")
        let bad = try await BuildRun.finish(command: ["no-such-command"])
        #expect(bad.status == 2, "\(bad.output)")
    }

    @Test func allTestsFailThatLookAtWhatCouldNotBeMade() async {
        await withKnownIssue("the one of #require") {
            let recording = Recording { try #require(Int("not a number")) }
            for _ in 0..<2 { await #expect(throws: RecordingFailure.self) { try await recording.value } }
        } matching: { issue in
            if case .expectationFailed(let expectation) = issue.kind {
                "\(expectation)".contains("not a number")
            } else {
                false
            }
        }
    }

    @Test func whatWasMadeIsMadeOnce() async throws {
        let calls = Mutex(0)
        let recording = Recording {
            calls.withLock {
                $0 += 1
                return $0
            }
        }
        for _ in 0..<2 { #expect(try await recording.value == 1) }
    }
}
