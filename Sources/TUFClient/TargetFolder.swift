import Glibc
import SmallFiles
import TUF

/// The folder of downloaded targets: one file for each path, named by the percent-encoded path.
struct TargetFolder {
    private let path: String
    /// Bytes of a file's name, on all file systems of Linux.
    private static let nameLimit = 255
    /// A "%" without digits: no target has this name.
    private static let temporary = "%new"

    init(_ path: String) {
        self.path = path
    }

    /// Where a target lies or will lie.
    func file(of target: String) -> String {
        let name = MetadataFileName.encode(target)
        // Names that are no files, and files that nobody sees.
        return name.hasPrefix(".") ? "\(path)/%2E\(name.dropFirst())" : "\(path)/\(name)"
    }

    /// Whether a target is there with the content that the metadata promise.
    func has(_ target: FoundTarget) -> Bool {
        let descriptor = open(file(of: target.path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard var check = try? ContentCheck(target: target.file, name: target.path) else { return false }
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return false }
            do throws(TUFError) {
                if count == 0 {
                    try check.finish()
                    return true
                }
                try check.update(Array(piece[..<count]))
            } catch {
                return false
            }
        }
    }

    /// Writes a target as its bytes arrive, so that a reader finds the old or the new one, and neither unless all of the
    /// new one is right.
    /// - Parameter fetch: gives the bytes in order to the function that it is called with.
    /// - Throws: `TUFError`, or what `fetch` throws.
    func write(
        _ target: FoundTarget,
        fetch: ((_ bytes: [UInt8]) async throws -> Void) async throws -> Void
    ) async throws {
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw TUFError.store(operation: "make the folder", path: path, errno: errno)
        }
        let file = file(of: target.path)
        // Before anything is fetched that could not be kept.
        guard file.utf8.count - path.utf8.count - 1 <= Self.nameLimit else {
            throw TUFError.store(operation: "make", path: file, errno: ENAMETOOLONG)
        }
        let temporary = "\(path)/\(Self.temporary)"
        // What a killed client left.
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw TUFError.store(operation: "make", path: temporary, errno: errno) }
        defer { close(descriptor) }
        do {
            var check = try ContentCheck(target: target.file, name: target.path)
            try await fetch { bytes in
                try check.update(bytes)
                try append(bytes, to: descriptor, path: temporary)
            }
            try check.finish()
            guard fsync(descriptor) == 0 else {
                throw TUFError.store(operation: "synchronize", path: temporary, errno: errno)
            }
            guard rename(temporary, file) == 0 else {
                throw TUFError.store(operation: "write", path: file, errno: errno)
            }
        } catch {
            unlink(temporary)
            throw error
        }
        // A name is durable when its folder is.
        do throws(SmallFileWriteError) { try synchronizeFolder(path) } catch { throw TUFError(error) }
    }

    private func append(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(TUFError) {
        do throws(SmallFileWriteError) { try writeAll(bytes, to: descriptor, path: path) } catch {
            throw TUFError(error)
        }
    }
}
