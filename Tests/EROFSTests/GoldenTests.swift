import Bytes
import EROFS
import Foundation
import TestSupport
import Testing

/// Images that mkfs.erofs made, against their source and against what dump.erofs says of them.
@Suite struct GoldenTests {
    private let sample: SampleTree

    init() throws { sample = try SampleTree.shared.get() }

    @Test(arguments: SampleTree.Flavour.allCases)
    func listsWhatTheTreeHolds(_ flavour: SampleTree.Flavour) throws {
        let image = try sample.image(flavour)
        var paths: [String] = []
        var kinds: [String: EROFSEntry.Kind] = [:]
        for (path, entry) in try image.tree() {
            paths.append(path)
            kinds[path] = entry.kind
        }
        var expected: [String: EROFSEntry.Kind] = ["/fifo": .fifo]
        for path in sample.files.keys { expected[path] = .regular }
        for path in sample.links.keys { expected[path] = .symlink }
        for path in sample.directories { expected[path] = .directory }
        #expect(kinds == expected)
        #expect(paths.count == expected.count)
        #expect(paths == paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        // '-' comes before '/': not the order of a walk from directory to directory.
        let release = try #require(paths.firstIndex(of: "/etc-release"))
        #expect(paths[release - 1] == "/etc" && paths[release + 1].hasPrefix("/etc/"))
    }

    @Test(arguments: SampleTree.Flavour.allCases)
    func givesTheContents(_ flavour: SampleTree.Flavour) throws {
        let image = try sample.image(flavour)
        for (path, bytes) in sample.files {
            let entry = try #require(try image.entry(at: path))
            #expect(entry.size == bytes.count)
            #expect(try image.contents(of: entry, limit: bytes.count) == bytes, "\(path)")
            var reader = try image.reader(of: entry)
            var count = 0
            while let piece = try reader.next() { count += piece.count }
            #expect(count == bytes.count)
        }
        for (path, target) in sample.links {
            let entry = try #require(try image.entry(at: path))
            #expect(try image.symlinkTarget(of: entry) == target)
        }
    }

    /// Compression must really have happened for the test above to mean something.
    @Test func compressesWhereItShould() throws {
        func encodings(_ flavour: SampleTree.Flavour, _ path: String) throws -> [EROFSExtent] {
            let image = try sample.image(flavour)
            return try image.extents(of: #require(try image.entry(at: path)))
        }
        #expect(try encodings(.flat, "/mixed").allSatisfy { $0.encoding == .stored })
        for flavour in [SampleTree.Flavour.largeExtents, .blockExtents, .fullIndexes] {
            let extents = try encodings(flavour, "/mixed")
            #expect(extents.contains { $0.encoding == .compressed(algorithm: 0) })
            let noisy = try encodings(flavour, "/noisy")
            #expect(noisy.contains { $0.encoding == .stored })
            #expect(noisy.contains { $0.encoding == .compressed(algorithm: 0) })
            let largest = extents.map(\.imageLength).max() ?? 0
            #expect(flavour == .blockExtents ? largest == 4096 : largest > 4096)
        }
    }

    @Test(arguments: SampleTree.Flavour.allCases)
    func extentsAreThoseOfDump(_ flavour: SampleTree.Flavour) throws {
        let image = try sample.image(flavour)
        for path in [
            "/mixed", "/noisy", "/text", "/random", "/zeros", "/one", "/random4096", "/random4097",
            "/random12000",
        ] {
            let entry = try #require(try image.entry(at: path))
            let run = try runTool("dump.erofs", "--nid=\(entry.nid)", "-e", sample.path(flavour))
            #expect(run.status == 0, "\(run.output)")
            // 0:        0..  204800 |  204800 :       4096..      8192 |    4096
            let expected = run.output.split(separator: "\n").compactMap { line -> [UInt64]? in
                let numbers = line.split { !$0.isNumber }.compactMap { UInt64($0) }
                guard line.contains(".."), line.contains("|"), numbers.count == 7 else { return nil }
                return [numbers[1], numbers[3], numbers[4], numbers[6]]
            }
            let found = try image.extents(of: entry).map {
                [$0.fileOffset, $0.fileLength, $0.imageOffset, $0.imageLength]
            }
            #expect(found == expected, "\(path): \(run.output)")
            #expect(!found.isEmpty)
        }
    }

    @Test func givesTheSuperblock() throws {
        let superblock = try sample.image(.largeExtents).superblock
        #expect(
            superblock.uuid == [
                0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd,
                0xef,
            ]
        )
        #expect(superblock.blockSize == 4096)
        #expect(superblock.size == sample.bytes(.largeExtents).count)
        #expect(superblock.isChecksumVerified)
        #expect(superblock.incompatibleFeatures == 3)
        // The twin of a hard link has no inode of its own.
        let names = sample.files.count + sample.links.count + sample.directories.count + 1
        #expect(superblock.inodeCount == UInt64(names - 1))
        #expect(try sample.image(.flat).superblock.buildTime == 1_600_000_000)
    }

