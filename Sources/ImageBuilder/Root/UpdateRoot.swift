import FileTree
import Foundation
import Hashing
import TUF

/// The TUF root metadata that a host trusts updates by, as the image has them.
///
/// They are in the verified root file system, so that nobody exchanges them without exchanging the release.
struct UpdateRoot: Sendable {
    /// Where the host finds them.
    static let place = "/usr/share/bulkhead/update-root.json"
    /// Most bytes of the file; a root with hundreds of keys is smaller.
    private static let sizeLimit: UInt64 = 1 << 20

    private let bytes: [UInt8]
    /// The digest of the file.
    let digest: SHA256Digest

    /// Reads a root and checks that a threshold of its own keys has signed it, as a host demands of it.
    ///
    /// Whether it has expired is no matter: a host begins with it and goes on to the repository's newest.
    ///
    /// - Throws: `BuildError.missing` or `.unsupported`.
    init(reading path: String) throws {
        guard FileSystem.exists(path) else {
            throw BuildError.missing(
                what: "the update root '\(path)'",
                remedy: "name the N.root.json of the key ring that 'bulkhead keys init' made"
            )
        }
        bytes = try FileSystem.read(path, limit: Self.sizeLimit)
        do throws(TUFError) {
            let root = try Metadata<Root>(parsing: bytes)
            try root.verify(by: root.signed)
        } catch {
            throw BuildError.unsupported(
                """
                '\(path)' is no root that a host can trust updates by: \(error); name the newest N.root.json of the \
                key ring
                """
            )
        }
        digest = SHA256Digest(hashing: bytes)
    }

    /// Puts the root where the host finds it.
    func add(to tree: inout FileTree) throws {
        try tree.insert(.file(bytes, origin: "update root"), at: Self.place)
    }
}
