import Glibc
public import Hashing

/// A published file: its size and digest go into the release's signed table.
public struct ArtefactFacts: Sendable, Equatable {
    /// The number of bytes.
    public let size: UInt64
    /// The digest of all bytes.
    public let sha256: SHA256Digest

    /// States a file's facts.
    public init(size: UInt64, sha256: SHA256Digest) {
        self.size = size
        self.sha256 = sha256
    }
}

/// A new file that is hashed while it is written; it is removed again unless it is finished.
final class ArtefactFile {
    private let path: String
    private var descriptor: Int32
    private var hasher = SHA256Hasher()
    private var size: UInt64 = 0

    /// Makes the file, which must not exist.
    init(path: String) throws(UpdateBlocksError) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .output(path: path, reason: Self.text(errno)) }
        self.path = path
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unlink(path)
        }
    }

    /// Appends bytes.
    func write(_ bytes: [UInt8]) throws(UpdateBlocksError) {
        hasher.update(bytes)
        size += UInt64(bytes.count)
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done) }
            if written < 0 {
                if errno == EINTR { continue }
                throw .output(path: path, reason: Self.text(errno))
            }
            done += written
        }
    }

    /// Brings the file to the medium and closes it.
    func finish() throws(UpdateBlocksError) -> ArtefactFacts {
        guard fsync(descriptor) == 0 else { throw .output(path: path, reason: Self.text(errno)) }
        close(descriptor)
        descriptor = -1
        return ArtefactFacts(size: size, sha256: hasher.finish())
    }

    private static func text(_ number: Int32) -> String {
        strerror(number).map { String(cString: $0) } ?? "error \(number)"
    }
}
