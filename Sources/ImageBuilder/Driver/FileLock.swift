import Foundation

/// A lock (flock(2)) on a file or directory, held until the value goes away or the process ends.
///
/// Unlike a process number it means the same in every PID namespace, and the kernel takes it from a killed build.
final class FileLock: Sendable {
    /// How many may hold it at once.
    enum Kind {
        case shared
        case exclusive

        fileprivate var operation: Int32 {
            switch self {
            case .shared: LOCK_SH
            case .exclusive: LOCK_EX
            }
        }
    }

    private let descriptor: Int32

    private init(owning descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Takes a lock if nobody is in the way.
    ///
    /// - Parameters:
    ///   - path: a file or directory; a symbolic link is not followed.
    ///   - creating: whether a file is made where there is none.
    /// - Throws: `BuildError.file`, also when there is nothing at the path.
    static func attempt(_ path: String, _ kind: Kind, creating: Bool = false) throws -> FileLock? {
        let flags = creating ? O_RDWR | O_CREAT | O_NOFOLLOW : O_RDONLY | O_NOFOLLOW
        // Who held the lock until now may have removed or renamed the file; then another is there, or none.
        for _ in 0..<100 {
            let lock = FileLock(owning: try FileSystem.open(path, flags))
            guard flock(lock.descriptor, kind.operation | LOCK_NB) == 0 else {
                if errno == EINTR { continue }
                if errno == EWOULDBLOCK { return nil }
                throw BuildError.file(operation: "lock", path: path, errno: errno)
            }
            if lock.isStillAt(path) { return lock }
        }
        return nil
    }

    /// Waits for a lock.
    ///
    /// - Parameters:
    ///   - limit: how long at most.
    ///   - waiting: called once if it is not free at once.
    /// - Throws: `BuildError.unsupported` when another build holds it for longer; `BuildError.file`;
    ///   `CancellationError`.
    static func acquire(
        _ path: String,
        _ kind: Kind,
        creating: Bool = false,
        limit: Duration = .seconds(600),
        waiting: () -> Void = {}
    ) async throws -> FileLock {
        var told = false
        let end = ContinuousClock.now + limit
        while true {
            try Task.checkCancellation()
            if let lock = try attempt(path, kind, creating: creating) { return lock }
            if !told { waiting() }
            told = true
            guard ContinuousClock.now < end else {
                throw BuildError.unsupported(
                    "another build has held the lock '\(path)' for \(limit): end that build, or let it go on, first"
                )
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func isStillAt(_ path: String) -> Bool {
        var (mine, there) = (stat(), stat())
        return fstat(descriptor, &mine) == 0 && lstat(path, &there) == 0
            && mine.st_dev == there.st_dev && mine.st_ino == there.st_ino
    }
}
