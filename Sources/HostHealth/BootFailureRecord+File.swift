import Glibc

extension BootFailureRecord {
    /// Far above what a record can be.
    private static let maximumSize = 256 << 10

    /// Reads the record of a host; nil if there is none.
    ///
    /// - Throws: `BootFailureRecordError`.
    public static func load(from host: HostFiles) throws(BootFailureRecordError) -> BootFailureRecord? {
        let path = host.path(path)
        // Without O_NONBLOCK, opening a FIFO would wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .file(operation: "open", path: path, errno: errno)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .file(operation: "read", path: path, errno: errno)
            }
            if count == 0 { break }
            guard bytes.count + count <= maximumSize else { throw .tooLarge(path: path) }
            bytes += buffer[..<count]
        }
        return try BootFailureRecord(json: String(decoding: bytes, as: UTF8.self))
    }

    /// Keeps the record on a host durably, in the place of an earlier one.
    ///
    /// It is there as a whole or, after a power cut, not at all.
    ///
    /// - Throws: `BootFailureRecordError.file`.
    public func save(on host: HostFiles) throws(BootFailureRecordError) {
        let path = host.path(Self.path)
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
        if mkdir(folder, 0o755) == 0 {
            try Self.synchronize(folder: String(folder[..<(folder.lastIndex(of: "/") ?? folder.endIndex)]))
        } else if errno != EEXIST {
            throw .file(operation: "make the folder", path: folder, errno: errno)
        }
        let temporary = path + ".new"
        guard unlink(temporary) == 0 || errno == ENOENT else {
            throw .file(operation: "remove", path: temporary, errno: errno)
        }
        try write(to: temporary)
        guard rename(temporary, path) == 0 else {
            throw .file(operation: "rename", path: temporary, errno: errno)
        }
        try Self.synchronize(folder: folder)
    }

    /// Forgets the record of a host, durably; does nothing if there is none.
    ///
    /// - Throws: `BootFailureRecordError.file`.
    public static func remove(from host: HostFiles) throws(BootFailureRecordError) {
        let path = host.path(path)
        guard unlink(path) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return }
            throw .file(operation: "remove", path: path, errno: errno)
        }
        try synchronize(folder: String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
    }

    private func write(to path: String) throws(BootFailureRecordError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .file(operation: "make", path: path, errno: errno) }
        defer { close(descriptor) }
        var rest = Array(json.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw .file(operation: "write", path: path, errno: count < 0 ? errno : ENOSPC)
            }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else {
            throw .file(operation: "synchronize", path: path, errno: errno)
        }
    }

    private static func synchronize(folder: String) throws(BootFailureRecordError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file(operation: "open", path: folder, errno: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw .file(operation: "synchronize", path: folder, errno: errno)
        }
    }
}
