internal import COpenSSL

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
}
