/// A root file system as a value: absolute path -> node.
///
/// Every path is absolute, normalised and free of `..`, every parent is a directory of the tree, and none is a
/// symlink: nothing can be written outside of where it seems to be. `/bin`, `/sbin`, `/lib`, `/lib32`, `/lib64`
/// and `/libx32` are aliases of the directories in `/usr` (merged /usr): a path below them is stored below
/// `/usr`, and the alias itself becomes a symlink of the tree when it is first used.
///
/// All iteration is sorted by the bytes of the names, a directory before what is in it.
public struct FileTree: Sendable {
    /// What happens when a path that is not a directory exists already, from another origin.
    public enum ConflictPolicy: Sendable, Equatable {
        /// It is an error that names both origins.
        case refuse
        /// The new entry wins: what an overlay does.
        case replace
        /// The rule of `Replaces` in Debian packages, which does not depend on the order of unpacking: the new
        /// entry wins over those of the first set, and gives way silently to those of the second.
        case packages(replaces: Set<String>, replacedBy: Set<String>)
    }

    /// Symlinks followed at most when a path is resolved, as in Linux.
    public static let maximumSymlinkHops = 40

    var nodes: [String: Node]
    var names: [String: Set<String>] = [:]
    /// For each file with further names, these names.
    var links: [String: Set<String>] = [:]

    /// An empty tree: the root directory, 0755 of root.
    public init() {
        nodes = ["/": Node(kind: .directory, mode: 0o755, origin: "tree", isImplicit: true)]
    }

    /// Number of entries, with the root directory.
    public var count: Int { nodes.count }

    // MARK: Insertion

    /// Puts a node at a path; missing parents become directories 0755 of root.
    ///
    /// A directory over a directory keeps mode and owner of the first, unless that was implicit. A file, link or
    /// device over another one needs the same origin or a policy that allows it; a directory in place of
    /// something else, or the reverse, is always an error. A hard link takes over its target's metadata.
    ///
    /// - Throws: `FileTreeError`, which names path and origin.
    public mutating func insert(
        _ node: Node,
        at path: String,
        onConflict policy: ConflictPolicy = .refuse
    ) throws(FileTreeError) {
        var node = node
        let path = try place(of: path, for: node)
        if path == "/" {
            guard node.isDirectory else {
                throw .invalidPath(
                    path: path,
                    origin: node.origin,
                    reason: "the root can only be a directory"
                )
            }
            mergeDirectory(node, at: path)
            return
        }
        try makeParents(of: path, origin: node.origin)
        if case .hardLink(let target) = node.kind {
            let primary = try linkTarget(target, path: path, origin: node.origin)
            if primary == path { return }
            node = linked(node, to: primary)
        }
        guard let existing = try existingNode(at: path, origin: node.origin) else {
            add(node, at: path)
            return
        }
        switch (existing.isDirectory, node.isDirectory) {
        case (true, true):
            mergeDirectory(node, at: path)
        case (false, false):
            guard try wins(node, over: existing, at: path, policy) else { return }
            detach(path)
            add(node, at: path)
        default:
            throw .typeChange(
                path: path,
                existing: existing.kind.name,
                existingOrigin: existing.origin,
                new: node.kind.name,
                origin: node.origin
            )
        }
    }

    /// Adds all entries of another tree.
    ///
    /// - Throws: `FileTreeError` as `insert` does; the tree is then left as it was.
    public mutating func merge(
        _ other: FileTree,
        onConflict policy: ConflictPolicy = .refuse
    ) throws(FileTreeError) {
        var result = self
        var later: [(String, Node)] = []
        for (path, node) in other {
            if case .hardLink = node.kind {
                later.append((path, node))
            } else {
                try result.insert(node, at: path, onConflict: policy)
            }
        }
        for (path, node) in later {
            try result.insert(node, at: path, onConflict: policy)
        }
        self = result
    }

