import Bytes
import EROFS
import Foundation
import TestSupport
import Testing

/// Images with damage: always an error or other contents, never a trap, an endless loop or much memory.
@Suite struct HostileTests {
    private let sample: SampleTree
    /// A small image with every kind of structure, whose superblock has no checksum, so that damage gets further.
    private let small: [UInt8]

    init() throws {
        sample = try SampleTree.shared.get()
        small = try Self.small.get()
    }

    private static let small = Result {
        let directory = try TemporaryDirectory()
        let tree = directory.file("tree")
        try FileManager.default.createDirectory(atPath: tree + "/d/e", withIntermediateDirectories: true)
        var random = Random(seed: 3)
        let contents = [
            "a": SampleTree.text(30_000), "b": random.bytes(5000), "d/c": SampleTree.text(100),
            "d/f": SampleTree.text(9000) + random.bytes(6000) + SampleTree.text(9000), "d/e/empty": [],
        ]
        for (name, bytes) in contents { try Data(bytes).write(to: URL(filePath: "\(tree)/\(name)")) }
        try FileManager.default.createSymbolicLink(atPath: tree + "/link", withDestinationPath: "d/c")
        let options = "-zlz4hc -C65536"
        return try Self.withoutChecksum(
            SampleTree.makeImage(of: tree, at: directory.file("x.erofs"), options: options)
        )
    }

    private static func withoutChecksum(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        bytes[1024 + 8] &= ~1
        return bytes
    }

    /// Reads all that there is; the number of entries.
    @discardableResult
    private func readAll(_ bytes: [UInt8]) throws(EROFSError) -> Int {
        let image = try EROFSImage(ByteSource(bytes: bytes))
        let tree = try image.tree()
        var firstError: EROFSError?
        for (_, entry) in tree {
            do throws(EROFSError) {
                _ = try image.extents(of: entry)
                switch entry.kind {
                case .regular: _ = try image.contents(of: entry, limit: 1 << 20)
                case .symlink: _ = try image.symlinkTarget(of: entry)
                default: break
                }
            } catch {
                firstError = firstError ?? error
                #expect(!error.description.isEmpty)
            }
        }
        if let firstError { throw firstError }
        return tree.count
    }

    private func image(_ bytes: [UInt8]) throws -> EROFSImage { try EROFSImage(ByteSource(bytes: bytes)) }

    private func entry(_ path: String, _ bytes: [UInt8]) throws -> EROFSEntry {
        try #require(try image(bytes).entry(at: path))
    }

    /// The image with bytes replaced at an offset in an entry's inode.
    private func patched(
        _ path: String,
        at field: Int,
        _ value: [UInt8],
        in bytes: [UInt8]
    ) throws -> [UInt8] {
        var bytes = bytes
        let start = Int(try entry(path, bytes).metadata.lowerBound) + field
        bytes.replaceSubrange(start..<start + value.count, with: value)
        return bytes
    }

    @Test func readsTheUndamagedImage() throws { #expect(try readAll(small) == 9) }

    @Test func everyTruncationIsAnError() throws {
        let whole = ByteSource(bytes: small)
        for length in 0..<UInt64(small.count) {
            let part = try whole.slice(at: 0, size: length)
            #expect(throws: EROFSError.truncated(size: length, needed: length < 1152 ? 1152 : whole.size)) {
                _ = try EROFSImage(part)
            }
        }
    }

    /// A source whose size is right but whose reads fail, as those of a failing disk do.
    @Test func readErrorsArePassedOn() throws {
        struct Failure: Error {}
        let bytes = small
        let source = ByteSource(size: UInt64(bytes.count)) { offset, count in
            if offset >= 4096 { throw Failure() }
            return Array(bytes[Int(offset)..<Int(offset) + count])
        }
        let image = try EROFSImage(source)
        let file = try #require(try image.entry(at: "/a"))
        #expect(throws: EROFSError.self) { _ = try image.contents(of: file, limit: 1 << 20) }
    }

