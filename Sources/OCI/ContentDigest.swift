public import Hashing

/// The digest that content is named by: `sha256:` and 64 hexadecimal digits in lower case (image-spec, descriptor.md).
///
/// SHA-512 is allowed by the specification and used by nobody; it is refused by name.
public struct ContentDigest: Sendable, Hashable, CustomStringConvertible {
    /// The hash.
    public let hash: SHA256Digest

    /// The digest that a hash is.
    public init(_ hash: SHA256Digest) { self.hash = hash }

    /// The digest of bytes in memory.
    public init(of bytes: [UInt8]) { hash = SHA256Digest(hashing: bytes) }

    /// Reads a digest.
    ///
    /// - Throws: `OCIError.badDigest`.
    public init(parsing text: some StringProtocol) throws(OCIError) {
        guard text.hasPrefix("sha256:"), text.utf8.count == 71,
            !text.utf8.contains(where: { (0x41...0x5a).contains($0) }),
            let hash = SHA256Digest(hex: text.dropFirst(7))
        else { throw .badDigest(String(text.prefix(300))) }
        self.hash = hash
    }

    /// The 64 digits.
    public var hex: String { hash.hex }

    /// `sha256:` and the 64 digits.
    public var description: String { "sha256:\(hex)" }
}