    /// Makes the symlinks of merged /usr that are not there yet.
    ///
    /// - Throws: `FileTreeError` when something else is in their place.
    public mutating func addMergedUsrAliases(
        _ aliases: [String] = ["/bin", "/sbin", "/lib", "/lib64"],
        origin: String
    ) throws(FileTreeError) {
        for alias in aliases {
            guard let target = TreePath.aliases[alias] else {
                throw .invalidPath(
                    path: alias,
                    origin: origin,
                    reason: "it is not one of the merged-/usr aliases"
                )
            }
            if nodes[target] == nil {
                try insert(.directory(origin: origin), at: target)
            }
            ensureAlias(alias, origin: origin)
        }
    }

    // MARK: Change and removal

    /// Changes a node in place; through a hard link, the file it names and all its names.
    ///
    /// - Throws: `FileTreeError` when nothing is there, or the change would make it another kind.
    public mutating func update(_ path: String, _ body: (inout Node) -> Void) throws(FileTreeError) {
        var path = try canonical(path)
        guard var node = nodes[path] else { throw .notFound(path: path) }
        if case .hardLink(let target) = node.kind, let file = nodes[target] {
            path = target
            node = file
        }
        let before = node
        body(&node)
        node.mode &= 0o7777
        guard before.kind.name == node.kind.name, before.content == nil || node.content != nil else {
            throw .typeChange(
                path: path,
                existing: before.kind.name,
                existingOrigin: before.origin,
                new: node.kind.name,
                origin: node.origin
            )
        }
        nodes[path] = node
        for link in links[path] ?? [] {
            if let other = nodes[link] { nodes[link] = linked(other, to: path) }
        }
    }

    /// Removes an entry; when a file has further names, one of them takes its place.
    ///
    /// - Throws: `FileTreeError` when nothing is there, or a directory is not empty and `recursive` is false.
    public mutating func remove(_ path: String, recursive: Bool = false) throws(FileTreeError) {
        let path = try canonical(path)
        guard nodes[path] != nil else { throw .notFound(path: path) }
        guard path != "/" else {
            throw .invalidPath(path: path, origin: "remove", reason: "the root cannot be removed")
        }
        if let entries = names[path], !entries.isEmpty {
            guard recursive else { throw .directoryNotEmpty(path: path) }
            for below in paths(under: path).reversed() where below != path {
                detach(below)
            }
        }
        detach(path)
    }

    // MARK: Pieces

    /// The place where a path is stored, with aliases resolved.
    private mutating func place(of path: String, for node: Node) throws(FileTreeError) -> String {
        let path = try TreePath.normalise(path, origin: node.origin)
        if let alias = TreePath.alias(above: path) {
            ensureAlias(alias, origin: node.origin)
            return "/usr" + path
        }
        guard let target = TreePath.aliases[path] else { return path }
        switch node.kind {
        case .directory:
            ensureAlias(path, origin: node.origin)
            return target
        case .symlink(let text) where (try? TreePath.normalise(text, origin: node.origin)) == target:
            return path
        default:
            throw .typeChange(
                path: path,
                existing: "symlink to \(target)",
                existingOrigin: "merged /usr",
                new: node.symlinkTarget.map { "symlink to \($0)" } ?? node.kind.name,
                origin: node.origin
            )
        }
    }

    /// The same without a change of the tree.
    func canonical(_ path: String) throws(FileTreeError) -> String {
        let path = try TreePath.normalise(path, origin: "lookup")
        return TreePath.alias(above: path) == nil ? path : "/usr" + path
    }

    private mutating func ensureAlias(_ alias: String, origin: String) {
        guard nodes[alias] == nil, let target = TreePath.aliases[alias] else { return }
        var node = Node.symlink(to: String(target.dropFirst()), origin: origin)
        node.isImplicit = true
        add(node, at: alias)
    }

