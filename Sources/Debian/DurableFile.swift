import Foundation

/// Writing files so that a crash leaves the old content or the new one, never half of it.
enum DurableFile {
    /// A system call that failed.
    struct Failure: Error, CustomStringConvertible {
        let operation: String
        let path: String
        let code: Int32

        var description: String { "cannot \(operation) '\(path)': \(String(cString: strerror(code)))" }
    }

    /// Writes a temporary file beside the target, flushes it, renames it, and flushes the directory.
    static func write(_ bytes: [UInt8], to path: String) throws(Failure) {
        let temporary = "\(path).\(UUID().uuidString).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure(operation: "create", path: temporary, code: errno) }
        do throws(Failure) {
            defer { close(descriptor) }
            var offset = 0
            while offset < bytes.count {
                let written = bytes.withUnsafeBytes { buffer in
                    Foundation.write(
                        descriptor,
                        buffer.baseAddress?.advanced(by: offset),
                        buffer.count - offset
                    )
                }
                if written < 0 && errno == EINTR { continue }
                guard written > 0 else { throw Failure(operation: "write", path: temporary, code: errno) }
                offset += written
            }
            guard fsync(descriptor) == 0 else {
                throw Failure(operation: "flush", path: temporary, code: errno)
            }
            guard rename(temporary, path) == 0 else {
                throw Failure(operation: "rename to", path: path, code: errno)
            }
        } catch {
            unlink(temporary)
            throw error
        }
        try flushDirectory(of: path)
    }

    /// Flushes a finished file, gives it its final name, and flushes the directory it is in.
    static func publish(_ temporary: String, as path: String) throws(Failure) {
        let descriptor = open(temporary, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(operation: "open", path: temporary, code: errno) }
        defer { close(descriptor) }
        guard fchmod(descriptor, 0o644) == 0 else {
            throw Failure(operation: "chmod", path: temporary, code: errno)
        }
        guard fsync(descriptor) == 0 else { throw Failure(operation: "flush", path: temporary, code: errno) }
        guard rename(temporary, path) == 0 else {
            throw Failure(operation: "rename to", path: path, code: errno)
        }
        try flushDirectory(of: path)
    }

    private static func flushDirectory(of path: String) throws(Failure) {
        let parent = URL(filePath: path).deletingLastPathComponent().path
        let descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(operation: "open", path: parent, code: errno) }
        defer { close(descriptor) }
        // Some file systems refuse to flush a directory; the rename is atomic on them all the same.
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw Failure(operation: "flush", path: parent, code: errno)
        }
    }
}
