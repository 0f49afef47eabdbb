public import Hashing

/// Where the tables of an update, the head of a pack and the index, outlive the process that fetched them.
///
/// It only saves bytes: what it gives is checked as if it came from a server, and what it could not keep is fetched again.
public protocol TableStore: Sendable {
    /// What was kept under a digest, if it has so many bytes; they need not be the right ones.
    func read(_ sha256: SHA256Digest, size: Int) -> [UInt8]?

    /// Keeps a table.
    ///
    /// - Parameter sha256: the digest of the bytes.
    func keep(_ bytes: [UInt8], _ sha256: SHA256Digest)
}