    private mutating func makeParents(of path: String, origin: String) throws(FileTreeError) {
        let parent = TreePath.split(path).parent
        if let node = nodes[parent] {
            if node.isDirectory { return }
            if let target = node.symlinkTarget {
                throw .throughSymlink(path: path, symlink: parent, target: target, origin: origin)
            }
            throw .parentNotDirectory(path: path, parent: parent, origin: origin, parentOrigin: node.origin)
        }
        try makeParents(of: parent, origin: origin)
        var node = Node.directory(origin: origin)
        node.isImplicit = true
        add(node, at: parent)
    }

    private func linkTarget(
        _ target: String,
        path: String,
        origin: String
    ) throws(FileTreeError) -> String {
        var place = try TreePath.normalise(target, origin: origin)
        if TreePath.alias(above: place) != nil { place = "/usr" + place }
        guard let node = nodes[place] else {
            throw .hardLink(path: path, target: target, origin: origin, reason: "which does not exist")
        }
        switch node.kind {
        case .file: return place
        case .hardLink(let primary): return primary
        default:
            throw .hardLink(
                path: path,
                target: target,
                origin: origin,
                reason: "which is a \(node.kind.name)"
            )
        }
    }

    private func linked(_ node: Node, to primary: String) -> Node {
        guard let file = nodes[primary] else { return node }
        return Node(
            kind: .hardLink(to: primary),
            mode: file.mode,
            uid: file.uid,
            gid: file.gid,
            xattrs: file.xattrs,
            origin: node.origin
        )
    }

    /// The node at a path; an error when its name is written in other bytes that Unicode holds for equal.
    private func existingNode(at path: String, origin: String) throws(FileTreeError) -> Node? {
        guard let index = nodes.index(forKey: path) else { return nil }
        guard nodes[index].key.utf8.elementsEqual(path.utf8) else {
            let reason = "it differs from another path only in Unicode normalisation"
            throw .invalidPath(path: path, origin: origin, reason: reason)
        }
        return nodes[index].value
    }

    private func wins(
        _ node: Node,
        over existing: Node,
        at path: String,
        _ policy: ConflictPolicy
    ) throws(FileTreeError) -> Bool {
        if existing.origin == node.origin || existing.isImplicit { return true }
        // Every package with files in /lib may ship the same alias.
        if TreePath.aliases[path] != nil { return false }
        switch policy {
        case .refuse: break
        case .replace: return true
        case .packages(let replaces, let replacedBy):
            if replaces.contains(existing.origin) { return true }
            if replacedBy.contains(existing.origin) { return false }
        }
        throw .conflict(path: path, first: existing.origin, second: node.origin)
    }

    private mutating func mergeDirectory(_ node: Node, at path: String) {
        if node.isImplicit { return }
        if nodes[path]?.isImplicit ?? true { nodes[path] = node }
    }

    private mutating func add(_ node: Node, at path: String) {
        nodes[path] = node
        let (parent, name) = TreePath.split(path)
        names[parent, default: []].insert(name)
        if case .hardLink(let primary) = node.kind { links[primary, default: []].insert(path) }
    }

    /// Takes an entry without entries out of the tree, and lets another name of its file take over.
    mutating func detach(_ path: String) {
        guard let node = nodes.removeValue(forKey: path) else { return }
        let (parent, name) = TreePath.split(path)
        names[parent]?.remove(name)
        names[path] = nil
        if case .hardLink(let primary) = node.kind {
            links[primary]?.remove(path)
            if links[primary]?.isEmpty ?? false { links[primary] = nil }
        }
        guard let others = links.removeValue(forKey: path) else { return }
        let sorted = others.sorted(by: TreePath.precedes)
        guard let heir = sorted.first, var file = nodes[heir] else { return }
        file.kind = node.kind
        nodes[heir] = file
        for other in sorted.dropFirst() { nodes[other]?.kind = .hardLink(to: heir) }
        if sorted.count > 1 { links[heir] = Set(sorted.dropFirst()) }
    }
}
