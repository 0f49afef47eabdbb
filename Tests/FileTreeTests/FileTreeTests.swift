import FileTree
import Hashing
import TestSupport
import Testing

@Suite struct FileTreeTests {
    @Test func missingParentsAreMadeAndGiveWayToRealOnes() throws {
        var tree = FileTree()
        try tree.insert(.file("x", origin: "a"), at: "./var/lib/x/file")
        #expect(tree["/var/lib"]?.mode == 0o755)
        #expect(tree["/var/lib"]?.isImplicit == true)
        try tree.insert(.directory(mode: 0o700, origin: "b"), at: "/var/lib/x/")
        #expect(tree["/var/lib/x"]?.mode == 0o700)
        #expect(tree["/var/lib/x"]?.origin == "b")
        try tree.insert(.directory(mode: 0o711, origin: "c"), at: "/var/lib/x")
        #expect(tree["/var/lib/x"]?.mode == 0o700)
        #expect(tree.map(\.path) == ["/", "/var", "/var/lib", "/var/lib/x", "/var/lib/x/file"])
    }

    @Test(arguments: [
        "", "../etc/passwd", "/usr/../../etc", "/a\0b", "/" + String(repeating: "x", count: 256),
    ])
    func pathsOutsideTheRulesAreRefused(_ path: String) throws {
        var tree = FileTree()
        let error = #expect(throws: FileTreeError.self) {
            try tree.insert(.file("x", origin: "evil"), at: path)
        }
        #expect(error?.description.contains("'evil'") ?? false)
        #expect(tree.count == 1)
    }

    @Test func aliasesOfMergedUsrAreResolved() throws {
        var tree = FileTree()
        try tree.insert(.file("x", origin: "a"), at: "/lib/x")
        try tree.insert(.directory(mode: 0o750, origin: "a"), at: "/sbin")
        try tree.insert(.symlink(to: "usr/bin", origin: "base-files"), at: "/bin")
        try tree.insert(.symlink(to: "/usr/lib", origin: "base-files"), at: "/lib")
        #expect(tree["/usr/lib/x"] != nil)
        #expect(tree["/lib/x"] == tree["/usr/lib/x"])
        #expect(tree["/usr/sbin"]?.mode == 0o750)
        #expect(tree["/sbin"]?.symlinkTarget == "usr/sbin")
        #expect(tree["/lib"]?.origin == "base-files")
        #expect(try tree.resolve("/lib/x") == "/usr/lib/x")
        #expect(throws: FileTreeError.self) {
            try tree.insert(.symlink(to: "/tmp", origin: "evil"), at: "/lib64")
        }
        #expect(throws: FileTreeError.self) { try tree.insert(.file("x", origin: "evil"), at: "/lib64") }
        // The same file through the alias and without is one path.
        #expect(throws: FileTreeError.conflict(path: "/usr/lib/x", first: "a", second: "b")) {
            try tree.insert(.file("y", origin: "b"), at: "/usr/lib/x")
        }
    }

    @Test func nothingClimbsThroughASymlink() throws {
        var tree = FileTree()
        try tree.insert(.symlink(to: "/etc", origin: "evil"), at: "/opt/link")
        #expect(
            throws: FileTreeError.throughSymlink(
                path: "/opt/link/shadow",
                symlink: "/opt/link",
                target: "/etc",
                origin: "evil"
            )
        ) { try tree.insert(.file("x", origin: "evil"), at: "/opt/link/shadow") }
        try tree.insert(.file("x", origin: "a"), at: "/opt/file")
        #expect(throws: FileTreeError.self) {
            try tree.insert(.file("x", origin: "b"), at: "/opt/file/below")
        }
    }

    @Test func conflictsNameBothOriginsUnlessAPolicyDecides() throws {
        var tree = FileTree()
        try tree.insert(.file("first", origin: "a"), at: "/f")
        #expect(throws: FileTreeError.conflict(path: "/f", first: "a", second: "b")) {
            try tree.insert(.file("second", origin: "b"), at: "/f")
        }
        try tree.insert(
            .file("b", origin: "b"),
            at: "/f",
            onConflict: .packages(replaces: [], replacedBy: ["a"])
        )
        #expect(try tree.content(at: "/f")?.bytes(limit: 10) == Array("first".utf8))
        try tree.insert(
            .file("b", origin: "b"),
            at: "/f",
            onConflict: .packages(replaces: ["a"], replacedBy: [])
        )
        #expect(tree["/f"]?.origin == "b")
        try tree.insert(.symlink(to: "x", origin: "overlay"), at: "/f", onConflict: .replace)
        #expect(tree["/f"]?.symlinkTarget == "x")
        #expect(throws: FileTreeError.self) {
            try tree.insert(.directory(origin: "overlay"), at: "/f", onConflict: .replace)
        }
    }

    @Test func removingTheTargetOfHardLinksPromotesAnother() throws {
        var tree = FileTree()
        try tree.insert(.file("x", mode: 0o755, origin: "a"), at: "/usr/bin/c")
        try tree.insert(.hardLink(to: "/bin/c", origin: "a"), at: "/usr/bin/b")
        try tree.insert(.hardLink(to: "usr/bin/b", origin: "a"), at: "/usr/bin/a")
        #expect(tree["/usr/bin/a"]?.kind == .hardLink(to: "/usr/bin/c"))
        #expect(tree["/usr/bin/a"]?.mode == 0o755)
        try tree.update("/usr/bin/a") { $0.mode = 0o700 }
        #expect(tree["/usr/bin/b"]?.mode == 0o700 && tree["/usr/bin/c"]?.mode == 0o700)
        try tree.remove("/usr/bin/c")
        #expect(tree["/usr/bin/a"]?.kind == .file(.bytes(Array("x".utf8))))
        #expect(tree["/usr/bin/b"]?.kind == .hardLink(to: "/usr/bin/a"))
        // A new file in the place of the target leaves the old content to the other name.
        try tree.insert(.file("new", origin: "overlay"), at: "/usr/bin/a", onConflict: .replace)
        #expect(try tree.content(at: "/usr/bin/b")?.bytes(limit: 9) == Array("x".utf8))
        #expect(throws: FileTreeError.self) { try tree.insert(.hardLink(to: "/none", origin: "a"), at: "/l") }
        #expect(throws: FileTreeError.self) { try tree.insert(.hardLink(to: "/usr", origin: "a"), at: "/l") }
    }

    @Test func failedMergeLeavesTheTreeAlone() throws {
        var tree = FileTree()
        try tree.insert(.file("x", origin: "a"), at: "/z")
        var other = FileTree()
        try other.insert(.file("new", origin: "b"), at: "/a")
        try other.insert(.file("clash", origin: "b"), at: "/z")
        #expect(throws: FileTreeError.self) { try tree.merge(other) }
        #expect(tree["/a"] == nil)
        try tree.merge(other, onConflict: .replace)
        #expect(tree["/z"]?.origin == "b" && tree["/a"] != nil)
    }

    @Test func removalNeedsAnEmptyDirectoryOrSaysRecursive() throws {
        var tree = FileTree()
        try tree.insert(.file("x", origin: "a"), at: "/d/e/f")
        #expect(throws: FileTreeError.directoryNotEmpty(path: "/d")) { try tree.remove("/d") }
        try tree.remove("/d", recursive: true)
        #expect(tree.count == 1)
        #expect(throws: FileTreeError.notFound(path: "/d")) { try tree.remove("/d") }
        #expect(throws: FileTreeError.self) { try tree.remove("/", recursive: true) }
    }

    @Test func symlinksAreFollowedInsideTheTree() throws {
        var tree = FileTree()
        try tree.insert(.file("x", origin: "a"), at: "/usr/share/real")
        try tree.insert(.symlink(to: "../../usr/./share/real", origin: "a"), at: "/etc/deep/link")
        try tree.insert(.symlink(to: "/etc/deep", origin: "a"), at: "/way")
        try tree.insert(.symlink(to: "loop2", origin: "a"), at: "/loop1")
        try tree.insert(.symlink(to: "loop1", origin: "a"), at: "/loop2")
        try tree.insert(.symlink(to: "../../../../../usr/share/real", origin: "a"), at: "/over")
        try tree.insert(.symlink(to: "/none", origin: "a"), at: "/dangling")
        #expect(try tree.resolve("/way/link") == "/usr/share/real")
        #expect(try tree.resolve("/over") == "/usr/share/real")
        // Every link on the way, those to directories too: an initrd needs all of them.
        var links: [String] = []
        #expect(try tree.resolve("/way/link", following: &links) == "/usr/share/real")
        #expect(links == ["/way", "/etc/deep/link"])
        #expect(throws: FileTreeError.symlinkLoop(path: "/loop1")) { try tree.resolve("/loop1") }
        #expect(throws: FileTreeError.notFound(path: "/none")) { try tree.resolve("/dangling") }
        #expect(tree.danglingSymlinks() == ["/dangling", "/loop1", "/loop2"])
        #expect(
            tree.danglingSymlinks(ignoring: [try PathPattern("/none"), try PathPattern("/loop*")]).isEmpty
        )
    }

    @Test func iterationIsSortedNameByName() throws {
        var tree = FileTree()
        for path in ["/a-b", "/a/c", "/a/B", "/a.d", "/é", "/z"] {
            try tree.insert(.file(path, origin: "a"), at: path)
        }
        #expect(tree.map(\.path) == ["/", "/a", "/a/B", "/a/c", "/a-b", "/a.d", "/z", "/é"])
        #expect(tree.children(of: "/a") == ["B", "c"])
        #expect(tree.glob(try PathPattern("/a/*")) == ["/a/B", "/a/c"])
    }

    @Test func namesThatDifferOnlyInNormalisationAreRefused() throws {
        var tree = FileTree()
        try tree.insert(.file("x", origin: "a"), at: "/e\u{301}")
        #expect(throws: FileTreeError.self) { try tree.insert(.file("x", origin: "a"), at: "/\u{e9}") }
    }

    @Test func digestSeesEverythingButOrigins() throws {
        func tree(_ change: (inout FileTree) throws -> Void = { _ in }) throws -> String {
            var tree = FileTree()
            try tree.insert(.file("x", origin: "a"), at: "/f")
            try tree.insert(.symlink(to: "f", origin: "a"), at: "/l")
            try change(&tree)
            return tree.digest().hex
        }
        let plain = try tree()
        #expect(try tree { try $0.update("/f") { $0.origin = "b" } } == plain)
        #expect(try tree { try $0.update("/f") { $0.mode = 0o600 } } != plain)
        #expect(try tree { try $0.update("/f") { $0.uid = 1 } } != plain)
        #expect(try tree { try $0.update("/f") { $0.kind = .file(.bytes([1])) } } != plain)
        #expect(try tree { try $0.update("/f") { $0.xattrs["user.x"] = [1] } } != plain)
        #expect(try tree { try $0.update("/l") { $0.kind = .symlink(target: "g") } } != plain)
    }
}
