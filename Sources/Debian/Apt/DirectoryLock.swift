import Foundation
import Processes

/// An exclusive lock of a directory among processes, held until ``release()`` or the end of the process.
struct DirectoryLock: Sendable {
    private let descriptor: Int32

    /// Waits for the lock, at most ten minutes.
    static func acquire(_ directory: String) async throws(AptError) -> DirectoryLock {
        let path = "\(directory)/lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw .state(path: path, reason: String(cString: strerror(errno)))
        }
        let deadline = ContinuousClock.now + .seconds(600)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            guard code == EWOULDBLOCK || code == EINTR else {
                close(descriptor)
                throw .state(path: path, reason: String(cString: strerror(code)))
            }
            guard ContinuousClock.now < deadline else {
                close(descriptor)
                throw .state(
                    path: path,
                    reason: "another build has held it for ten minutes; end that build first"
                )
            }
            do {
                try await Task.sleep(for: .milliseconds(50))
            } catch {
                close(descriptor)
                throw .process(.cancelled(command: "waiting for \(path)"))
            }
        }
        return DirectoryLock(descriptor: descriptor)
    }

    /// Lets the next one in.
    func release() {
        close(descriptor)
    }
}
