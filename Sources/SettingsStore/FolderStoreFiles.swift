import Glibc
import SmallFiles

/// The store's folder on a real file system.
///
/// Every file is reached from one descriptor of the folder, never through a symbolic link; files are made with mode
/// 0600, and the folder, if it has to be made, with 0700. Not thread-safe.
public final class FolderStoreFiles: StoreFiles {
    /// More names than this in the folder are refused; the store makes less than 200.
    public static let maximumNames = 100_000

    /// The path of the folder.
    public let path: String
    private let folder: Int32
    /// The file that was written last, kept open so that `synchronize` sees every error of its own writes.
    private var written: (name: String, descriptor: Int32)?

    /// Opens the folder, and makes it durably if it does not exist.
    ///
    /// - Parameter path: the folder; its parent must exist.
    /// - Throws: `StoreError.io`.
    public init(path: String) throws(StoreError) {
        self.path = path
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        var descriptor = Self.retrying { open(path, flags) }
        if descriptor < 0, errno == ENOENT {
            do throws(SmallFileWriteError) { try makeDurableFolder(path, mode: 0o700) } catch {
                throw .io(operation: error.operation.rawValue, path: error.path, errno: error.errno)
            }
            descriptor = Self.retrying { open(path, flags) }
        }
        guard descriptor >= 0 else { throw .io(operation: "open the folder", path: path, errno: errno) }
        folder = descriptor
    }

    deinit {
        closeWritten()
        close(folder)
    }

    /// The names in the folder, without `.` and `..`.
    public func list() throws(StoreError) -> [String] {
        let descriptor = Self.retrying { openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw fault("list", nil) }
        guard let stream = fdopendir(descriptor) else {
            let error = fault("list", nil)
            close(descriptor)
            throw error
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            guard names.count < Self.maximumNames else {
                throw .tooMuch(
                    "'\(path)' has more than \(Self.maximumNames) files: remove what is not the store's"
                )
            }
            names.append(name)
        }
        guard errno == 0 else { throw fault("list", nil) }
        return names
    }

    /// The content of a regular file; nil if there is no such file.
    public func read(_ name: String, limit: Int) throws(StoreError) -> [UInt8]? {
        try check(name)
        // Without O_NONBLOCK, opening a FIFO would wait for a writer.
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = Self.retrying { openat(folder, name, flags) }
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else { throw fault("open", name) }
        defer { close(descriptor) }
        do throws(SmallFileError) {
            return try readSmallFile(descriptor, maximumLength: limit)
        } catch {
            throw .io(operation: "read", path: pathOf(name), errno: error.errno)
        }
    }

    /// The length of a file, or of the link that has the name.
    public func size(_ name: String) throws(StoreError) -> Int? {
        try check(name)
        var status = stat()
        if fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { return Int(clamping: status.st_size) }
        guard errno == ENOENT else { throw fault("look at", name) }
        return nil
    }

    /// Writes a new file; one that has the name already is removed first.
    public func write(_ name: String, _ bytes: [UInt8]) throws(StoreError) {
        try check(name)
        closeWritten()
        guard unlinkat(folder, name, 0) == 0 || errno == ENOENT else { throw fault("replace", name) }
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let descriptor = Self.retrying { openat(folder, name, flags, 0o600) }
        guard descriptor >= 0 else { throw fault("make", name) }
        written = (name, descriptor)
        do throws(SmallFileWriteError) { try writeAll(bytes, to: descriptor, path: pathOf(name)) } catch {
            closeWritten()
            throw .io(operation: error.operation.rawValue, path: error.path, errno: error.errno)
        }
    }

    /// fsync(2) of a file, through the descriptor that wrote it if it was the last one.
    public func synchronize(_ name: String) throws(StoreError) {
        try check(name)
        if let written, written.name == name {
            let result = Self.retrying { fsync(written.descriptor) }
            let error = fault("synchronize", name)
            closeWritten()
            if result != 0 { throw error }
            return
        }
        let descriptor = Self.retrying {
            openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        }
        guard descriptor >= 0 else { throw fault("synchronize", name) }
        defer { close(descriptor) }
        guard Self.retrying({ fsync(descriptor) }) == 0 else { throw fault("synchronize", name) }
    }

    /// Renames a file; one that has the other name goes, if `replacing`.
    ///
    /// Without `replacing` it is link(2) and unlink(2), which POSIX makes fail where rename(2) would replace; a cut
    /// between them leaves both names.
    public func rename(_ name: String, to other: String, replacing: Bool) throws(StoreError) {
        try check(name)
        try check(other)
        closeWritten()
        if replacing {
            guard renameat(folder, name, folder, other) == 0 else { throw fault("rename", name) }
        } else {
            guard linkat(folder, name, folder, other, 0) == 0 else { throw fault("rename", name) }
            unlinkat(folder, name, 0)
        }
    }

    /// Removes a file, if there is one of the name.
    public func remove(_ name: String) throws(StoreError) {
        try check(name)
        closeWritten()
        guard unlinkat(folder, name, 0) == 0 || errno == ENOENT else { throw fault("remove", name) }
    }

    /// fsync(2) of the folder.
    public func synchronizeFolder() throws(StoreError) {
        guard Self.retrying({ fsync(folder) }) == 0 else { throw fault("synchronize", nil) }
    }

    private func closeWritten() {
        if let written { close(written.descriptor) }
        written = nil
    }

    /// Names come from the store itself; this keeps a mistake there inside of the folder.
    private func check(_ name: String) throws(StoreError) {
        guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(UInt8(ascii: "/")) else {
            throw .io(operation: "use the name", path: pathOf(name), errno: EINVAL)
        }
    }

    private func pathOf(_ name: String?) -> String { name.map { "\(path)/\($0)" } ?? path }

    private func fault(_ operation: String, _ name: String?) -> StoreError {
        .io(operation: operation, path: pathOf(name), errno: errno)
    }

    private static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }
}
