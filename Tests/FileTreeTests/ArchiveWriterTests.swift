import FileTree
import Foundation
import Hashing
import TestSupport
import Testing

/// A tree with everything the formats can hold.
private func sample(directory: TemporaryDirectory) throws -> FileTree {
    let blob = directory.file("blob")
    let bytes = (0..<2_500_001).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
    try Data([9, 9] + bytes).write(to: URL(filePath: blob))
    let content = Content.blob(path: blob, offset: 2, length: 2_500_001, digest: SHA256Digest(hashing: bytes))
    var tree = FileTree()
    try tree.insert(Node(kind: .file(content), mode: 0o755, uid: 3, gid: 4, origin: "a"), at: "/usr/lib/big")
    try tree.insert(.file("#!text", mode: 0o644, origin: "a"), at: "/usr/bin/zz")
    try tree.insert(.hardLink(to: "/usr/bin/zz", origin: "a"), at: "/usr/bin/aa")
    try tree.insert(.hardLink(to: "/usr/bin/zz", origin: "a"), at: "/usr/sbin/mm")
    try tree.insert(.symlink(to: String(repeating: "long/", count: 30) + "end", origin: "a"), at: "/opt/link")
    try tree.insert(.symlink(to: "ő", origin: "a"), at: "/opt/é")
    try tree.insert(.file("", origin: "a"), at: "/opt/" + String(repeating: "n", count: 200) + "/empty")
    // One name of exactly 100 bytes, which a ustar header just holds.
    try tree.insert(.file("100", origin: "a"), at: "/opt/" + String(repeating: "m", count: 96))
    try tree.insert(Node(kind: .fifo, mode: 0o600, origin: "a"), at: "/run/fifo")
    try tree.insert(
        Node(kind: .characterDevice(major: 1, minor: 3), mode: 0o666, origin: "a"),
        at: "/dev/null"
    )
    try tree.insert(
        Node(kind: .blockDevice(major: 259, minor: 70000), mode: 0o660, origin: "a"),
        at: "/dev/disk"
    )
    let capability: [UInt8] = [1, 0, 0, 2, 0, 32, 0, 0, 10, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    try tree.insert(
        Node(
            kind: .file(.bytes(Array("ping".utf8))),
            mode: 0o4755,
            uid: 3_000_000,
            xattrs: ["security.capability": capability, "user.note": Array("x=y\n".utf8)],
            origin: "a"
        ),
        at: "/usr/bin/ping"
    )
    try tree.insert(.directory(mode: 0o1777, origin: "a"), at: "/tmp")
    try tree.addMergedUsrAliases(origin: "a")
    return tree
}

private func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path))) }

