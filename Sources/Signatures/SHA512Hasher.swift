internal import COpenSSL

/// An incremental SHA-512 over any number of bytes, computed by OpenSSL's libcrypto.
///
/// TUF metadata of other writers may name a file by this hash only. It is a plain value, as `SHA256Hasher` is.
public struct SHA512Hasher: Sendable {
    private var state = SHA512_CTX()

    /// A hasher that has seen no bytes.
    public init() {
        SHA512_Init(&state)
    }

    /// Adds bytes.
    public mutating func update(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        SHA512_Update(&state, bytes, bytes.count)
    }

    /// The 64 bytes of the digest of all bytes seen so far; the hasher can go on.
    public func finish() -> [UInt8] {
        var copy = state
        var digest = [UInt8](repeating: 0, count: Int(SHA512_DIGEST_LENGTH))
        SHA512_Final(&digest, &copy)
        return digest
    }
}
