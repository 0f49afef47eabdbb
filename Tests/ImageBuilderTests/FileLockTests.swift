import Synchronization
import TestSupport
import Testing

@testable import ImageBuilder

@Suite struct FileLockTests {
    @Test func oneExclusiveOrManySharedOnes() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("lock")
        #expect(throws: BuildError.self) { try FileLock.attempt(path, .shared) }
        var exclusive = try FileLock.attempt(path, .exclusive, creating: true)
        #expect(exclusive != nil)
        #expect(try FileLock.attempt(path, .shared) == nil)
        exclusive = nil
        let first = try FileLock.attempt(path, .shared)
        let second = try FileLock.attempt(path, .shared)
        #expect(first != nil && second != nil)
        #expect(try FileLock.attempt(path, .exclusive) == nil)
        withExtendedLifetime((first, second)) {}
    }

    @Test func waitingEnds() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("lock")
        let held = try FileLock.attempt(path, .exclusive, creating: true)
        let error = await #expect(throws: BuildError.self) {
            _ = try await FileLock.acquire(path, .exclusive, limit: .milliseconds(100))
        }
        #expect(error?.description.contains(path) == true)
        withExtendedLifetime(held) {}
    }

    @Test func waitingSaysSoOnceAndCanBeCancelled() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("lock")
        let held = try FileLock.attempt(path, .exclusive, creating: true)
        let observer = RecordingObserver()
        let waiting = Task {
            await #expect(throws: CancellationError.self) {
                _ = try await FileLock.acquire(path, .exclusive) { observer.note("waiting") }
            }
        }
        while observer.notes.isEmpty { await Task.yield() }
        try await Task.sleep(for: .milliseconds(200))
        waiting.cancel()
        _ = await waiting.value
        #expect(observer.notes.count == 1)
        withExtendedLifetime(held) {}
    }

    @Test func waitingEndsWhenTheHolderDoes() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("lock")
        let holder = Mutex(try FileLock.attempt(path, .exclusive, creating: true))
        _ = try await FileLock.acquire(path, .exclusive) { holder.withLock { $0 = nil } }
    }
}
