import Archive
import FileTree
import Foundation
import Hashing

/// The modules of a kernel, chosen, uncompressed and indexed.
///
/// Debian compresses each module; in the image only EROFS compresses (DESIGN.md, section 3), because a module
/// that is compressed twice costs update bytes.
struct KernelModules: Sendable {
    /// The kernel's release, as `uname -r` says it.
    let release: String
    /// The modules and the `modules.*` files, at their places below /usr/lib/modules.
    let tree: FileTree

    /// Takes the modules out of a tree of unpacked packages.
    static func prepare(
        from packages: FileTree,
        keep: [String],
        drop: [String],
        toolbox: Toolbox,
        cache: StageCache
    ) async throws -> (KernelModules, cached: Bool) {
        let release = try kernelRelease(of: packages)
        let base = "/usr/lib/modules/\(release)"
        let keepPatterns = try keep.map { try PathPattern("\(base)/kernel/\($0)") }
        let dropPatterns = try drop.map { try PathPattern("\(base)/kernel/\($0)") }
        let chosen = packages.paths(under: base).filter { path in
            guard case .file = packages[path]?.kind else { return false }
            guard path.hasPrefix("\(base)/kernel/") else { return true }
            return keepPatterns.contains { $0.matches(path) } && !dropPatterns.contains { $0.matches(path) }
        }
        var key = StageKey("modules", version: 2)
        key.add("tools", toolbox.digest)
        key.add(
            "files",
            chosen.map { "\($0) \(packages.content(at: $0)?.digest.hex ?? "") \(packages[$0]?.origin ?? "")" }
        )
        let cached = cache.lookUp("modules", key)
        let directory: String
        if let cached {
            directory = cached
        } else {
            directory = try await cache.fill("modules", key) { directory in
                try await build(
                    chosen,
                    of: packages,
                    release: release,
                    toolbox: toolbox,
                    cache: cache,
                    in: directory
                )
            }
        }
        let tree = try BlobIndex.load(directory: directory, origin: "kernel modules")
        return (KernelModules(release: release, tree: tree), cached != nil)
    }

    /// The release of the only kernel in a tree.
    static func kernelRelease(of tree: FileTree) throws -> String {
        let releases = tree.children(of: "/usr/lib/modules")
        guard releases.count == 1, let release = releases.first else {
            throw BuildError.missing(
                what: "a single kernel below /usr/lib/modules (found: \(releases.joined(separator: ", ")))",
                remedy: "name one kernel package under kernel.package"
            )
        }
        return release
    }

    private static func build(
        _ chosen: [String],
        of packages: FileTree,
        release: String,
        toolbox: Toolbox,
        cache: StageCache,
        in directory: String
    ) async throws {
        var tree = try await uncompressed(chosen, of: packages)
        let work = try WorkDirectory(cache: cache)
        try tree.materialise(["/"], to: work.file("root"))
        try await indexModules(below: work.file("root"), release: release, toolbox: toolbox, work: work)
        try addIndices(from: work.file("root"), release: release, to: &tree)
        try BlobIndex.save(tree, directory: directory)
    }

    /// Files out of a tree of packages, the modules among them uncompressed; each keeps its package as origin.
    static func uncompressed(_ chosen: [String], of packages: FileTree) async throws -> FileTree {
        let files = try await ParallelMap.run(chosen) { path -> (path: String, node: Node) in
            let bytes = try packages.content(at: path)?.bytes(limit: 256 << 20) ?? []
            let origin = packages[path]?.origin ?? "kernel modules"
            guard let name = nameWithoutCompression(path) else { return (path, .file(bytes, origin: origin)) }
            let module = try CompressedStream.decompress(bytes, name: path, limit: 256 << 20)
            return (name, .file(module, origin: origin))
        }
        var tree = FileTree()
        // depmod looks for modules below /lib.
        try tree.addMergedUsrAliases(["/lib"], origin: "kernel modules")
        for file in files { try tree.insert(file.node, at: file.path) }
        return tree
    }

    /// Writes the indices that modprobe reads, with the locked depmod(8).
    static func indexModules(below root: String, release: String, toolbox: Toolbox, work: WorkDirectory)
        async throws
    {
        let guest = root.replacingOccurrences(of: work.path, with: "/work")
        try await toolbox.run(["depmod", "--basedir", guest, release], work: work.path)
    }

    /// Reads the indices that depmod wrote below a root into a tree.
    ///
    /// What depmod only read is there as well and stays as it is in the tree: it belongs to its package.
    static func addIndices(from root: String, release: String, to tree: inout FileTree) throws {
        let place = "/usr/lib/modules/\(release)"
        for name in try FileManager.default.contentsOfDirectory(atPath: root + place).sorted()
        where name.hasPrefix("modules.") {
            let bytes = try FileSystem.read("\(root)\(place)/\(name)")
            if tree.content(at: "\(place)/\(name)")?.digest == SHA256Digest(hashing: bytes) { continue }
            try tree.insert(.file(bytes, origin: "depmod"), at: "\(place)/\(name)", onConflict: .replace)
        }
    }

    /// The path that a compressed module gets; nil for anything else.
    private static func nameWithoutCompression(_ path: String) -> String? {
        [".xz", ".zst", ".gz"].first { path.hasSuffix(".ko" + $0) }.map { String(path.dropLast($0.count)) }
    }
}
