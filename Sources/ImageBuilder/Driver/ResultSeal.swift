import Foundation

/// The names and sizes of a stage's files, written last: a result that has them has reached the disk.
struct ResultSeal: Codable {
    /// The file's name in a result; no stage uses it.
    static let name = ".sealed.json"

    /// Of more files than this the sizes are not kept: to look at them would cost more than it is worth.
    private static let limit = 64

    /// Sizes in bytes by path; nil for many files.
    private let files: [String: UInt64]?

    /// Flushes all that is in a directory, and notes it.
    ///
    /// - Throws: `BuildError.file`.
    static func seal(_ directory: String) throws {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: directory)
        // Thousands of small files reach the disk much faster together; fsync then finds little to do, but says
        // what could not be written.
        if paths.count > limit { sync() }
        var sizes: [String: UInt64] = [:]
        for name in paths {
            let path = "\(directory)/\(name)"
            let status = try look(path)
            switch status.st_mode & S_IFMT {
            case S_IFREG:
                try flush(path)
                sizes[name] = UInt64(clamping: status.st_size)
            case S_IFDIR:
                try flush(path)
            default:
                break
            }
        }
        let seal = ResultSeal(files: sizes.count > limit ? nil : sizes)
        try FileSystem.write([UInt8](JSONEncoder().encode(seal)), to: "\(directory)/\(name)")
    }

    /// Whether a result is as it was sealed, as far as sizes tell.
    static func isIntact(_ directory: String) -> Bool {
        guard let bytes = try? FileSystem.read("\(directory)/\(name)", limit: 1 << 20),
            let seal = try? JSONDecoder().decode(ResultSeal.self, from: Data(bytes))
        else { return false }
        return (seal.files ?? [:]).allSatisfy { name, size in
            guard let status = try? look("\(directory)/\(name)") else { return false }
            return status.st_mode & S_IFMT == S_IFREG && UInt64(clamping: status.st_size) == size
        }
    }

    private static func look(_ path: String) throws -> stat {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            throw BuildError.file(operation: "look at", path: path, errno: errno)
        }
        return status
    }

    private static func flush(_ path: String) throws {
        let descriptor = Glibc.open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        // A package may have files that not even their owner can read; such trees are large, see above.
        if descriptor < 0, errno == EACCES { return }
        guard descriptor >= 0 else { throw BuildError.file(operation: "open", path: path, errno: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw BuildError.file(operation: "flush", path: path, errno: errno)
        }
    }
}
