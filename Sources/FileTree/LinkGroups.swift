extension FileTree {
    /// A file as archives need it: the first of its names in the sorted order carries the content.
    ///
    /// Which name holds the content in the tree depends on the order of insertion; archives must not show it.
    struct LinkGroup {
        let names: [String]
        let file: Node

        var first: String? { names.first }
        var last: String? { names.last }
    }

    /// The group of names of a file that has several; nil for anything else.
    func linkGroup(at path: String, _ node: Node) -> LinkGroup? {
        var primary = path
        if case .hardLink(let target) = node.kind { primary = target }
        guard let others = links[primary], let file = nodes[primary] else { return nil }
        let order = paths(sorting: [primary] + others)
        return LinkGroup(names: order, file: file)
    }

    /// Paths in the order of iteration, which compares name by name and not byte by byte.
    private func paths(sorting paths: [String]) -> [String] {
        let split = paths.map { ($0, $0.split(separator: "/").map(String.init)) }
        return split.sorted { $0.1.lexicographicallyPrecedes($1.1, by: TreePath.precedes) }.map(\.0)
    }
}
