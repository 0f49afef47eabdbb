import Foundation
import Testing

/// Runs tests on threads that may be blocked, instead of Swift's own, of which there is one for each processor.
///
/// Machine tests wait for programs, copy disks and start servers. While they did that on Swift's threads, everything
/// else of the process stood still: the time limits of other tests, and the machines that they talk to.
struct OwnThreads: TestTrait, SuiteTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(ThreadExecutor.shared) { try await function() }
    }
}

extension Trait where Self == OwnThreads {
    /// The tests run on threads that may be blocked.
    static var ownThreads: Self { Self() }
}

/// A thread for every piece of work between two suspensions: as many as there is work that blocks.
final class ThreadExecutor: TaskExecutor {
    static let shared = ThreadExecutor()

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        Thread.detachNewThread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
