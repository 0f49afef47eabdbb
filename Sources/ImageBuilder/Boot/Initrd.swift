import ELF
import FileTree
import Foundation
import Hashing
import VariantManifest

/// The initial file system: what the manifest names out of the root tree, with the libraries and modules that
/// needs, as zstd-compressed newc archives (`InitrdArchives`).
struct Initrd: Sendable {
    /// The compressed archives in one file.
    let path: String

    static func prepare(
        root: RootTree,
        variant: ResolvedVariant,
        repository: String,
        toolbox: Toolbox,
        cache: StageCache,
        note: (String) -> Void
    ) async throws -> (Initrd, cached: Bool) {
        var tree = try collect(root: root.tree, variant: variant)
        for overlay in variant.initrd.overlays {
            let files = try FileTree.load(directory: "\(repository)/\(overlay)", origin: overlay)
            try tree.merge(files, onConflict: .replace)
        }
        try addFrame(to: &tree)
        let unused = Set(try ImageAudit.run(tree, variant: variant, place: "initrd:"))
        for allowance in root.unusedAllowances where unused.contains(allowance) {
            note("audit.allow '\(allowance.pattern)' excuses nothing; remove it")
        }
        let modules = try InitrdModules.choose(variant.initrd.modules, from: root)
        var key = StageKey("initrd", version: 2)
        key.add("tree", tree.digest())
        key.add("modules", modules.digest())
        key.add("tools", toolbox.digest)
        key.add("time", String(toolbox.sourceDateEpoch))
        if let directory = cache.lookUp("initrd", key) {
            return (Initrd(path: directory + "/initrd.zst"), true)
        }
        let base = tree
        let directory = try await cache.fill("initrd", key) { directory in
            var tree = base
            try tree.merge(modules)
            let work = try WorkDirectory(cache: cache)
            try await InitrdModules.index(&tree, modules: modules, release: root.kernelRelease, toolbox, work)
            try await SharedLibraries.index(
                &tree,
                architecture: variant.architecture,
                toolbox: toolbox,
                cache: cache
            )
            try await InitrdArchives.write(tree, to: work.file("initrd.zst"), toolbox: toolbox, work: work)
            try FileSystem.rename(work.file("initrd.zst"), to: directory + "/initrd.zst")
        }
        return (Initrd(path: directory + "/initrd.zst"), false)
    }

    /// The named files with all that they need.
    private static func collect(root: FileTree, variant: ResolvedVariant) throws -> FileTree {
        var tree = FileTree()
        try tree.addMergedUsrAliases(origin: "initrd")
        var pending: [String] = []
        for text in variant.initrd.files {
            let found = root.glob(try PathPattern(text))
            guard !found.isEmpty else {
                throw BuildError.missing(
                    what: "'\(text)' of initrd.files, which is not in the root,",
                    remedy: "keep it with filter.keep, add its package, or remove the line"
                )
            }
            pending += found
        }
        var seen: Set<String> = []
        while let path = pending.popLast() {
            guard seen.insert(path).inserted, let node = root[path] else { continue }
            switch node.kind {
            case .directory:
                pending += root.children(of: path).map { "\(path)/\($0)" }
                try tree.insert(.directory(mode: node.mode, origin: node.origin), at: path)
            case .symlink:
                var links: [String] = []
                if let target = try? root.resolve(path, following: &links) { pending.append(target) }
                // Those on the way, too, but nothing of the directories that they lead to. The names of merged /usr are
                // there already.
                for link in [path] + links where !tree.contains(link) {
                    if let node = root[link] { try tree.insert(node, at: link) }
                }
            default:
                guard let content = root.content(at: path) else { continue }
                try tree.insert(Node(kind: .file(content), mode: node.mode, origin: node.origin), at: path)
                pending += try libraries(of: path, content: content, root: root, variant: variant)
            }
        }
        return tree
    }

    /// The loader and the libraries of a program.
    private static func libraries(
        of path: String,
        content: Content,
        root: FileTree,
        variant: ResolvedVariant
    ) throws -> [String] {
        guard try SharedLibraries.isELF(content) else { return [] }
        let info = try ELFFile(content.bytes(limit: 512 << 20))
        let needed = SharedLibraries.needs(of: info).compactMap { sonames in
            sonames.lazy.compactMap {
                SharedLibraries.find(
                    $0,
                    neededBy: info,
                    at: path,
                    in: root,
                    architecture: variant.architecture
                )
            }.first
        }
        // The loader may be named through /lib64, which is an alias; resolve says where it really is.
        let loader = try info.interpreter.map { [try root.resolve($0), canonical($0)] } ?? []
        return needed + loader
    }

    private static func canonical(_ path: String) -> String {
        path.hasPrefix("/lib64/") || path.hasPrefix("/lib/") ? "/usr" + path : path
    }

    /// What every initrd has: mount points and the names under which the kernel starts it.
    private static func addFrame(to tree: inout FileTree) throws {
        for path in ["/dev", "/proc", "/run", "/sys", "/sysroot", "/tmp", "/var", "/root"] {
            try tree.insert(.directory(origin: "initrd"), at: path)
        }
        try tree.insert(.symlink(to: "usr/lib/systemd/systemd", origin: "initrd"), at: "/init")
        try tree.insert(.symlink(to: "../run", origin: "initrd"), at: "/var/run")
        try tree.insert(
            .symlink(to: "initrd.target", origin: "initrd"),
            at: "/usr/lib/systemd/system/default.target",
            onConflict: .replace
        )
    }
}
