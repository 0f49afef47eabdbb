import FileTree
import Foundation
import GPT
import Hashing
import VariantManifest

/// The root file system: one sorted tar stream through the locked mkfs.erofs(1).
struct ErofsImage: Sendable {
    /// The image; its size is a multiple of 4096.
    let path: String
    /// Its size in bytes.
    let size: UInt64
    /// The digest of its bytes.
    let digest: SHA256Digest

    /// Makes the image, unless one of the same tree and options is in the cache.
    static func prepare(
        _ tree: FileTree,
        options: ErofsOptions,
        identity: DerivedIdentity,
        limit: UInt64,
        toolbox: Toolbox,
        cache: StageCache
    ) async throws -> (ErofsImage, cached: Bool) {
        var key = StageKey("erofs", version: 1)
        key.add("tree", tree.digest())
        key.add("tools", toolbox.digest)
        key.add("time", String(toolbox.sourceDateEpoch))
        let arguments = arguments(options, identity: identity, time: toolbox.sourceDateEpoch)
        key.add("arguments", arguments)
        let cached = cache.lookUp("erofs", key)
        let directory: String
        if let cached {
            directory = cached
        } else {
            directory = try await cache.fill("erofs", key) { directory in
                let work = try WorkDirectory(cache: cache)
                try TarWriter(modificationTime: toolbox.sourceDateEpoch).write(
                    tree,
                    to: work.file("root.tar")
                )
                try await toolbox.run(
                    ["mkfs.erofs", "--quiet"] + arguments + [
                        "--tar=f", "/work/root.erofs", "/work/root.tar",
                    ],
                    work: work.path
                )
                try FileSystem.rename(work.file("root.erofs"), to: directory + "/root.erofs")
            }
        }
        let path = directory + "/root.erofs"
        let size = try FileSystem.size(path)
        guard size <= limit else {
            throw BuildError.tooLarge(
                what: "the root file system",
                size: size,
                limit: limit,
                remedy:
                    "remove packages or files, or set a larger layout.root-size (it is fixed for ever on hosts)"
            )
        }
        guard size.isMultiple(of: 4096) else {
            throw BuildError.tool(
                name: "mkfs.erofs",
                detail: "its image of \(size) bytes is no multiple of 4096"
            )
        }
        return (
            ErofsImage(path: path, size: size, digest: try SHA256Digest(hashingFile: path)), cached != nil
        )
    }

    /// What mkfs.erofs is told besides input and output.
    ///
    /// No `fragments`, `ztailpacking` or `dedupe`: they spread a
    /// small change over a third of the image (DESIGN.md, section 3).
    static func arguments(_ options: ErofsOptions, identity: DerivedIdentity, time: Int64) -> [String] {
        var arguments = ["-b4096", "-T\(time)", "-U", identity.erofsUUID.description]
        guard options.compression != .none else { return arguments }
        let level = options.level.map { ",\($0)" } ?? ""
        arguments += ["-z\(options.compression.rawValue)\(level)", "-C\(options.clusterSize)"]
        return arguments
    }
}
