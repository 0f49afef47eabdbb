internal import COpenSSL
import Foundation

/// An incremental SHA-256 over any number of bytes, computed by OpenSSL's libcrypto.
///
/// It is a plain value: a copy goes on from the state of its original, which is how a salted prefix is hashed
/// once for many blocks.
public struct SHA256Hasher: Sendable {
    private var state = SHA256_CTX()

    /// A hasher that has seen no bytes.
    public init() {
        SHA256_Init(&state)
    }

    /// Adds bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
        SHA256_Update(&state, base, bytes.count)
    }

    /// Adds bytes.
    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// Adds the UTF-8 bytes of a text.
    public mutating func update(_ text: String) {
        update(Array(text.utf8))
    }

    /// The digest of all bytes seen so far; the hasher can go on.
    public func finish() -> SHA256Digest {
        var digest = [UInt8](repeating: 0, count: SHA256Digest.byteCount)
        digest.withUnsafeMutableBytes { finish(into: $0) }
        // The array has the right size by construction, so the initialiser cannot refuse it.
        return SHA256Digest(bytes: digest) ?? SHA256Digest.ofNothing
    }

    /// Writes the digest of all bytes seen so far to the first 32 bytes of a buffer.
    public func finish(into buffer: UnsafeMutableRawBufferPointer) {
        precondition(buffer.count >= SHA256Digest.byteCount)
        var copy = state
        SHA256_Final(buffer.bindMemory(to: UInt8.self).baseAddress, &copy)
    }
}

extension SHA256Digest {
    /// The digest of an empty input.
    static let ofNothing = SHA256Hasher().finish()

    /// The digest of bytes in memory.
    public init(hashing bytes: [UInt8]) {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        self = hasher.finish()
    }

    /// The digest of a text's UTF-8 bytes.
    public init(hashing text: String) {
        self.init(hashing: Array(text.utf8))
    }

    /// The digest of a whole file, read in pieces of 1 MiB.
    ///
    /// - Throws: `HashingError` when the file cannot be opened or read.
    public init(hashingFile path: String) throws(HashingError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .open(path: path, errno: errno) }
        defer { close(descriptor) }
        var hasher = SHA256Hasher()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw .read(path: path, errno: errno)
            }
            if count == 0 { break }
            buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
        self = hasher.finish()
    }
}

/// Why a file could not be hashed.
public enum HashingError: Error, Equatable, CustomStringConvertible {
    /// The file could not be opened.
    case open(path: String, errno: Int32)
    /// The file could not be read.
    case read(path: String, errno: Int32)

    /// What failed, on which file, and why.
    public var description: String {
        switch self {
        case .open(let path, let errno):
            return "cannot open '\(path)' to hash it: \(String(cString: strerror(errno)))"
        case .read(let path, let errno):
            return
                "cannot read '\(path)' to hash it: \(String(cString: strerror(errno))); check the disk and try again"
        }
    }
}
