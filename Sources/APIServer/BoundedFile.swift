import Glibc
import SmallFiles

/// Small files, read and written whole.
enum BoundedFile {
    /// The content of a regular file of at most `limit` bytes; nil if there is none, or it is longer, or can't be read.
    static func read(_ path: String, limit: Int) -> [UInt8]? {
        try? readSmallFile(path, maximumLength: limit)
    }

    /// Replaces a file in one step; it need not outlive a power cut (the folder is in memory, below /run).
    ///
    /// - Throws: `APIServerError.file`.
    static func replace(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o600) throws(APIServerError) {
        do throws(SmallFileWriteError) {
            try replaceSmallFile(path, with: bytes, mode: mode, durably: false)
        } catch {
            throw fault(error.operation.rawValue, error.path, error.errno)
        }
    }

    /// Removes a file, if there is one.
    static func remove(_ path: String) { unlink(path) }

    /// Makes a folder and its parents, where they are missing.
    ///
    /// - Throws: `APIServerError.file`.
    static func makeFolder(_ path: String, mode: mode_t = 0o755) throws(APIServerError) {
        var prefix = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            prefix += part
            guard mkdir(prefix, mode) == 0 || errno == EEXIST || errno == EROFS else {
                throw fault("make the folder", path, errno)
            }
            prefix += "/"
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw .file(path: path, reason: "is no folder: remove what is there")
        }
    }

    private static func fault(_ action: String, _ path: String, _ number: Int32) -> APIServerError {
        .file(path: path, reason: "cannot \(action): \(String(cString: strerror(number)))")
    }
}
