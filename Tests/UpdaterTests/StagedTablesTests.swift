import Foundation
import Hashing
import ReleaseManifest
import TestSupport
import Testing

@testable import Updater

@Suite("Tables that outlive a broken update") struct StagedTablesTests {
    private let index = Array("an index".utf8)
    private let head = Array("the head of a pack".utf8)

    private func transports(_ index: [UInt8], _ head: [UInt8]) -> Release.Transports {
        func file(_ name: String, _ bytes: [UInt8]) -> Release.File {
            Release.File(file: name, size: UInt64(bytes.count), sha256: SHA256Digest(hashing: bytes))
        }
        return Release.Transports(
            frames: file("root.zst", []),
            index: file("root.index", index),
            packs: [
                Release.Pack(
                    from: SHA256Digest(hashing: []),
                    file: file("a.pack", head + [0]),
                    headSize: UInt64(head.count),
                    headSha256: SHA256Digest(hashing: head)
                )
            ]
        )
    }

    @Test("They are there for the next process, and only for this release")
    func keep() throws {
        let folder = try TemporaryDirectory()
        let first = StagedTables(in: folder.path, of: transports(index, head))
        for bytes in [index, head] { first.keep(bytes, SHA256Digest(hashing: bytes)) }
        try Data().write(to: folder.url.appending(path: "\(SHA256Digest(hashing: index).hex).efi"))
        // What a killed writer leaves.
        try Data("half".utf8).write(to: folder.url.appending(path: "0.table.new"))
        let again = StagedTables(in: folder.path, of: transports(index, head))
        for bytes in [index, head] {
            let digest = SHA256Digest(hashing: bytes)
            #expect(again.read(digest, size: bytes.count) == bytes)
            #expect(again.read(digest, size: bytes.count - 1) == nil)
            #expect(again.read(digest, size: bytes.count + 1) == nil)
        }
        let other = StagedTables(in: folder.path, of: transports(index, [1]))
        #expect(other.read(SHA256Digest(hashing: index), size: index.count) == index)
        #expect(other.read(SHA256Digest(hashing: head), size: head.count) == nil)
        other.remove()
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(left == ["\(SHA256Digest(hashing: index).hex).efi"])
    }

    @Test("The room that the kernel image needs is left")
    func room() throws {
        let folder = try TemporaryDirectory()
        let mount = folder.file("small")
        try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: false)
        let result = try runTool("mount", "-t", "tmpfs", "-o", "size=66m", "tmpfs", mount)
        guard result.status == 0 else {
            return print("SKIPPED: StagedTablesTests.room: mounting a tmpfs needs root: \(result.output)")
        }
        defer { _ = try? runTool("umount", mount) }
        let tables = StagedTables(in: mount, of: transports(index, head))
        let digest = SHA256Digest(hashing: index)
        tables.keep(index, digest)
        #expect(tables.read(digest, size: index.count) == index)
        tables.remove()
        try Data(count: 4 << 20).write(to: URL(filePath: mount + "/filler"))
        tables.keep(index, digest)
        #expect(tables.read(digest, size: index.count) == nil)
    }

    @Test("Without a folder, or behind a link, there are none, and nothing is harmed")
    func unusable() throws {
        let folder = try TemporaryDirectory()
        let digest = SHA256Digest(hashing: index)
        let nowhere = StagedTables(in: folder.file("missing"), of: transports(index, head))
        nowhere.keep(index, digest)
        #expect(nowhere.read(digest, size: index.count) == nil)
        let target = folder.url.appending(path: "target")
        try Data(index).write(to: target)
        let work = folder.url.appending(path: "work")
        try FileManager.default.createDirectory(at: work, withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            at: work.appending(path: "\(digest.hex).table"),
            withDestinationURL: target
        )
        let tables = StagedTables(in: work.path, of: transports(index, head))
        #expect(tables.read(digest, size: index.count) == nil)
        tables.keep(head, digest)
        #expect(try Data(contentsOf: target) == Data(index))
    }
}