    @Test func givesAttributes() throws {
        for flavour in [SampleTree.Flavour.flat, .largeExtents] {
            let image = try sample.image(flavour)
            let text = try #require(try image.entry(at: "/text"))
            #expect(text.mode == 0o4711)
            #expect(text.uid == 0 && text.gid == 0)
            #expect(text.modificationTime == (flavour == .flat ? 1_600_000_000 : 1_234_567_890))
            #expect(text.linkCount == 1)
            let one = try #require(try image.entry(at: "one"))
            let twin = try #require(try image.entry(at: "/many/twin"))
            #expect(one.linkCount == 2)
            #expect(one == twin)
            #expect(try image.entry(at: "/fifo")?.mode == 0o600)
            #expect(try image.entry(at: "/")?.linkCount == 6)
        }
    }

    @Test func passesOverExtendedAttributes() throws {
        let directory = try TemporaryDirectory()
        let tree = directory.file("tree")
        try FileManager.default.createDirectory(atPath: tree + "/d", withIntermediateDirectories: true)
        for name in ["a", "d/b", "c"] {
            try Data(SampleTree.text(5000)).write(to: URL(filePath: "\(tree)/\(name)"))
        }
        for (name, length) in [("a", 100), ("d", 700), ("d/b", 3)] {
            let value = String(repeating: "v", count: length)
            let run = try runTool("setfattr", "-n", "user.bulkhead.\(length)", "-v", value, "\(tree)/\(name)")
            guard run.status == 0 else {
                // Not every file system for temporary files has them.
                return
            }
        }
        for options in ["", "-zlz4hc -C65536", "-zlz4hc -Elegacy-compress"] {
            let bytes = try SampleTree.makeImage(of: tree, at: directory.file("x.erofs"), options: options)
            let image = try EROFSImage(ByteSource(bytes: bytes))
            let found = try image.tree()
            #expect(found.map(\.path) == ["/", "/a", "/c", "/d", "/d/b"])
            #expect(found.map(\.entry.hasExtendedAttributes) == [false, true, false, true, true])
            for (_, entry) in found where entry.kind == .regular {
                #expect(try image.contents(of: entry, limit: 5000) == SampleTree.text(5000))
            }
        }
    }

    @Test func refusesWhatIsAskedWrongly() throws {
        let image = try sample.image(.flat)
        #expect(try image.entry(at: "/etc/nothing") == nil)
        #expect(try image.entry(at: "/one/below") == nil)
        #expect(try image.entry(at: "/etc/..") == nil)
        let one = try #require(try image.entry(at: "/one"))
        let etc = try #require(try image.entry(at: "/etc"))
        let text = try #require(try image.entry(at: "/text"))
        #expect(throws: EROFSError.wrongKind(nid: one.nid, .regular, wanted: .directory)) {
            _ = try image.children(of: one)
        }
        #expect(throws: EROFSError.wrongKind(nid: etc.nid, .directory, wanted: .regular)) {
            _ = try image.contents(of: etc, limit: 1 << 20)
        }
        #expect(throws: EROFSError.wrongKind(nid: one.nid, .regular, wanted: .symlink)) {
            try image.symlinkTarget(of: one)
        }
        #expect(throws: EROFSError.tooLarge(nid: text.nid, size: 200 << 10, limit: 4096)) {
            _ = try image.contents(of: text, limit: 4096)
        }
    }

    /// A source longer than the file system is a partition.
    @Test func readsFromALargerPartition() throws {
        let bytes = sample.bytes(.flat) + [UInt8](repeating: 0xff, count: 10_000)
        let image = try EROFSImage(ByteSource(bytes: bytes))
        #expect(try image.tree().count == sample.image(.flat).tree().count)
    }
}
