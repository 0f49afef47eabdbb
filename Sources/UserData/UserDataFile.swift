internal import Glibc

/// Reads a file of user data: a regular one, of bounded size.
enum UserDataFile {
    /// The bytes of a file; nil if there is none.
    ///
    /// - Parameter isLinkAllowed: whether the path may be a symbolic link; on volumes that others made it may not, as
    ///   the link would lead to the host's own files.
    static func read(_ path: String, isLinkAllowed: Bool = true) throws(UserDataError) -> [UInt8]? {
        // Without O_NONBLOCK a FIFO would hold the boot.
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (isLinkAllowed ? 0 : O_NOFOLLOW)
        let descriptor = open(path, flags)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .unreadable(place: path, reason: reason(errno))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .unreadable(place: path, reason: reason(errno))
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(place: path, reason: "it is not a regular file")
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .unreadable(place: path, reason: reason(errno))
            }
            if count == 0 { return bytes }
            guard count <= UserDataLimits.bytes - bytes.count else { throw .tooLarge(place: path) }
            bytes += buffer[..<count]
        }
    }

    /// The words for an error number of errno(3).
    static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }
}