@Suite struct TarWriterTests {
    let directory: TemporaryDirectory
    let tree: FileTree
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        tree = try sample(directory: directory)
        path = directory.file("out.tar")
        try TarWriter(modificationTime: 1_700_000_000).write(tree, to: path)
    }

    @Test func gnuTarListsWhatTheTreeHolds() throws {
        let result = try runTool("tar", "--numeric-owner", "--utc", "--full-time", "-tvf", path)
        #expect(result.status == 0)
        let lines = result.output.split(separator: "\n").map {
            $0.split(separator: " ", omittingEmptySubsequences: true)
        }
        #expect(lines.count == tree.count)
        #expect(lines.allSatisfy { $0.contains("2023-11-14") && $0.contains("22:13:20") })
        let listing = result.output
        let long = String(repeating: "n", count: 200)
        for expected in [
            "drwxr-xr-x 0/0               0 2023-11-14 22:13:20 ./\n",
            "crw-rw-rw- 0/0             1,3 2023-11-14 22:13:20 dev/null\n",
            "brw-rw---- 0/0       259,70000 2023-11-14 22:13:20 dev/disk\n",
            "lrwxrwxrwx 0/0               0 2023-11-14 22:13:20 bin -> usr/bin\n",
            "-rw-r--r-- 0/0               6 2023-11-14 22:13:20 usr/bin/aa\n",
            "hrw-r--r-- 0/0               0 2023-11-14 22:13:20 usr/bin/zz link to usr/bin/aa\n",
            "hrw-r--r-- 0/0               0 2023-11-14 22:13:20 usr/sbin/mm link to usr/bin/aa\n",
            "-rwsr-xr-x 3000000/0         4 2023-11-14 22:13:20 usr/bin/ping\n",
            "-rwxr-xr-x 3/4         2500001 2023-11-14 22:13:20 usr/lib/big\n",
            "drwxrwxrwt 0/0               0 2023-11-14 22:13:20 tmp/\n", "opt/\(long)/empty\n", "long/end\n",
        ] {
            #expect(listing.contains(expected), "\(expected)")
        }
        #expect(listing.contains("opt/é -> ő") || listing.contains("opt/\\303\\251 -> \\305\\221"))
    }

    @Test func twoProgramsUnpackTheSameContents() throws {
        for (tool, arguments) in [("tar", ["--no-same-owner"]), ("bsdtar", ["--no-same-owner"])] {
            let target = directory.file("by-\(tool)")
            try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
            let result = try runTool(tool, arguments + ["--exclude", "dev", "-xf", path, "-C", target])
            try #require(result.status == 0, "\(tool): \(result.output)")
            let big = try #require(tree.content(at: "/usr/lib/big"))
            #expect(try SHA256Digest(hashingFile: target + "/usr/lib/big") == big.digest)
            #expect(try bytes(target + "/usr/sbin/mm") == Array("#!text".utf8))
            #expect(
                try FileManager.default.destinationOfSymbolicLink(atPath: target + "/opt/link").hasSuffix(
                    "long/end"
                )
            )
        }
    }

    @Test func extendedAttributesAreSeenByLibarchive() throws {
        // mtree lists no extended attributes, but bsdtar's own pax output does: it reads ours, and writes both.
        let copy = directory.file("copy.tar")
        #expect(try runTool("bsdtar", "-cf", copy, "--format=pax", "@\(path)").status == 0)
        let text = String(decoding: try bytes(copy), as: UTF8.self)
        let hasCapability = text.contains("SCHILY.xattr.security.capability=")
        let hasNote = text.contains("SCHILY.xattr.user.note=x=y\n")
        #expect(hasCapability && hasNote)
    }

    @Test func archiveDependsOnTheTreeOnly() throws {
        // The same tree, put together in another order: another name of the links holds the content.
        var other = FileTree()
        for (path, node) in Array(tree).reversed() {
            switch path {
            case "/usr/bin/zz", "/usr/bin/aa", "/usr/sbin/mm": continue
            default: try other.insert(node, at: path)
            }
        }
        try other.insert(.file("#!text", mode: 0o644, origin: "b"), at: "/usr/sbin/mm")
        try other.insert(.hardLink(to: "/usr/sbin/mm", origin: "b"), at: "/usr/bin/zz")
        try other.insert(.hardLink(to: "/usr/sbin/mm", origin: "b"), at: "/usr/bin/aa")
        try TarWriter(modificationTime: 1_700_000_000).write(other, to: directory.file("other.tar"))
        #expect(try bytes(directory.file("other.tar")) == bytes(path))
        try NewcWriter(modificationTime: 1).write(tree, to: directory.file("1.cpio"))
        try NewcWriter(modificationTime: 1).write(other, to: directory.file("2.cpio"))
        #expect(try bytes(directory.file("1.cpio")) == bytes(directory.file("2.cpio")))
    }

    @Test func erofsIsMadeFromIt() throws {
        let help = try runTool("mkfs.erofs", "--help")
        guard help.output.contains("--tar") else {
            print("SKIPPED: mkfs.erofs in PATH has no --tar (erofs-utils 1.7 or later is needed)")
            return
        }
        let image = directory.file("root.erofs")
        let made = try runTool("mkfs.erofs", "--tar=f", "-T0", "-zlz4hc", image, path)
        try #require(made.status == 0, "\(made.output)")
        let target = directory.file("erofs")
        let checked = try runTool("fsck.erofs", "--extract=\(target)", "--no-preserve-owner", image)
        try #require(checked.status == 0, "\(checked.output)")
        let big = try #require(tree.content(at: "/usr/lib/big"))
        #expect(try SHA256Digest(hashingFile: target + "/usr/lib/big") == big.digest)
        #expect(try bytes(target + "/usr/bin/zz") == Array("#!text".utf8))
        let dump = try runTool("dump.erofs", "--path=/usr/bin/ping", image)
        #expect(
            dump.output.contains("Xattr size:") && !dump.output.contains("Xattr size: 0"),
            "\(dump.output)"
        )
        let links = try runTool("dump.erofs", "--path=/usr/bin/aa", image)
        #expect(links.output.contains("Links: 3"), "\(links.output)")
    }

    @Test func damagedBlobLeavesNoArchive() throws {
        let handle = try #require(FileHandle(forWritingAtPath: directory.file("blob")))
        try handle.truncate(atOffset: 1000)
        let target = directory.file("cut.tar")
        let error = #expect(throws: FileTreeError.self) {
            try TarWriter(modificationTime: 0).write(tree, to: target)
        }
        #expect(error?.description.contains(directory.file("blob")) ?? false)
        let left = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        #expect(!left.contains { $0.hasPrefix("cut.tar") })
        #expect(throws: FileTreeError.self) { try tree.content(at: "/usr/lib/big")?.bytes(limit: 1 << 24) }
    }

    @Test func fullDeviceIsAnError() throws {
        let descriptor = open("/dev/full", O_WRONLY)
        defer { close(descriptor) }
        #expect(throws: FileTreeError.self) {
            try TarWriter(modificationTime: 0).write(tree, toDescriptor: descriptor)
        }
    }
}

