import FileTree
import Foundation
import Hashing
import TestSupport
import Testing

@testable import Debian

@Suite struct DebPackageTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func unpack(_ bytes: [UInt8], as name: String = "sample.deb") throws -> UnpackedPackage {
        let path = try directory.write(bytes, to: name)
        return try UnpackedPackage(
            path: path,
            digest: SHA256Digest(hashing: bytes),
            cache: directory.file("cache")
        )
    }

    /// A package tree with links, modes, scripts and conffiles, built by dpkg-deb.
    private func build(_ compression: String) throws -> String {
        let root = directory.file("root-\(compression)")
        let manager = FileManager.default
        for path in ["/DEBIAN", "/usr/bin", "/etc", "/lib/sample"] {
            try manager.createDirectory(atPath: root + path, withIntermediateDirectories: true)
        }
        let control = """
            Package: sample
            Version: 1:2.0-3
            Architecture: all
            Maintainer: Nobody <nobody@example.org>
            Replaces: old (<< 2), other
            Description: a sample
             with a second line

            """
        let big = (0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
        for (path, bytes) in [
            ("/DEBIAN/control", Array(control.utf8)), ("/DEBIAN/conffiles", Array("/etc/sample.conf\n".utf8)),
            ("/DEBIAN/postinst", Array("#!/bin/sh\n".utf8)),
            ("/DEBIAN/triggers", Array("interest-noawait x\n".utf8)),
            ("/usr/bin/tool", big), ("/etc/sample.conf", Array("a=1\n".utf8)), ("/lib/sample/empty", []),
        ] {
            try Data(bytes).write(to: URL(filePath: root + path))
        }
        try manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: root + "/DEBIAN/postinst")
        try manager.setAttributes([.posixPermissions: 0o4755], ofItemAtPath: root + "/usr/bin/tool")
        try manager.linkItem(atPath: root + "/usr/bin/tool", toPath: root + "/usr/bin/another")
        try manager.createSymbolicLink(atPath: root + "/etc/link", withDestinationPath: "sample.conf")
        let deb = directory.file("sample-\(compression).deb")
        let result = try runTool("dpkg-deb", "-Z\(compression)", "--root-owner-group", "--build", root, deb)
        try #require(result.status == 0, "\(result.output)")
        return deb
    }

    @Test(arguments: ["xz", "gzip", "zstd", "none"])
    func readsWhatDpkgDebBuilds(_ compression: String) throws {
        let path: String
        do {
            path = try build(compression)
        } catch  where compression == "zstd" {
            print("SKIPPED: this dpkg-deb cannot write zstd")
            return
        }
        let package = try DebPackage(path: path)
        #expect(package.name == "sample" && package.version == "1:2.0-3" && package.architecture == "all")
        #expect(package.control["description"] == "a sample\nwith a second line")
        #expect(package.conffiles == ["/etc/sample.conf"])
        #expect(package.scripts == ["postinst"])
        #expect(package.triggers == ["interest-noawait x"])
        #expect(package.replaces == ["old", "other"])

        let digest = try SHA256Digest(hashingFile: path)
        let cache = directory.file("cache")
        #expect(try UnpackedPackage.cached(digest, cache: cache) == nil)
        let unpacked = try UnpackedPackage(path: path, digest: digest, cache: cache)
        #expect(unpacked.package == package)
        #expect(try UnpackedPackage.cached(digest, cache: cache) == unpacked)
        try unpacked.verifyContents()
        try DebComparison.expectEqual(unpacked, toDpkgOn: path, in: directory)

        var tree = FileTree()
        try unpacked.insert(into: &tree)
        #expect(tree["/usr/lib/sample/empty"]?.origin == "sample")
        #expect(tree["/usr/bin/tool"]?.mode == 0o4755)
        #expect(tree.content(at: "/usr/bin/another") == tree.content(at: "/usr/bin/tool"))
        // From the cache alone: the package file is not needed again.
        try FileManager.default.removeItem(atPath: path)
        #expect(try UnpackedPackage(path: path, digest: digest, cache: cache) == unpacked)
    }

    // MARK: Hostile packages

    @Test(arguments: ["../../etc/passwd", "/etc/passwd", "./usr/../../etc/passwd", "..", "./a/.."])
    func membersThatClimbOutAreRefused(_ name: String) throws {
        var tar = DebBytes()
        tar.addText(name, "evil")
        let error = #expect(throws: DebError.self) { try unpack(DebBytes.deb(data: tar.tar)) }
        #expect(error?.description.contains("sample.deb") ?? false)
        #expect(error?.description.contains(name) ?? false, "\(String(describing: error))")
        try expectEmptyCache()
    }

    @Test(arguments: [("./x", "/etc"), ("./x", "../../etc"), ("./lib", "/tmp"), ("./x", ".")])
    func membersThroughASymlinkOfThePackageAreRefused(_ name: String, _ target: String) throws {
        var tar = DebBytes()
        tar.add(name, type: "2", target: target)
        tar.addText("\(name)/passwd", "evil")
        let error = #expect(throws: DebError.self) { try unpack(DebBytes.deb(data: tar.tar)) }
        #expect(error?.description.contains("sample.deb") ?? false)
        try expectEmptyCache()
    }

    @Test(arguments: ["/etc/passwd", "../etc/passwd", "./none", "./dir"])
    func hardLinksToAnythingButAFileOfThePackageAreRefused(_ target: String) throws {
        var tar = DebBytes()
        tar.add("./dir", type: "5", mode: 0o755)
        tar.add("./link", type: "1", target: target)
        #expect(throws: DebError.self) { try unpack(DebBytes.deb(data: tar.tar)) }
    }

    @Test func impossibleSizesAreRefused() throws {
        var tar = DebBytes()
        tar.add("./huge", declaredSize: 0o77777777777)
        #expect(throws: DebError.self) { try unpack(DebBytes.deb(data: tar.tar)) }
        try expectEmptyCache()
    }

    @Test func wrongStructureIsRefused() throws {
        var tar = DebBytes()
        tar.addText("./file", "x")
        let binary = ("debian-binary", Array("2.0\n".utf8))
        let control = ("control.tar", DebBytes.control())
        let data = ("data.tar", tar.tar)
        for members in [
            [], [binary], [control, data], [binary, data], [binary, control], [binary, data, control],
            [("debian-binary", Array("3.0\n".utf8)), control, data],
            [binary, ("control.tar", tar.tar), data],
            [binary, ("control.tar.bz2", DebBytes.control()), data],
        ] {
            #expect(throws: DebError.self, "\(members.map(\.0))") { try unpack(DebBytes.ar(members)) }
        }
        // deb(5): members that start with an underscore mean nothing, and more may follow at the end.
        let unpacked = try unpack(DebBytes.ar([binary, ("_x", [1]), control, data, ("more", [1, 2])]))
        #expect(unpacked.members.map(\.path) == ["/file"])
    }

    @Test func truncatedPackagesAreRefusedAtEveryLength() throws {
        var tar = DebBytes()
        tar.add("./file", content: (0..<3000).map { UInt8(truncatingIfNeeded: $0) })
        tar.addText("./other", "text")
        let whole = DebBytes.deb(data: tar.tar)
        for length in Swift.stride(from: 0, to: whole.count - 1, by: 13) {
            let error = #expect(throws: DebError.self, "\(length) of \(whole.count)") {
                try unpack(Array(whole[..<length]))
            }
            #expect(error?.description.contains("sample.deb") ?? false)
        }
        try expectEmptyCache()
        #expect(try unpack(whole).members.count == 2)
    }

    @Test func flippedBitsNeverCrash() throws {
        var tar = DebBytes()
        tar.addText("./file", "text")
        tar.add("./link", type: "2", target: "file")
        let whole = DebBytes.deb(data: tar.tar)
        for position in Swift.stride(from: 0, to: whole.count, by: 5) {
            var damaged = whole
            damaged[position] ^= UInt8(1 << (position % 8))
            _ = try? unpack(damaged)
        }
    }

    @Test func anotherFileThanTheLockedOneIsRefused() throws {
        let path = try directory.write(DebBytes.deb(data: DebBytes().tar), to: "x.deb")
        let wanted = SHA256Digest(hashing: "something else")
        #expect(throws: DebError.self) {
            try UnpackedPackage(path: path, digest: wanted, cache: directory.file("cache"))
        }
        let error = #expect(throws: DebError.self) {
            try UnpackedPackage(
                path: directory.file("none.deb"),
                digest: wanted,
                cache: directory.file("cache")
            )
        }
        #expect(error?.description.contains("none.deb") ?? false)
    }

    private func expectEmptyCache() throws {
        let left =
            (try? FileManager.default.contentsOfDirectory(atPath: directory.file("cache/unpacked-1"))) ?? []
        #expect(left.isEmpty)
    }
}
