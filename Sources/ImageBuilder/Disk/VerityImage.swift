import GPT
import Hashing
import Verity

/// The hash tree over the root file system, by our own code; equal to `veritysetup format` byte for byte.
struct VerityImage: Sendable {
    /// The file: superblock and tree.
    let path: String
    /// Its size in bytes.
    let size: UInt64
    /// The root hash, which the kernel command line carries.
    let rootHash: SHA256Digest

    static func prepare(
        _ root: ErofsImage,
        identity: DerivedIdentity,
        limit: UInt64,
        cache: StageCache
    ) async throws -> (VerityImage, cached: Bool) {
        var key = StageKey("verity", version: 1)
        key.add("root", root.digest)
        key.add("salt", Hex.encode(identity.veritySalt))
        key.add("uuid", identity.verityUUID.description)
        let cached = cache.lookUp("verity", key)
        let directory: String
        if let cached {
            directory = cached
        } else {
            directory = try await cache.fill("verity", key) { directory in
                let data = try VeritySource(path: root.path)
                let parameters = try VerityParameters(
                    salt: identity.veritySalt,
                    uuid: identity.verityUUID.uuidBytes,
                    dataSize: data.byteCount
                )
                let hash = try VerityTree.write(
                    data: data,
                    parameters: parameters,
                    to: directory + "/root.verity"
                )
                try FileSystem.write(Array(hash.hex.utf8), to: directory + "/root.hash")
            }
        }
        let text = String(decoding: try FileSystem.read(directory + "/root.hash", limit: 64), as: UTF8.self)
        guard let rootHash = SHA256Digest(hex: text) else {
            throw BuildError.missing(what: "the root hash in '\(directory)'", remedy: "remove that directory")
        }
        let size = try FileSystem.size(directory + "/root.verity")
        guard size <= limit else {
            throw BuildError.tooLarge(
                what: "the hash tree",
                size: size,
                limit: limit,
                remedy: "set a larger layout.verity-size (it is fixed for ever on hosts)"
            )
        }
        let image = VerityImage(path: directory + "/root.verity", size: size, rootHash: rootHash)
        return (image, cached != nil)
    }
}
