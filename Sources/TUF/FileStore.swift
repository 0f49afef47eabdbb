import Glibc
public import SmallFiles

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
        do throws(SmallFileError) {
            return try readSmallFile(path, maximumLength: limit)
        } catch {
            switch error {
            case .cannotOpen(ENOENT): return nil
            case .cannotOpen(let errno): throw .store(operation: "open", path: path, errno: errno)
            case .tooLong: throw .tooLong(name: name, limit: limit)
            case .cannotRead, .notRegular, .didNotEnd:
                throw .store(operation: "read", path: path, errno: error.errno)
            }
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
        do throws(SmallFileWriteError) {
            try replaceSmallFile("\(folder)/\(name)", with: bytes, temporary: "\(folder)/\(Self.temporary)")
        } catch {
            throw TUFError(error)
        }
    }

    /// Removes a file, if it is there.
    public func remove(_ name: String) throws(TUFError) {
        do throws(SmallFileWriteError) { try removeSmallFile("\(folder)/\(name)") } catch {
            throw TUFError(error)
        }
    }

    private func makeFolder() throws(TUFError) {
        do throws(SmallFileWriteError) { try makeDurableFolder(folder) } catch { throw TUFError(error) }
    }
}

extension TUFError {
    /// What could not be written into the folder of trusted metadata, or that of targets.
    public init(_ error: SmallFileWriteError) {
        self = .store(operation: error.operation.rawValue, path: error.path, errno: error.errno)
    }
}

private func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}
