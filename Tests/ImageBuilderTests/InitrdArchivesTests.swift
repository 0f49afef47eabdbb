import FileTree
import Foundation
import TestSupport
import Testing

@testable import ImageBuilder

@Suite("An initrd in archives") struct InitrdArchivesTests {
    /// A tree of three origins, with a hard link between two of them and a folder that not everybody may enter.
    private func sample(library: String = "library 1") throws -> FileTree {
        var tree = FileTree()
        try tree.addMergedUsrAliases(origin: "initrd")
        try tree.insert(.directory(mode: 0o700, origin: "initrd"), at: "/root")
        try tree.insert(.directory(mode: 0o1777, origin: "initrd"), at: "/tmp")
        try tree.insert(.directory(mode: 0o750, origin: "systemd"), at: "/usr/lib/private")
        try tree.insert(.file("x", mode: 0o600, origin: "libc6"), at: "/usr/lib/private/x")
        try tree.insert(.file("init", mode: 0o755, origin: "systemd"), at: "/usr/lib/systemd/systemd")
        try tree.insert(.symlink(to: "usr/lib/systemd/systemd", origin: "initrd"), at: "/init")
        try tree.insert(.file(library, origin: "libssl3t64"), at: "/usr/lib/libcrypto.so.3")
        try tree.insert(.file("mke2fs", mode: 0o755, origin: "e2fsprogs"), at: "/usr/sbin/mke2fs")
        try tree.insert(
            Node(kind: .hardLink(to: "/usr/sbin/mke2fs"), mode: 0o755, origin: "systemd"),
            at: "/usr/bin/mkfs"
        )
        return tree
    }

    private func archives(_ tree: FileTree, in folder: TemporaryDirectory) throws -> [String] {
        try InitrdArchives.divide(tree).enumerated().map { number, part in
            let path = folder.file("\(UUID()).\(number)")
            try NewcWriter(modificationTime: 1_700_000_000).write(part, to: path)
            return path
        }
    }

    /// What cpio makes of archives, unpacked one over the other as Linux does: names with type, mode, links and target.
    private func unpacked(_ archives: [String], in folder: TemporaryDirectory) throws -> (
        list: String, path: String
    ) {
        let target = folder.file("\(UUID())")
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        for archive in archives {
            let result = try runTool(
                "cpio",
                "--quiet",
                "-imu",
                "--no-preserve-owner",
                "--no-absolute-filenames",
                "-D",
                target,
                "-F",
                archive
            )
            #expect(result.status == 0, "\(result.output)")
        }
        let list = try runTool(
            "sh",
            "-c",
            "cd \(target) && find . -mindepth 1 -printf '%p %y %m %l %s\\n' | sort"
        )
        #expect(list.status == 0)
        // The size of a folder is the file system's.
        let lines = list.output.split(separator: "\n").map { line in
            line.contains(" d ") ? line.split(separator: " ").dropLast().joined(separator: " ") : String(line)
        }
        return (lines.joined(separator: "\n"), target)
    }

    @Test("Unpacked one after the other they are the tree")
    func theTree() throws {
        let folder = try TemporaryDirectory()
        let tree = try sample()
        let whole = folder.file("whole")
        try NewcWriter(modificationTime: 1_700_000_000).write(tree, to: whole)
        let parts = try archives(tree, in: folder)
        // Directories, e2fsprogs, initrd, libc6, libssl3t64, systemd.
        #expect(parts.count == 6)
        let (expected, found) = (try unpacked([whole], in: folder), try unpacked(parts, in: folder))
        #expect(found.list == expected.list)
        #expect(found.list.contains("./root d 700") && found.list.contains("./usr/lib/private d 750"))
        let content = try String(contentsOfFile: found.path + "/usr/bin/mkfs", encoding: .utf8)
        #expect(content == "mke2fs")
        func inode(_ name: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: found.path + name)[.systemFileNumber] as? Int
        }
        #expect(try inode("/usr/bin/mkfs") == inode("/usr/sbin/mke2fs"))
        // Each can be unpacked by itself.
        for part in parts { _ = try unpacked([part], in: folder) }
    }

    @Test("A package that changes changes its archive only, and so does a new directory")
    func onlyItsOwn() throws {
        let folder = try TemporaryDirectory()
        func contents(_ tree: FileTree) throws -> [Data] {
            try archives(tree, in: folder).map { try Data(contentsOf: URL(filePath: $0)) }
        }
        let before = try contents(sample())
        let after = try contents(sample(library: "library 2, which is longer"))
        #expect(zip(before, after).map { $0 == $1 } == [true, true, true, true, false, true])
        #expect(try contents(sample()) == before)
        var tree = try sample()
        try tree.insert(.directory(origin: "another"), at: "/usr/lib/empty")
        #expect(zip(before, try contents(tree)).map { $0 == $1 } == [false, true, true, true, true, true])
    }
}
