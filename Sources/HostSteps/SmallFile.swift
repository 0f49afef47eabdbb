internal import Glibc
internal import SmallFiles

/// Reads and durably writes files of a few kilobytes.
enum SmallFile {
    private static let limit = 64 << 10

    /// The text of a regular file; nil if there is none.
    static func read(_ path: String) throws(StepError) -> String? {
        do throws(SmallFileError) {
            return String(decoding: try readSmallFile(path, maximumLength: limit), as: UTF8.self)
        } catch {
            if error.isMissing { return nil }
            switch error {
            case .cannotOpen(let number), .cannotRead(let number): throw fault("read", path, number)
            case .tooLong:
                throw StepError("'\(path)' is larger than \(limit) bytes: that is not a file of this host's")
            case .notRegular, .didNotEnd: throw StepError("could not read '\(path)': it \(error)")
            }
        }
    }

    /// Makes a file's content be this text, as a whole or, after a power cut, not at all.
    static func write(_ text: String, to path: String) throws(StepError) {
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw fault("make", temporary) }
        var isOpen = true
        defer { if isOpen { close(descriptor) } }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw fault("write", temporary) }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw fault("synchronize", temporary) }
        close(descriptor)
        isOpen = false
        guard rename(temporary, path) == 0 else { throw fault("rename", temporary) }
        try synchronizeFolder(of: path)
    }

    /// Removes a file durably, if it exists.
    static func remove(_ path: String) throws(StepError) {
        if unlink(path) != 0 {
            if errno == ENOENT { return }
            throw fault("remove", path)
        }
        try synchronizeFolder(of: path)
    }

    private static func synchronizeFolder(of path: String) throws(StepError) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw fault("open", folder) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw fault("synchronize", folder) }
    }

    private static func fault(_ operation: String, _ path: String, _ number: Int32 = errno) -> StepError {
        StepError("could not \(operation) '\(path)': \(String(cString: strerror(number)))")
    }
}