@Suite struct NewcWriterTests {
    @Test func cpioListsAndUnpacksIt() throws {
        let directory = try TemporaryDirectory()
        let tree = try sample(directory: directory)
        let path = directory.file("initrd")
        try NewcWriter(modificationTime: 1_700_000_000).write(tree, to: path)
        #expect(try bytes(path).starts(with: Array("070701".utf8)))
        #expect(try bytes(path).count % 512 == 0)

        let listed = try runTool("cpio", "--numeric-uid-gid", "-itvF", path)
        #expect(listed.status == 0)
        let lines = listed.output.split(separator: "\n")
        // One line says how many blocks were read.
        #expect(lines.count == tree.count + 1, "\(listed.output)")
        func line(_ name: String) -> [Substring] {
            lines.first { $0.hasSuffix(" \(name)") }?.split(separator: " ") ?? []
        }
        #expect(line("usr/lib/big").prefix(5) == ["-rwxr-xr-x", "1", "3", "4", "2500001"])
        #expect(line("usr/bin/aa").prefix(5) == ["-rw-r--r--", "3", "0", "0", "0"])
        #expect(line("usr/sbin/mm").prefix(5) == ["-rw-r--r--", "3", "0", "0", "6"])
        #expect(line("dev/disk").prefix(6) == ["brw-rw----", "1", "0", "0", "259,", "70000"])
        #expect(line("tmp").first == "drwxrwxrwt")

        let target = directory.file("unpacked")
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        let unpacked = try runTool(
            "cpio",
            "-i",
            "-d",
            "--no-preserve-owner",
            "-D",
            target,
            "-F",
            path,
            "usr*",
            "opt*",
            "bin",
            "tmp"
        )
        try #require(unpacked.status == 0, "\(unpacked.output)")
        #expect(
            try SHA256Digest(hashingFile: target + "/usr/lib/big") == tree.content(at: "/usr/lib/big")?.digest
        )
        for name in ["usr/bin/aa", "usr/bin/zz", "usr/sbin/mm"] {
            #expect(try bytes("\(target)/\(name)") == Array("#!text".utf8))
        }
        let inode =
            try FileManager.default.attributesOfItem(atPath: target + "/usr/bin/aa")[.systemFileNumber]
            as? Int
        #expect(
            try inode == FileManager.default.attributesOfItem(atPath: target + "/usr/sbin/mm")[
                .systemFileNumber
            ] as? Int
        )
    }

    @Test func contentBeyondTheFormatIsRefused() throws {
        let digest = SHA256Digest(hashing: "")
        var tree = FileTree()
        let huge = Content.blob(path: "/dev/zero", offset: 0, length: 1 << 32, digest: digest)
        try tree.insert(Node(kind: .file(huge), mode: 0o644, origin: "a"), at: "/huge")
        let directory = try TemporaryDirectory()
        #expect(throws: FileTreeError.self) {
            try NewcWriter(modificationTime: 0).write(tree, to: directory.file("x"))
        }
    }
}
