import FileTree
import Foundation
import Hashing
import TestSupport
import Testing

@testable import Debian

@Suite struct DebCacheTests {
    let directory: TemporaryDirectory
    let path: String
    let digest: SHA256Digest
    var cache: String { directory.file("cache") }
    var place: String { UnpackedPackage.place(of: digest, cache: cache) }

    init() throws {
        directory = try TemporaryDirectory()
        var tar = DebBytes()
        tar.add("./dir", type: "5", mode: 0o750)
        tar.add("./dir/file", content: (0..<200_000).map { UInt8(truncatingIfNeeded: $0 / 3) })
        tar.add("./dir/link", type: "1", target: "./dir/file")
        tar.add("./symlink", type: "2", target: "dir")
        tar.add("./fifo", type: "6")
        let bytes = DebBytes.deb(data: tar.tar)
        path = try directory.write(bytes, to: "sample.deb")
        digest = SHA256Digest(hashing: bytes)
    }

    private func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: path)))
    }

    @Test func damagedCacheIsNoticedAndMadeAgain() throws {
        let good = try UnpackedPackage(path: path, digest: digest, cache: cache)
        let index = try bytes(place + "/index")
        for position in Swift.stride(from: 0, to: index.count, by: 7) {
            var damaged = index
            damaged[position] ^= 0x10
            try Data(damaged).write(to: URL(filePath: place + "/index"))
            #expect(throws: DebError.self) { try UnpackedPackage.cached(digest, cache: cache) }
        }
        #expect(try UnpackedPackage(path: path, digest: digest, cache: cache) == good)
        for length in Swift.stride(from: 0, to: index.count, by: 11) {
            #expect(throws: DebError.self) {
                try PackageIndex(decoding: Array(index[..<length]), path: "index", blob: "blob")
            }
        }
        let handle = try #require(FileHandle(forWritingAtPath: place + "/blob"))
        try handle.truncate(atOffset: 100)
        #expect(throws: DebError.self) { try UnpackedPackage.cached(digest, cache: cache) }
        #expect(try UnpackedPackage(path: path, digest: digest, cache: cache) == good)
        try good.verifyContents()
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache + "/unpacked-1") == [digest.hex])
    }

    @Test func payloadWithAGoodChecksumIsStillBounded() throws {
        // What passes the checksum but is wrong inside must end in an error too.
        _ = try UnpackedPackage(path: path, digest: digest, cache: cache)
        let index = try bytes(place + "/index")
        let payload = Array(index[40...])
        for position in 0..<payload.count {
            var damaged = payload
            damaged[position] ^= 0xff
            let whole = Array(index[..<8]) + SHA256Digest(hashing: damaged).bytes + damaged
            _ = try? PackageIndex(decoding: whole, path: "index", blob: "blob")
        }
        for length in 0..<payload.count {
            let cut = Array(payload[..<length])
            let whole = Array(index[..<8]) + SHA256Digest(hashing: cut).bytes + cut
            #expect(throws: DebError.self) { try PackageIndex(decoding: whole, path: "index", blob: "blob") }
        }
    }

    @Test func flippedContentIsFound() throws {
        let unpacked = try UnpackedPackage(path: path, digest: digest, cache: cache)
        var blob = try bytes(place + "/blob")
        blob[150_000] ^= 1
        try Data(blob).write(to: URL(filePath: place + "/blob"))
        let error = #expect(throws: FileTreeError.self) { try unpacked.verifyContents() }
        #expect(error?.description.contains("/dir/file") ?? false)
        // Nothing of it gets into an image: neither through a file system nor through an archive.
        var tree = FileTree()
        try unpacked.insert(into: &tree)
        #expect(throws: FileTreeError.self) {
            try TarWriter(modificationTime: 0).write(tree, to: directory.file("out.tar"))
        }
        #expect(throws: FileTreeError.self) { try tree.materialise(to: directory.file("out")) }
    }

    @Test func manyAtOnceShareOneResult() async throws {
        let (path, digest, cache) = (path, digest, cache)
        let results = try await withThrowingTaskGroup(of: UnpackedPackage.self) { group in
            for _ in 0..<16 {
                group.addTask { try UnpackedPackage(path: path, digest: digest, cache: cache) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.count == 16 && results.allSatisfy { $0 == results[0] })
        try results[0].verifyContents()
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache + "/unpacked-1") == [digest.hex])
    }

    @Test func hardLinkKeepsItsContentWhenItsTargetGivesWay() throws {
        var data = DebBytes()
        data.addText("./usr/bin/a", "old")
        data.add("./usr/bin/b", type: "1", target: "./usr/bin/a")
        let bytes = DebBytes.deb(data: data.tar)
        let path = try directory.write(bytes, to: "old.deb")
        let old = try UnpackedPackage(path: path, digest: SHA256Digest(hashing: bytes), cache: cache)
        var tree = FileTree()
        try tree.insert(.file("new", origin: "new"), at: "/usr/bin/a")
        try old.insert(into: &tree, replacedBy: ["new"])
        #expect(try tree.content(at: "/usr/bin/a")?.bytes(limit: 9) == Array("new".utf8))
        #expect(try tree.content(at: "/usr/bin/b")?.bytes(limit: 9) == Array("old".utf8))
    }

    @Test func leftoversOfKilledBuildsAreRemovedAndOthersAreNot() throws {
        _ = try UnpackedPackage(path: path, digest: digest, cache: cache)
        let unpacked = cache + "/unpacked-1"
        try FileManager.default.createDirectory(
            atPath: unpacked + "/tmp-killed",
            withIntermediateDirectories: true
        )
        try Data([1]).write(to: URL(filePath: unpacked + "/tmp-killed/blob"))
        do {
            let inUse = try UnpackWorkspace(in: unpacked)
            #expect(UnpackedPackage.removeLeftovers(cache: cache) == [unpacked + "/tmp-killed"])
            #expect(FileManager.default.fileExists(atPath: inUse.path))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: unpacked) == [digest.hex])
    }

    @Test func replacesDecidesWhoseFileStaysInAnyOrder() throws {
        func package(_ name: String, _ fields: String) throws -> UnpackedPackage {
            var control = DebBytes()
            control.addText("./control", "Package: \(name)\nVersion: 1\nArchitecture: all\n\(fields)")
            var data = DebBytes()
            data.addText("./usr/share/common", name)
            let bytes = DebBytes.deb(control: control.tar, data: data.tar)
            let path = try directory.write(bytes, to: "\(name).deb")
            return try UnpackedPackage(path: path, digest: SHA256Digest(hashing: bytes), cache: cache)
        }
        let old = try package("old", "")
        let new = try package("new", "Replaces: old (<< 2)\n")
        for order in [[old, new], [new, old]] {
            var tree = FileTree()
            try UnpackedPackage.insert(order, into: &tree)
            #expect(tree["/usr/share/common"]?.origin == "new")
        }
        var tree = FileTree()
        try old.insert(into: &tree)
        let stranger = try package("stranger", "")
        #expect(throws: FileTreeError.conflict(path: "/usr/share/common", first: "old", second: "stranger")) {
            try stranger.insert(into: &tree)
        }
        try stranger.insert(into: &tree, replaces: ["old"])
        #expect(tree["/usr/share/common"]?.origin == "stranger")
    }
}
