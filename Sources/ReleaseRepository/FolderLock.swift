import Foundation

/// A lock (flock(2)) on a folder, held until the value goes away or the process ends: one writer at a time.
final class FolderLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock.
    ///
    /// - Throws: `RepositoryError.locked` when another program has it; `.file`.
    init(_ folder: String) throws(RepositoryError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open", folder) }
        self.descriptor = descriptor
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            if code == EWOULDBLOCK { throw .locked(path: folder) }
            throw .system("lock", folder, code)
        }
    }

    deinit {
        // A child between fork and exec has a copy of the descriptor, which would keep the lock beyond close().
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}

extension RepositoryError {
    /// A system call that failed with an error number.
    static func system(_ operation: String, _ path: String, _ code: Int32 = errno) -> RepositoryError {
        .file(operation: operation, path: path, reason: String(cString: strerror(code)))
    }
}
