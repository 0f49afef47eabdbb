import Foundation

/// Reading with a limit, and writing so that a crash leaves the old file or the new one.
enum DurableFiles {
    /// What temporary files end in; a file that has it is a leftover when nobody holds the lock.
    static let temporarySuffix = ".new"

    /// Reads a file; nil if there is none.
    ///
    /// - Throws: `RepositoryError.file`, also for a file that is larger than the limit.
    static func read(_ path: String, limit: Int) throws(RepositoryError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .system("open", path)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = buffer.withUnsafeMutableBytes {
                Foundation.read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system("read", path) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= limit else {
                throw .file(operation: "read", path: path, reason: "it is larger than \(limit) bytes")
            }
        }
    }

    /// Writes a file: temporary file beside it, flush, rename, flush of the folder.
    ///
    /// - Parameter mayReplace: whether a file of the name may be there already.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o644, mayReplace: Bool = true)
        throws(RepositoryError)
    {
        try replace(path, mode: mode, mayReplace: mayReplace) { descriptor throws(RepositoryError) in
            try writeAll(bytes[...], descriptor, path)
        }
    }

    /// Copies a file in pieces in the same way, with the mode 0644.
    ///
    /// - Parameter piece: is given every piece, and may end the copy by throwing.
    static func copy(
        _ source: String,
        to path: String,
        piece: (ArraySlice<UInt8>) throws(RepositoryError) -> Void,
        end: () throws(RepositoryError) -> Void
    ) throws(RepositoryError) {
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw .system("open", source) }
        defer { close(input) }
        try replace(path, mode: 0o644) { output throws(RepositoryError) in
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            while true {
                let count = buffer.withUnsafeMutableBytes { Foundation.read(input, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw .system("read", source) }
                if count == 0 { break }
                try piece(buffer[..<count])
                try writeAll(buffer[..<count], output, path)
            }
            try end()
        }
    }

    /// Makes a folder and those above it; each is there after a loss of power, too.
    static func makeFolder(_ path: String, mode: mode_t = 0o755) throws(RepositoryError) {
        if mkdir(path, mode) != 0 {
            var code = errno
            if code == ENOENT, parent(of: path) != path {
                try makeFolder(parent(of: path), mode: mode)
                code = mkdir(path, mode) == 0 ? 0 : errno
            }
            var info = stat()
            // Some answer that a folder which is there cannot be made for another reason: "/" on a read-only one.
            if code != 0, stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR { return }
            guard code == 0 else { throw .system("make the folder", path, code) }
        }
        // Whatever the umask of the caller.
        guard chmod(path, mode) == 0 else { throw .system("set the mode of", path) }
        try flushFolder(parent(of: path))
    }

    /// The folder in which a file is.
    private static func parent(of path: String) -> String {
        let trimmed = path.dropLast(while: { $0 == "/" })
        guard let slash = trimmed.lastIndex(of: "/") else { return trimmed.isEmpty ? "/" : "." }
        let parent = trimmed[..<slash].dropLast(while: { $0 == "/" })
        return parent.isEmpty ? "/" : String(parent)
    }

    private static func replace(
        _ path: String,
        mode: mode_t,
        mayReplace: Bool = true,
        _ body: (Int32) throws(RepositoryError) -> Void
    ) throws(RepositoryError) {
        let temporary = "\(path).\(UUID().uuidString)\(temporarySuffix)"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .system("create", temporary) }
        defer { close(descriptor) }
        do throws(RepositoryError) {
            try body(descriptor)
            // Whatever the umask of the caller: a web server reads these files, and nobody else the private ones.
            guard fchmod(descriptor, mode) == 0 else { throw .system("set the mode of", temporary) }
            guard fsync(descriptor) == 0 else { throw .system("flush", temporary) }
            try give(temporary, the: path, mayReplace: mayReplace)
        } catch {
            unlink(temporary)
            throw error
        }
        try flushFolder(parent(of: path))
    }

    private static func give(_ temporary: String, the path: String, mayReplace: Bool) throws(RepositoryError)
    {
        if !mayReplace {
            if link(temporary, path) == 0 {
                unlink(temporary)
                return
            }
            let code = errno
            guard code == EPERM || code == EOPNOTSUPP || code == ENOSYS else {
                throw .system("write", path, code)
            }
            // A file system without hard links (FAT); the lock on the folder keeps others out.
            guard access(path, F_OK) != 0 else { throw .system("write", path, EEXIST) }
        }
        guard rename(temporary, path) == 0 else { throw .system("rename to", path) }
    }

    private static func flushFolder(_ path: String) throws(RepositoryError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open", path) }
        defer { close(descriptor) }
        // Some file systems refuse to flush a folder; the rename is atomic on them all the same.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw .system("flush", path) }
    }

    private static func writeAll(_ bytes: ArraySlice<UInt8>, _ descriptor: Int32, _ path: String)
        throws(RepositoryError)
    {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system("write", path) }
            rest = rest.dropFirst(count)
        }
    }
}

extension StringProtocol {
    fileprivate func dropLast(while predicate: (Character) -> Bool) -> SubSequence {
        var end = endIndex
        while end > startIndex, predicate(self[index(before: end)]) { end = index(before: end) }
        return self[startIndex..<end]
    }
}
