public import Hashing

extension FileTree: Sequence {
    /// A path and its node.
    public typealias Element = (path: String, node: Node)

    /// All entries, sorted, a directory before what is in it.
    public func makeIterator() -> AnyIterator<Element> {
        var remaining = paths(under: "/").makeIterator()
        return AnyIterator { [nodes] in
            while let path = remaining.next() {
                if let node = nodes[path] { return (path, node) }
            }
            return nil
        }
    }
}

extension FileTree {
    /// The node at a path, itself and not what it links to; nil when nothing is there.
    public subscript(path: String) -> Node? {
        if let node = nodes[path] { return node }
        guard let path = try? canonical(path) else { return nil }
        return nodes[path]
    }

    /// Whether something is at a path.
    public func contains(_ path: String) -> Bool { self[path] != nil }

    /// The content of the file at a path, also through a hard link, but not through a symlink; else nil.
    public func content(at path: String) -> Content? {
        switch self[path]?.kind {
        case .file(let content): content
        case .hardLink(let target): nodes[target]?.content
        default: nil
        }
    }

    /// The names in a directory, sorted; empty for anything else.
    public func children(of path: String) -> [String] {
        guard let path = try? canonical(path), let entries = names[path] else { return [] }
        return entries.sorted(by: TreePath.precedes)
    }

    /// A path and all paths below it, sorted, a directory before what is in it; empty when nothing is there.
    public func paths(under path: String) -> [String] {
        guard let path = try? canonical(path), nodes[path] != nil else { return [] }
        var result: [String] = []
        var stack = [path]
        while let next = stack.popLast() {
            result.append(next)
            guard let entries = names[next], !entries.isEmpty else { continue }
            for name in entries.sorted(by: TreePath.precedes).reversed() {
                stack.append(TreePath.join(next, name))
            }
        }
        return result
    }

    /// The path that is reached when all symlinks are followed inside the tree, `..` in targets included.
    ///
    /// - Throws: `FileTreeError`: `notFound`, `symlinkLoop`, or `parentNotDirectory`.
    public func resolve(_ path: String) throws(FileTreeError) -> String {
        var links: [String] = []
        return try resolve(path, following: &links)
    }

    /// The path that is reached when all symlinks are followed inside the tree.
    ///
    /// - Parameter links: gets the symlinks that were followed, in their order.
    /// - Throws: `FileTreeError`, as `resolve(_:)` does.
    public func resolve(_ path: String, following links: inout [String]) throws(FileTreeError) -> String {
        var pending = Array(path.split(separator: "/").reversed().map(String.init))
        var place = "/"
        var hops = 0
        while let name = pending.popLast() {
            if name == "." { continue }
            if name == ".." {
                place = TreePath.split(place).parent
                continue
            }
            guard let directory = nodes[place], directory.isDirectory else {
                let origin = nodes[place]?.origin ?? "tree"
                throw .parentNotDirectory(path: path, parent: place, origin: "lookup", parentOrigin: origin)
            }
            let next = TreePath.join(place, name)
            guard let node = nodes[next] else { throw .notFound(path: next) }
            guard let target = node.symlinkTarget else {
                place = next
                continue
            }
            links.append(next)
            hops += 1
            guard hops <= Self.maximumSymlinkHops else { throw .symlinkLoop(path: path) }
            if target.utf8.first == UInt8(ascii: "/") { place = "/" }
            pending += target.split(separator: "/").reversed().map(String.init)
        }
        return place
    }

    /// The paths that a pattern matches, sorted.
    public func glob(_ pattern: PathPattern) -> [String] {
        if pattern.isLiteral { return contains(pattern.text) ? [pattern.text] : [] }
        let parent = TreePath.split(pattern.literalPrefix).parent
        return paths(under: parent).filter { pattern.matches($0) }
    }

    /// A digest of everything in the tree that ends up in an image: paths, metadata and contents, not origins.
    public func digest() -> SHA256Digest {
        var hasher = SHA256Hasher()
        func add(_ text: String) {
            hasher.update("\(text.utf8.count):")
            hasher.update(text)
        }
        hasher.update("bulkhead file tree 1\n")
        for (path, node) in self {
            add(path)
            add("\(node.kind.name) \(node.mode) \(node.uid) \(node.gid) \(node.xattrs.count)")
            for (key, value) in node.xattrs.sorted(by: { TreePath.precedes($0.key, $1.key) }) {
                add(key)
                add(Hex.encode(value))
            }
            switch node.kind {
            case .directory, .fifo: break
            case .file(let content): add(content.digest.hex)
            case .hardLink(let target), .symlink(let target): add(target)
            case .characterDevice(let major, let minor), .blockDevice(let major, let minor):
                add("\(major):\(minor)")
            }
        }
        return hasher.finish()
    }
}
