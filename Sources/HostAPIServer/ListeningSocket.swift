import Glibc

/// A Unix stream socket that listens for clients.
public enum ListeningSocket {
    /// The longest path that fits into `sockaddr_un`, in bytes (unix(7)), without the closing zero.
    static let maximumPath = 107
    /// How many clients the kernel lets wait until they are accepted.
    static let backlog: Int32 = 512

    /// Makes a socket at a path, in place of one that nobody listens on any more.
    ///
    /// - Parameters:
    ///   - path: where clients find it.
    ///   - mode: the permission bits of the socket's file.
    /// - Returns: the file descriptor, which the caller owns.
    /// - Throws: `HostAPIServerError.socket`; also when another server answers at the path.
    public static func bind(path: String, mode: mode_t) throws(HostAPIServerError) -> Int32 {
        guard !path.isEmpty, path.utf8.count <= maximumPath, !path.utf8.contains(0) else {
            throw .socket(path: path, reason: "the path must have 1 to \(maximumPath) bytes")
        }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw fault("socket", path) }
        do throws(HostAPIServerError) {
            try removeLeftover(path)
            // The file must never be there with wider permissions than it shall have, not even for a moment: Linux gives it
            // the descriptor's, less those of the umask. The umask itself is the whole process's, threads and children too.
            guard fchmod(descriptor, mode) == 0 else { throw fault("fchmod", path) }
            let bound = withAddress(of: path) { Glibc.bind(descriptor, $0, $1) }
            guard bound == 0 else { throw fault("bind", path) }
            guard chmod(path, mode) == 0 else { throw fault("chmod", path) }
            guard listen(descriptor, backlog) == 0 else { throw fault("listen", path) }
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Removes a socket's file if nobody listens there.
    private static func removeLeftover(_ path: String) throws(HostAPIServerError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw .socket(path: path, reason: "something else than a socket is there: remove it first")
        }
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { throw fault("socket", path) }
        defer { close(probe) }
        let answered = withAddress(of: path) { connect(probe, $0, $1) } == 0
        guard !answered else {
            throw .socket(path: path, reason: "another server answers there: stop it first")
        }
        guard unlink(path) == 0 || errno == ENOENT else { throw fault("unlink", path) }
    }

    private static func withAddress(
        of path: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            // The callers checked the length; the rest stays zero.
            for (index, byte) in path.utf8.prefix(maximumPath).enumerated() { bytes[index] = byte }
        }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func fault(_ call: String, _ path: String, _ error: Int32 = errno) -> HostAPIServerError {
        .socket(path: path, reason: "\(call): \(String(cString: strerror(error)))")
    }
}
