public import Hashing
import Foundation

/// Where a repository's files are kept, by names such as `metadata/timestamp.json`.
///
/// Every call either is done wholly or leaves what was there, and what was written survives a loss of power.
public protocol RepositoryStorage: Sendable {
    /// What the repository is called in messages.
    var name: String { get }
    /// Reads a file; nil if there is none.
    func read(_ name: String, limit: Int) throws(RepositoryError) -> [UInt8]?
    /// Writes or replaces a file.
    func write(_ bytes: [UInt8], to name: String) throws(RepositoryError)
    /// Copies a local file in, and checks that it has the promised length and digest.
    func copy(_ path: String, to name: String, length: Int64, sha256: SHA256Digest) throws(RepositoryError)
    /// The length and digest of a file; nil if there is none.
    func digest(_ name: String) throws(RepositoryError) -> (length: Int64, sha256: SHA256Digest)?
    /// The length of a file; nil if there is none.
    func length(_ name: String) throws(RepositoryError) -> Int64?
    /// The names of all files below a folder, in order; below `targets` nothing but files and folders may be.
    func list(_ folder: String) throws(RepositoryError) -> [String]
    /// Removes a file, if it is there.
    func remove(_ name: String) throws(RepositoryError)
    /// Where a file can be read by programs that want a path.
    func path(_ name: String) -> String
    /// Makes a new, empty folder for files on their way in; what is left in it after a kill is a leftover.
    func makeScratch(_ name: String) throws(RepositoryError) -> String
    /// Removes all such folders.
    func removeScratch()
}

/// A repository in a folder, from which any web server can serve it.
public struct FolderStorage: RepositoryStorage {
    /// The folder.
    public let name: String
    private let lock: FolderLock?

    /// Makes a folder for a repository, and those above it; one that is there is left as it is.
    ///
    /// - Throws: `RepositoryError.file`.
    public static func makeFolder(_ path: String) throws(RepositoryError) {
        try DurableFiles.makeFolder(path)
    }

    /// Opens a folder.
    ///
    /// - Parameter forWriting: takes the lock, held until the last copy of the value goes away.
    /// - Throws: `RepositoryError.file` where there is no folder; `.locked`.
    public init(_ folder: String, forWriting: Bool) throws(RepositoryError) {
        name = folder
        lock = forWriting ? try FolderLock(folder) : nil
    }

    /// Where a file is.
    public func path(_ name: String) -> String { "\(self.name)/\(name)" }

    // Beside the targets: there is room for them anyway.
    private var scratch: String {
        path("\(RepositoryContents.targetsFolder)/scratch\(DurableFiles.temporarySuffix)")
    }

    /// Makes a new, empty folder for files on their way in.
    public func makeScratch(_ name: String) throws(RepositoryError) -> String {
        let folder = "\(scratch)/\(name)"
        try DurableFiles.makeFolder(folder)
        return folder
    }

    /// Removes all such folders.
    public func removeScratch() { try? FileManager.default.removeItem(atPath: scratch) }

    /// Reads a file; nil if there is none.
    public func read(_ name: String, limit: Int) throws(RepositoryError) -> [UInt8]? {
        try DurableFiles.read(path(name), limit: limit)
    }

    /// Writes or replaces a file.
    public func write(_ bytes: [UInt8], to name: String) throws(RepositoryError) {
        try makeFolder(of: name)
        try DurableFiles.write(bytes, to: path(name))
    }

    /// Copies a local file in, and checks that it has the promised length and digest.
    public func copy(_ source: String, to name: String, length: Int64, sha256: SHA256Digest)
        throws(RepositoryError)
    {
        try makeFolder(of: name)
        var hasher = SHA256Hasher()
        var copied: Int64 = 0
        try DurableFiles.copy(source, to: path(name)) { piece throws(RepositoryError) in
            hasher.update(Array(piece))
            copied += Int64(piece.count)
        } end: { () throws(RepositoryError) in
            guard copied == length, hasher.finish() == sha256 else {
                throw .badBuild(path: source, reason: "it changed while it was published; publish again")
            }
        }
    }

    /// The length and digest of a file; nil if there is none.
    public func digest(_ name: String) throws(RepositoryError) -> (length: Int64, sha256: SHA256Digest)? {
        guard let length = try length(name) else { return nil }
        do throws(HashingError) { return (length, try SHA256Digest(hashingFile: path(name))) } catch {
            throw .file(operation: "read", path: path(name), reason: "\(error)")
        }
    }

    /// The length of a file; nil if there is none.
    public func length(_ name: String) throws(RepositoryError) -> Int64? {
        var info = stat()
        guard stat(path(name), &info) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .system("read", path(name))
        }
        return Int64(info.st_size)
    }

    /// The names of all files below a folder, in order.
    ///
    /// - Throws: `RepositoryError.file`, also for a symbolic link below `targets`: files behind it would look like ones
    ///   that nobody needs.
    public func list(_ folder: String) throws(RepositoryError) -> [String] {
        var names: [String] = []
        // Of folders that cannot be read nothing may be left out: what is listed decides what is removed.
        for name in try contents(folder) {
            let inner = "\(folder)/\(name)"
            var info = stat()
            guard lstat(path(inner), &info) == 0 else { throw .system("read", path(inner)) }
            switch info.st_mode & S_IFMT {
            case S_IFDIR: names += try list(inner)
            case S_IFREG: names.append(inner)
            // In the folder of metadata only names that publishing gives count.
            case _ where !inner.hasPrefix("\(RepositoryContents.targetsFolder)/"): break
            default:
                let kind = info.st_mode & S_IFMT == S_IFLNK ? "a symbolic link" : "neither file nor folder"
                throw .file(
                    operation: "use",
                    path: path(inner),
                    reason: "it is \(kind); put the file or folder itself there (a bind mount does)"
                )
            }
        }
        return names
    }

    private func contents(_ folder: String) throws(RepositoryError) -> [String] {
        guard try length(folder) != nil else { return [] }
        do { return try FileManager.default.contentsOfDirectory(atPath: path(folder)).sorted() } catch {
            throw .file(operation: "list", path: path(folder), reason: error.localizedDescription)
        }
    }

    /// Removes a file, if it is there.
    public func remove(_ name: String) throws(RepositoryError) {
        guard unlink(path(name)) == 0 || errno == ENOENT else { throw .system("remove", path(name)) }
    }

    private func makeFolder(of name: String) throws(RepositoryError) {
        guard let slash = name.lastIndex(of: "/") else { return }
        try DurableFiles.makeFolder(path(String(name[..<slash])))
    }
}