    @Test func damagedSuperblockIsNoticed() throws {
        let whole = sample.bytes(.largeExtents)
        for byte in [1028, 1024 + 48, 1024 + 17, 4000] {
            var bytes = whole
            bytes[byte] ^= 0x10
            do {
                _ = try image(bytes)
                Issue.record("damage at \(byte) was not noticed")
            } catch EROFSError.checksum {}
        }
        #expect(throws: EROFSError.notEROFS) { try image([UInt8](repeating: 0, count: 8192)) }
    }

    @Test func flippedBitsNeverTrap() {
        for byte in 1024..<4096 {
            var bytes = small
            bytes[byte] ^= byte % 3 == 0 ? 0xff : 1 << UInt8(byte % 8)
            _ = try? readAll(bytes)
        }
    }

    @Test func noiseNeverTraps() {
        var random = Random(seed: 11)
        for _ in 0..<600 {
            var bytes = small
            for _ in 0..<1 + random.next() % 8 {
                let at = 1024 + Int(random.next() % UInt64(bytes.count - 1024 - 8))
                let noise = random.next() % 4 == 0 ? [0xff, 0xff, 0xff, 0xff] : random.bytes(4)
                bytes.replaceSubrange(at..<at + 4, with: noise)
            }
            _ = try? readAll(bytes)
        }
    }

    /// Damaged compressed data gives an error or other bytes of the right number.
    @Test func damagedLZ4IsBounded() throws {
        let file = try entry("/a", small)
        let extent = try #require(try image(small).extents(of: file).first)
        #expect(extent.encoding == .compressed(algorithm: 0))
        var errors = 0
        for byte in Int(extent.imageOffset)..<Int(extent.imageOffset + extent.imageLength) {
            var bytes = small
            bytes[byte] ^= 1 << UInt8(byte % 8)
            do {
                #expect(try image(bytes).contents(of: file, limit: 30_000).count == 30_000)
            } catch EROFSError.damaged(_, .compressedData(let offset, _)) {
                #expect(offset == 0)
                errors += 1
            }
        }
        #expect(errors > 100)
        var bytes = small
        bytes.replaceSubrange(
            Int(extent.imageOffset)..<Int(extent.imageOffset + extent.imageLength),
            with: repeatElement(0, count: Int(extent.imageLength))
        )
        #expect(throws: EROFSError.self) { _ = try image(bytes).contents(of: file, limit: 30_000) }
    }

    @Test(
        arguments: [0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, 0xffff_ffff_ffff_ffff, 1 << 33] as [UInt64]
    )
    func hugeSizesAreErrors(_ size: UInt64) throws {
        var value: [UInt8] = []
        value.appendLittleEndian(size)
        for path in ["/", "/a", "/b", "/d", "/link"] {
            let bytes = try patched(path, at: 8, value, in: small)
            do throws(EROFSError) {
                try readAll(bytes)
                Issue.record("\(path) with \(size) bytes was read")
            } catch {}
        }
    }

    @Test func impossibleInodesAreErrors() throws {
        let a = try entry("/a", small)
        let cases: [(String, Int, [UInt8], EROFSDamage?)] = [
            ("/a", 0, [0xff, 0xff], .format(0xffff)),
            ("/a", 0, [0x0b], .format(0x0b)),
            ("/a", 4, [0x00, 0x70], .mode(0x7000)),
            ("/a", 2, [0xff, 0xff], .number),
            ("/link", 8, [0, 0], .size(0)),
            ("/link", 8, [0, 0x10], nil),
        ]
        for (path, field, value, damage) in cases {
            let bytes = try patched(path, at: field, value, in: small)
            do throws(EROFSError) {
                try readAll(bytes)
                Issue.record("\(path): \(value) at \(field) was accepted")
            } catch {
                guard case .damaged(_, let found) = error else {
                    Issue.record("\(error)")
                    continue
                }
                #expect(damage == nil || found == damage)
            }
        }
        // A type other than the directory's.
        let bytes = try patched("/a", at: 4, [0xa4, 0x11], in: small)
        let root = try image(small).root()
        #expect(throws: EROFSError.damaged(nid: root.nid, .kind(name: "a"))) { try readAll(bytes) }
        // Data outside of the image: flat data at block 2^32 - 1.
        let outside = try patched("/b", at: 16, [0xff, 0xff, 0xff, 0xff], in: small)
        let b = try entry("/b", small)
        let damage = EROFSDamage.outside(offset: 0xffff_ffff * 4096, length: 4096)
        #expect(throws: EROFSError.damaged(nid: b.nid, damage)) { try readAll(outside) }
        #expect(a.size == 30_000)
    }

