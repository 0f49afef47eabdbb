@preconcurrency import Dispatch
import Glibc
import Synchronization

/// The signals that ask this process to end, as a task can wait for them.
final class StopRequest: Sendable {
    private let received: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]
    private let wasTold = Atomic(false)

    /// Whether somebody who waited was told of a signal.
    var isReceived: Bool { wasTold.load(ordering: .relaxed) }

    init(signals: [Int32] = [SIGTERM, SIGINT]) {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Void.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        received = stream
        sources = signals.map { number in
            // The default action would end the process before the source sees the signal.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { continuation.yield() }
            source.activate()
            return source
        }
    }

    /// Comes back with true at the first signal, with false when the task is cancelled before.
    func wait() async -> Bool {
        for await _ in received {
            wasTold.store(true, ordering: .relaxed)
            return true
        }
        return false
    }
}

/// A file that one process at a time holds: flock(2), which ends with the process.
struct FileLock: ~Copyable {
    private let descriptor: Int32

    /// Takes the lock, waiting for whoever has it.
    ///
    /// - Returns: nil when it was not free within the limit.
    /// - Throws: `HostContainersError.system`, `CancellationError`.
    static func take(_ path: String, within limit: Duration) async throws -> FileLock? {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw HostContainersError.system(path: path, operation: "open", errno: errno)
        }
        let lock = FileLock(descriptor: descriptor)
        let end = ContinuousClock.now + limit
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else {
                throw HostContainersError.system(path: path, operation: "lock", errno: errno)
            }
            guard ContinuousClock.now < end else { return nil }
            try await Task.sleep(for: .milliseconds(100))
        }
        return lock
    }

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }
}

/// What a task gives, or nil when it takes longer than a limit; it is then cancelled.
func limited<Result: Sendable>(
    to limit: Duration,
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result? {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        return try await group.next() ?? nil
    }
}
