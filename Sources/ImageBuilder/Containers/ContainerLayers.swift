import FileTree

/// How the files of a container are divided into layers.
///
/// A layer's bytes only change when something in it does. With one layer for everything, a package that grows by a
/// file would move all bytes behind it, and an update would carry the whole container instead of the package. So the
/// largest packages have a layer each, the small ones share one, and what is the container's own comes last.
struct ContainerLayers {
    /// A layer before it is written.
    struct Layer {
        /// What is in it, for people.
        let title: String
        /// Its files, with the directories above them.
        let tree: FileTree
    }

    /// Bytes of files from which on a package has a layer of its own.
    static let packageSize: Int64 = 1 << 20
    /// Most packages with a layer of their own; a runtime mounts every layer (overlayfs takes some hundred).
    static let packageLimit = 14

    /// The layers in the order in which they are applied.
    let layers: [Layer]

    /// Divides a tree.
    ///
    /// - Parameter packages: the origins that are packages.
    /// - Throws: `FileTreeError`.
    init(_ tree: FileTree, packages: Set<String>) throws {
        let large = Self.large(tree, packages: packages)
        func title(of origin: String) -> String {
            if large.contains(origin) { return "package \(origin)" }
            return packages.contains(origin) ? Self.smallPackages : Self.own
        }
        var trees: [String: FileTree] = [:]
        var links: [(layer: String, path: String, node: Node)] = []
        for (path, node) in tree where path != "/" {
            var origin = node.origin
            if case .hardLink(let target) = node.kind {
                // A layer cannot link to a file of another one.
                origin = tree[target]?.origin ?? origin
                links.append((title(of: origin), path, node))
                continue
            }
            try Self.add(node, at: path, of: tree, to: &trees[title(of: origin), default: FileTree()])
        }
        for (layer, path, node) in links {
            try Self.add(node, at: path, of: tree, to: &trees[layer, default: FileTree()])
        }
        let order = [Self.smallPackages] + large.sorted().map { "package \($0)" } + [Self.own]
        layers = order.compactMap { title in trees[title].map { Layer(title: title, tree: $0) } }
    }

    private static let smallPackages = "small packages"
    private static let own = "the container's own files"

    /// The packages with a layer of their own.
    private static func large(_ tree: FileTree, packages: Set<String>) -> Set<String> {
        var sizes: [String: Int64] = [:]
        for (_, node) in tree where packages.contains(node.origin) {
            sizes[node.origin, default: 0] += node.content?.size ?? 0
        }
        let sorted = sizes.filter { $0.value >= packageSize }.sorted {
            ($1.value, $0.key) < ($0.value, $1.key)
        }
        return Set(sorted.prefix(packageLimit).map(\.key))
    }

    /// Puts an entry into a layer, below the directories as the whole tree has them.
    private static func add(_ node: Node, at path: String, of tree: FileTree, to layer: inout FileTree) throws
    {
        var parents: [String] = []
        var parent = path
        while let slash = parent.lastIndex(of: "/"), slash != parent.startIndex {
            parent = String(parent[..<slash])
            if layer.contains(parent) { break }
            parents.append(parent)
        }
        for parent in parents.reversed() {
            if let directory = tree[parent] { try layer.insert(directory, at: parent) }
        }
        if node.isDirectory, layer.contains(path) { return }
        try layer.insert(node, at: path)
    }
}
