import ELF
import FileTree
import Foundation
import VariantManifest

/// The shared libraries of a tree: their cache, and the proof that every program finds its own.
enum SharedLibraries {
    /// Writes /etc/ld.so.cache with the locked ldconfig(8).
    ///
    /// ldconfig knows only the architectures of its own machine; a foreign image goes without the cache, for its
    /// libraries lie in the loader's default directories.
    static func index(
        _ tree: inout FileTree,
        architecture: Architecture,
        toolbox: Toolbox,
        cache: StageCache
    ) async throws {
        guard architecture == BuildMachine.architecture else { return }
        let work = try WorkDirectory(cache: cache)
        let directories = searchPath(of: tree, architecture: architecture)
        var part = FileTree()
        try part.addMergedUsrAliases(origin: "ldconfig")
        try part.insert(.directory(origin: "ldconfig"), at: "/etc")
        for directory in directories {
            for name in tree.children(of: directory) where name.contains(".so") {
                guard let node = tree["\(directory)/\(name)"], !node.isDirectory else { continue }
                let copy = tree.content(at: "\(directory)/\(name)").map {
                    Node(kind: .file($0), mode: 0o755, origin: node.origin)
                }
                try part.insert(copy ?? node, at: "\(directory)/\(name)")
            }
        }
        try part.insert(
            .file(directories.map { "\($0)\n" }.joined(), origin: "ldconfig"),
            at: "/etc/ld.so.conf"
        )
        try part.materialise(["/"], to: work.file("root"))
        try await toolbox.run(["ldconfig", "-X", "-r", "/work/root"], work: work.path)
        let bytes = try FileSystem.read(work.file("root/etc/ld.so.cache"), limit: 16 << 20)
        try tree.insert(.file(bytes, origin: "ldconfig"), at: "/etc/ld.so.cache", onConflict: .replace)
    }

    /// The directories in which the loader looks, the most specific first.
    static func searchPath(of tree: FileTree, architecture: Architecture) -> [String] {
        ["/usr/lib/\(architecture.multiarch)", "/usr/lib64", "/usr/lib"].filter {
            tree[$0]?.isDirectory == true
        }
    }

    /// Where a library is found that a program at a path asks for.
    static func find(
        _ soname: String,
        neededBy info: ELFFile,
        at path: String,
        in tree: FileTree,
        architecture: Architecture
    ) -> String? {
        let origin = (path as NSString).deletingLastPathComponent
        let runPath = (info.runpath.isEmpty ? info.rpath : info.runpath).map {
            $0.replacingOccurrences(of: "${ORIGIN}", with: origin).replacingOccurrences(
                of: "$ORIGIN",
                with: origin
            )
        }
        // A library in a private directory may lean on its neighbours without a run path of its own: the program
        // that found the one by its run path has loaded the other.
        for directory in runPath + searchPath(of: tree, architecture: architecture) + [origin] {
            let candidate = "\((directory as NSString).standardizingPath)/\(soname)"
            guard let node = tree[candidate] else { continue }
            // A link counts as far as it leads to a file.
            let isThere =
                node.symlinkTarget == nil || (try? tree.resolve(candidate)).flatMap { tree[$0] } != nil
            if isThere { return candidate }
        }
        return nil
    }

    /// The libraries without which a program does not work; any one of the names of each will do.
    ///
    /// They are those that it is linked with, and those that it opens itself and says to need.
    static func needs(of info: ELFFile) -> [[String]] {
        let opened = info.dlopen.filter { $0.priority == .required && !$0.sonames.isEmpty }
        return info.needed.map { [$0] } + opened.map(\.sonames)
    }

    /// Every ELF file of a tree, with its headers.
    static func programs(of tree: FileTree) throws -> [(path: String, info: ELFFile)] {
        var result: [(String, ELFFile)] = []
        for (path, node) in tree {
            guard let content = node.content, !path.hasPrefix("/usr/lib/modules/"), try isELF(content) else {
                continue
            }
            result.append((path, try ELFFile(content.bytes(limit: 512 << 20))))
        }
        return result
    }

    /// Whether a file's first bytes say that it is ELF.
    static func isELF(_ content: Content) throws -> Bool { ELFFile.isELF(try content.prefix(4)) }

    /// Fails when a program or library of the tree needs one that is not there.
    ///
    /// - Parameter place: what goes before the paths in the message.
    static func audit(_ tree: FileTree, architecture: Architecture, place: String = "") throws {
        var unresolved: [String] = []
        for (path, info) in try programs(of: tree) {
            for sonames in needs(of: info)
            where !sonames.contains(where: {
                find($0, neededBy: info, at: path, in: tree, architecture: architecture) != nil
            }) {
                let names = sonames.joined(separator: " or ")
                unresolved.append("\(names), needed by \(place)\(path) (\(tree[path]?.origin ?? "unknown"))")
            }
        }
        guard unresolved.isEmpty else { throw BuildError.unresolvedLibraries(unresolved) }
    }
}
