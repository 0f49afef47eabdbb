import FileTree
import Foundation
import TestSupport
import Testing

@Suite struct DiskTreeTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func mode(_ path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? -1
    }

    @Test func writesAPartOfTheTree() throws {
        var tree = FileTree()
        try tree.insert(.file("a", mode: 0o4755, origin: "a"), at: "/usr/bin/a")
        try tree.insert(.hardLink(to: "/usr/bin/a", origin: "a"), at: "/usr/bin/b")
        try tree.insert(.symlink(to: "/etc/passwd", origin: "a"), at: "/usr/bin/l")
        try tree.insert(.directory(mode: 0o2550, origin: "a"), at: "/usr/share/x")
        try tree.insert(.file("y", mode: 0o000, origin: "a"), at: "/usr/share/x/y")
        try tree.insert(.file("no", origin: "a"), at: "/etc/no")
        try tree.insert(
            Node(kind: .characterDevice(major: 1, minor: 3), mode: 0o666, origin: "a"),
            at: "/usr/null"
        )
        let target = directory.file("out")
        try tree.materialise(["/usr/bin", "/usr/share"], to: target)
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: target).sorted() == [
                "usr", "usr/bin", "usr/bin/a", "usr/bin/b", "usr/bin/l", "usr/share", "usr/share/x",
                "usr/share/x/y",
            ]
        )
        #expect(try mode(target + "/usr/bin/a") == 0o755)
        #expect(try mode(target + "/usr/share/x") == 0o750)
        #expect(try mode(target + "/usr/share/x/y") == 0o400)
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: target + "/usr/bin/l") == "/etc/passwd"
        )
        #expect(throws: FileTreeError.notFound(path: "/none")) {
            try tree.materialise(["/none"], to: directory.file("other"))
        }
        // What already has entries could lead outside.
        #expect(throws: FileTreeError.self) { try tree.materialise(to: target) }
    }

    @Test func overlayIsReadWithoutTheMachinesOwnersAndModes() throws {
        let overlay = directory.file("overlay")
        let manager = FileManager.default
        try manager.createDirectory(atPath: overlay + "/usr/lib/x", withIntermediateDirectories: true)
        try manager.createDirectory(atPath: overlay + "/root", withIntermediateDirectories: true)
        for (path, mode) in [
            ("/usr/lib/x/run", 0o770), ("/usr/lib/x/conf", 0o600), ("/root/.gitkeep", 0o644),
        ] {
            try Data(path.utf8).write(to: URL(filePath: overlay + path))
            try manager.setAttributes([.posixPermissions: mode], ofItemAtPath: overlay + path)
        }
        try manager.createSymbolicLink(atPath: overlay + "/usr/lib/x/link", withDestinationPath: "../missing")
        let tree = try FileTree.load(directory: overlay, origin: "overlay")
        #expect(
            tree.map(\.path) == [
                "/", "/root", "/usr", "/usr/lib", "/usr/lib/x", "/usr/lib/x/conf", "/usr/lib/x/link",
                "/usr/lib/x/run",
            ]
        )
        #expect(tree["/usr/lib/x/run"]?.mode == 0o755 && tree["/usr/lib/x/conf"]?.mode == 0o644)
        #expect(tree["/usr/lib/x/link"]?.symlinkTarget == "../missing")
        #expect(tree.allSatisfy { $0.node.uid == 0 && $0.node.gid == 0 })

        // A directory of a package keeps its mode when an overlay has something in it.
        var base = FileTree()
        try base.insert(.directory(mode: 0o700, origin: "base-files"), at: "/root")
        try base.merge(tree, onConflict: .replace)
        #expect(base["/root"]?.mode == 0o700 && base["/root"]?.origin == "base-files")

        #expect(throws: FileTreeError.self) {
            try FileTree.load(directory: overlay, origin: "overlay", limit: 20)
        }
        #expect(throws: FileTreeError.self) {
            try FileTree.load(directory: overlay + "/none", origin: "overlay")
        }
        #expect(try runTool("mkfifo", overlay + "/fifo").status == 0)
        #expect(throws: FileTreeError.self) { try FileTree.load(directory: overlay, origin: "overlay") }
    }

    @Test func writtenTreeReadsBackTheSame() throws {
        var tree = FileTree()
        try tree.insert(.file("a", mode: 0o755, origin: "o"), at: "/usr/bin/a")
        try tree.insert(.file("b", origin: "o"), at: "/etc/größe")
        try tree.insert(.symlink(to: "größe", origin: "o"), at: "/etc/l")
        try tree.materialise(to: directory.file("out"))
        #expect(try FileTree.load(directory: directory.file("out"), origin: "o").digest() == tree.digest())
    }
}
