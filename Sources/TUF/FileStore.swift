import Glibc

/// Trusted metadata as files of one folder.
///
/// A file is replaced in the order temporary file, fsync(2), rename(2), fsync(2) of the folder. Who writes holds the lock,
/// which is flock(2) on the folder.
public struct FileStore: TrustedStore {
    private let folder: String
    /// Not ".json", so that nobody takes it for metadata; one is enough, as the lock lets one write at a time.
    private static let temporary = ".metadata-new"

    /// A store in a folder, which is made when it is first locked or written.
    public init(folder: String) {
        self.folder = folder
    }

    /// The content of a file; nil when there is none.
    public func load(_ name: String, limit: Int) throws(TUFError) -> [UInt8]? {
        let path = "\(folder)/\(name)"
        // O_NONBLOCK: a pipe of that name must not stop us.
        let descriptor = retrying { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .store(operation: "open", path: path, errno: errno)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = retrying { read(descriptor, &piece, piece.count) }
            guard count >= 0 else { throw .store(operation: "read", path: path, errno: errno) }
            guard count > 0 else { return bytes }
            bytes += piece[..<count]
            guard bytes.count <= limit else { throw .tooLong(name: name, limit: limit) }
        }
    }

    /// Keeps other operations out; nil while another one has the lock.
    public func lock() throws(TUFError) -> StoreLock? {
        try makeFolder()
        let descriptor = retrying { open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw .store(operation: "open", path: folder, errno: errno) }
        guard retrying({ flock(descriptor, LOCK_EX | LOCK_NB) }) == 0 else {
            let number = errno
            close(descriptor)
            if number == EWOULDBLOCK { return nil }
            throw .store(operation: "lock", path: folder, errno: number)
        }
        return StoreLock {
            // A child between fork and exec has a copy of the descriptor, which would keep the lock beyond close().
            flock(descriptor, LOCK_UN)
            close(descriptor)
        }
    }

    /// Replaces the content of a file durably.
    public func save(_ name: String, _ bytes: [UInt8]) throws(TUFError) {
        try makeFolder()
        let temporary = "\(folder)/\(Self.temporary)"
        do throws(TUFError) {
            try write(temporary, bytes)
            guard rename(temporary, "\(folder)/\(name)") == 0 else {
                throw .store(operation: "write", path: "\(folder)/\(name)", errno: errno)
            }
        } catch {
            unlink(temporary)
            throw error
        }
        try synchronize(folder)
    }

    /// Removes a file, if it is there.
    public func remove(_ name: String) throws(TUFError) {
        let path = "\(folder)/\(name)"
        guard unlink(path) == 0 else {
            if errno == ENOENT { return }
            throw .store(operation: "remove", path: path, errno: errno)
        }
        try synchronize(folder)
    }

    private func makeFolder() throws(TUFError) {
        if mkdir(folder, 0o755) == 0 {
            try synchronize("\(folder)/..")
        } else if errno != EEXIST {
            throw .store(operation: "make the folder", path: folder, errno: errno)
        }
    }

    private func write(_ path: String, _ bytes: [UInt8]) throws(TUFError) {
        // What a killed writer left, whatever it is.
        unlink(path)
        let descriptor = retrying { open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644) }
        guard descriptor >= 0 else { throw .store(operation: "make", path: path, errno: errno) }
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                retrying {
                    Glibc.write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
                }
            }
            guard count > 0 else {
                throw .store(operation: "write", path: path, errno: count < 0 ? errno : ENOSPC)
            }
            done += count
        }
        guard retrying({ fsync(descriptor) }) == 0 else {
            throw .store(operation: "synchronize", path: path, errno: errno)
        }
    }

    private func synchronize(_ folder: String) throws(TUFError) {
        let descriptor = retrying { open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw .store(operation: "open", path: folder, errno: errno) }
        defer { close(descriptor) }
        guard retrying({ fsync(descriptor) }) == 0 else {
            throw .store(operation: "synchronize", path: folder, errno: errno)
        }
    }
}

private func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}
