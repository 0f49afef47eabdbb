import FileTree
import Foundation

/// The kernel modules of an initrd: those the manifest names and what they depend on, as modules.dep says.
enum InitrdModules {
    /// Chooses modules out of a root.
    static func choose(_ names: [String], from root: RootTree) throws -> FileTree {
        let base = "/usr/lib/modules/\(root.kernelRelease)"
        let dependencies = try dependencies(of: root.tree, base: base)
        let builtin = try builtinNames(of: root.tree, base: base)
        var byName: [String: String] = [:]
        for path in dependencies.keys { byName[moduleName(path)] = path }
        var tree = FileTree()
        for name in names {
            let wanted = name.replacingOccurrences(of: "-", with: "_")
            guard let path = byName[wanted] else {
                // A module that is built in under one kernel may be loadable under another: both are fine.
                if builtin.contains(wanted) { continue }
                throw BuildError.missing(
                    what: "the kernel module '\(name)' of initrd.modules",
                    remedy: "mend the name, or keep the module with kernel.modules"
                )
            }
            for file in [path] + (dependencies[path] ?? []) {
                let place = "\(base)/\(file)"
                guard !tree.contains(place) else { continue }
                try copy(place, from: root.tree, to: &tree)
            }
        }
        for name in ["modules.builtin", "modules.builtin.modinfo", "modules.order"] {
            try copy("\(base)/\(name)", from: root.tree, to: &tree)
        }
        return tree
    }

    private static func copy(_ path: String, from root: FileTree, to tree: inout FileTree) throws {
        guard let node = root[path], let content = root.content(at: path) else { return }
        try tree.insert(Node(kind: .file(content), mode: 0o644, origin: node.origin), at: path)
    }

    /// Writes the indices for just these modules.
    static func index(
        _ tree: inout FileTree,
        modules: FileTree,
        release: String,
        _ toolbox: Toolbox,
        _ work: WorkDirectory
    ) async throws {
        let root = work.file("modules")
        var copy = modules
        try copy.addMergedUsrAliases(["/lib"], origin: "kernel modules")
        try copy.materialise(["/"], to: root)
        try await KernelModules.indexModules(below: root, release: release, toolbox: toolbox, work: work)
        try KernelModules.addIndices(from: root, release: release, to: &tree)
    }

    /// modules.dep: a module's path, a colon, the paths of those it needs.
    private static func dependencies(of tree: FileTree, base: String) throws -> [String: [String]] {
        var result: [String: [String]] = [:]
        for line in try text("\(base)/modules.dep", of: tree).split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let needed = line[line.index(after: colon)...].split(separator: " ").map(String.init)
            result[String(line[..<colon])] = needed
        }
        return result
    }

    private static func builtinNames(of tree: FileTree, base: String) throws -> Set<String> {
        Set(
            try text("\(base)/modules.builtin", of: tree).split(separator: "\n").map {
                moduleName(String($0))
            }
        )
    }

    private static func text(_ path: String, of tree: FileTree) throws -> String {
        guard let content = tree.content(at: path) else {
            throw BuildError.missing(
                what: path,
                remedy: "the kernel package is not what this code expects; report it"
            )
        }
        return String(decoding: try content.bytes(limit: 64 << 20), as: UTF8.self)
    }

    /// `dm_verity` for `kernel/drivers/md/dm-verity.ko`.
    private static func moduleName(_ path: String) -> String {
        let file = (path as NSString).lastPathComponent
        return String(file.prefix { $0 != "." }).replacingOccurrences(of: "-", with: "_")
    }
}