    // MARK: Directories

    /// Where the record of a name in the root directory is, which is all inline.
    private func record(_ name: String, of path: String, in bytes: [UInt8]) throws -> Int {
        let image = try image(bytes)
        let extent = try #require(try image.extents(of: entry(path, bytes)).first)
        let start = Int(extent.imageOffset)
        let count = Int(bytes[start + 8]) / 12
        for index in 0..<count {
            let at = start + index * 12
            let from = start + Int(bytes.littleEndian(UInt16.self, at: at + 8) ?? 0)
            if bytes[from...].starts(with: name.utf8) { return at }
        }
        throw ToolFailure(output: "no record of \(name)")
    }

    private func pointing(_ name: String, of path: String, to nid: UInt64) throws -> [UInt8] {
        var bytes = small
        let at = try record(name, of: path, in: bytes)
        var value: [UInt8] = []
        value.appendLittleEndian(nid)
        bytes.replaceSubrange(at..<at + 8, with: value)
        return bytes
    }

    @Test func cyclesAreErrors() throws {
        let root = try entry("/", small).nid
        let folder = try entry("/d", small).nid
        #expect(throws: EROFSError.directoryLoop(path: "/d/e")) {
            try readAll(pointing("e", of: "/d", to: root))
        }
        #expect(throws: EROFSError.directoryLoop(path: "/d/e")) {
            try readAll(pointing("e", of: "/d", to: folder))
        }
        // A path through the cycle ends with the path.
        let looped = try image(pointing("e", of: "/d", to: root))
        let deep = String(repeating: "/d/e", count: 200)
        #expect(try looped.entry(at: deep)?.nid == root)
    }

    @Test(arguments: [UInt64.max, 1 << 63, 1 << 59, 1 << 32, 0x7fff_ffff])
    func numbersOutsideAreErrors(_ nid: UInt64) throws {
        #expect(throws: EROFSError.damaged(nid: nid, .number)) {
            try readAll(pointing("a", of: "/", to: nid))
        }
    }

    @Test func malformedDirectoriesAreErrors() throws {
        let root = try entry("/", small).nid
        let start = Int(try #require(try image(small).extents(of: entry("/", small)).first).imageOffset)
        let at = try record("a", of: "/", in: small)
        let name = start + Int(try #require(small.littleEndian(UInt16.self, at: at + 8)))
        func error(_ change: (inout [UInt8]) -> Void) -> EROFSError? {
            var bytes = small
            change(&bytes)
            do throws(EROFSError) {
                try readAll(bytes)
                return nil
            } catch {
                return error
            }
        }
        #expect(error { $0[name] = 0x2f } == .damaged(nid: root, .name([0x2f])))
        #expect(error { $0[name] = 0 } == .damaged(nid: root, .order("\0")))
        #expect(error { $0[name] = 0x63 } == .damaged(nid: root, .order("b")))
        #expect(error { $0[name] = 0x62 } == .damaged(nid: root, .order("b")))
        for offset: UInt8 in [0, 11, 13, 0xff] {
            #expect(error { $0[start + 8] = offset } == .damaged(nid: root, .directoryBlock(0)))
        }
        // Names that lead out of the block or overlap the records.
        for value: [UInt8] in [[0xff, 0xff], [0, 0], [1, 0]] {
            let found = error { $0.replaceSubrange(at + 8..<at + 10, with: value) }
            #expect(found == .damaged(nid: root, .directoryBlock(0)))
        }
        let invalid = error { $0[name] = 0x9f }
        #expect(invalid == .damaged(nid: root, .name([0x9f])))
    }
}
