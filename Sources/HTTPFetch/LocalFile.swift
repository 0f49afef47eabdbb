internal import Bytes
internal import Glibc

/// Files of this machine, named by file URLs or paths.
enum LocalFile {
    /// Opens a regular file; anything else could wait for ever.
    static func open(_ path: String) throws(FetchFailure) -> ByteSource {
        var information = stat()
        guard stat(path, &information) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { throw .status(404) }
            throw .unreadable("\(path) (error \(errno))")
        }
        guard information.st_mode & S_IFMT == S_IFREG else { throw .unreadable("\(path) is no regular file") }
        do { return try ByteSource(file: path) } catch { throw .unreadable(error.description) }
    }

    /// Opens the file of a file URL.
    static func open(_ url: FetchURL) throws(FetchFailure) -> ByteSource {
        guard let path = FetchURL.decoded(url.target) else {
            throw .invalidURL("its path has a wrong percent-encoding")
        }
        return try open(path)
    }

    /// Reads bytes that the file has.
    static func read(_ source: ByteSource, at offset: UInt64, count: Int) throws(FetchFailure) -> [UInt8] {
        do { return try source.read(at: offset, count: count) } catch { throw .unreadable(error.description) }
    }
}
