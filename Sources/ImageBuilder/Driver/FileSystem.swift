import Foundation

/// Operations on the build machine's file system, with errors that name the path.
enum FileSystem {
    /// Makes a directory and its parents.
    static func makeDirectory(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw BuildError.file(operation: "make the directory", path: path, errno: posixCode(error))
        }
    }

    /// Removes a file or a directory with all that is in it; nothing there is no error.
    static func remove(_ path: String) {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Whether something exists at a path.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The size of a file in bytes.
    static func size(_ path: String) throws -> UInt64 {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw BuildError.file(operation: "look at", path: path, errno: errno)
        }
        return UInt64(status.st_size)
    }

    /// Opens a file; a new one gets mode 0644.
    static func open(_ path: String, _ flags: Int32) throws -> Int32 {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw BuildError.file(operation: "open", path: path, errno: errno) }
        return descriptor
    }

    /// All bytes of a file that must not be larger than a limit.
    static func read(_ path: String, limit: UInt64 = 1 << 30) throws -> [UInt8] {
        let size = try size(path)
        guard size <= limit else {
            throw BuildError.tooLarge(
                what: "'\(path)'",
                size: size,
                limit: limit,
                remedy: "this cannot be the right file"
            )
        }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw BuildError.file(operation: "read", path: path, errno: errno)
        }
        return [UInt8](data)
    }

    /// Writes a file anew; durable and atomic: a temporary name, fsync, rename.
    static func write(_ bytes: [UInt8], to path: String) throws {
        let temporary = "\(path).tmp-\(getpid())"
        let descriptor = try open(temporary, O_WRONLY | O_CREAT | O_TRUNC)
        defer { close(descriptor) }
        do {
            try write(bytes, to: descriptor, at: 0, path: temporary)
            guard fchmod(descriptor, 0o644) == 0, fsync(descriptor) == 0 else {
                throw BuildError.file(operation: "flush", path: temporary, errno: errno)
            }
            try rename(temporary, to: path)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Writes all bytes at an offset of an open file.
    static func write(_ bytes: [UInt8], to descriptor: Int32, at offset: UInt64, path: String) throws {
        try bytes.withUnsafeBytes { try write($0, to: descriptor, at: offset, path: path) }
    }

    /// Writes all bytes at an offset of an open file.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: UInt64, path: String)
        throws
    {
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                descriptor,
                bytes.baseAddress.map { $0 + done },
                bytes.count - done,
                off_t(offset) + off_t(done)
            )
            if count < 0 {
                if errno == EINTR { continue }
                throw BuildError.file(operation: "write", path: path, errno: errno)
            }
            done += count
        }
    }

    /// Gives a file or directory another name, atomically, and flushes the directory.
    static func rename(_ from: String, to path: String) throws {
        guard Glibc.rename(from, path) == 0 else {
            throw BuildError.file(operation: "rename '\(from)' to", path: path, errno: errno)
        }
        flushDirectory(of: path)
    }

    /// Copies a file with a fixed mode, not following what the build machine's umask says.
    static func copy(_ from: String, to path: String, mode: mode_t = 0o644) throws {
        do {
            try FileManager.default.copyItem(atPath: from, toPath: path)
        } catch {
            throw BuildError.file(operation: "copy '\(from)' to", path: path, errno: posixCode(error))
        }
        guard chmod(path, mode) == 0 else {
            throw BuildError.file(operation: "set the mode of", path: path, errno: errno)
        }
    }

    private static func flushDirectory(of path: String) {
        let directory = Glibc.open(
            (path as NSString).deletingLastPathComponent,
            O_RDONLY | O_DIRECTORY | O_CLOEXEC
        )
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }

    /// The errno behind an error of Foundation.
    private static func posixCode(_ error: any Error) -> Int32 {
        let error = error as NSError
        let cause = (error.userInfo[NSUnderlyingErrorKey] as? NSError) ?? error
        return cause.domain == NSPOSIXErrorDomain ? Int32(cause.code) : EIO
    }
}
