import Bytes
import Foundation
import Hashing
import ReleaseManifest
import Synchronization
import TestSupport
import Testing

@testable import UpdateBlocks

@Suite("Artefacts, read by other programs")
struct GoldenTests {
    @Test(
        "root.zst is a standard stream of the root, and each frame alone is its blocks",
        arguments: [1, 4, 5, 130]
    )
    func stream(blocks: Int) async throws {
        var random = Seeded(state: 3)
        let release = try await Published(random.blocks(blocks))
        let folder = release.folder
        let whole = try runTool("zstd", "-q", "-d", folder.file("root.zst"), "-o", folder.file("out"))
        #expect(whole.status == 0, "\(whole.output)")
        #expect(try release.bytes("out") == joined(release.blocks))
        let index = try RootIndex(decoding: release.bytes("root.index"), rootHash: release.root.hash)
        let stream = try release.bytes("root.zst")
        #expect(index.frames.byteCount == UInt64(stream.count))
        for frame in [0, index.frames.sizes.count / 2, index.frames.sizes.count - 1] {
            let bytes = index.frames.bytes(of: frame..<frame + 1)
            let name = "frame\(frame)"
            try Data(stream[Int(bytes.lowerBound)..<Int(bytes.upperBound)])
                .write(to: folder.url.appending(path: "\(name).zst"))
            let one = try runTool(
                "zstd",
                "-q",
                "-f",
                "-d",
                folder.file("\(name).zst"),
                "-o",
                folder.file(name)
            )
            #expect(one.status == 0, "\(one.output)")
            let expected = index.frames.blocks(of: frame).flatMap { release.blocks[$0] }
            #expect(try release.bytes(name) == expected)
        }
    }

    @Test("The index has the leaves and the tree digests of veritysetup", arguments: [2, 128, 129, 300])
    func leaves(blocks: Int) async throws {
        var random = Seeded(state: 4)
        let release = try await Published(random.blocks(blocks))
        let folder = release.folder
        try Data(joined(release.blocks)).write(to: folder.url.appending(path: "image"))
        let made = try runTool(
            "veritysetup",
            "format",
            "--salt=\(Hex.encode(sampleSalt))",
            folder.file("image"),
            folder.file("tree")
        )
        #expect(made.output.contains(release.root.hash.hex), "\(made.output)")
        let tree = try release.bytes("tree")
        let index = try RootIndex(decoding: release.bytes("root.index"), rootHash: release.root.hash)
        // The superblock comes first, the leaves last.
        let leafBlocks = (blocks - 1) / 128 + 1
        let start = tree.count - leafBlocks * size
        for block in 0..<blocks {
            #expect(tree.littleEndian(UInt64.self, at: start + block * 32) == index.leaves[block])
        }
        for group in 0..<leafBlocks {
            let leaves = Array(tree[start + group * size..<start + (group + 1) * size])
            #expect(index.isRight(group: group, digest: LeafHasher(salt: sampleSalt).digest(of: leaves)))
            #expect(!index.isRight(group: group, digest: release.root.sha256))
        }
    }

    @Test("A segment of a pack is what zstd --patch-from reads, with the old blocks that the head names")
    func segments() async throws {
        var random = Seeded(state: 5)
        let old = random.blocks(400)
        var new = old
        for block in 60..<340 { new[block][block * 3] ^= 1 }
        new.insert(contentsOf: random.blocks(3), at: 50)
        let release = try await Published(new, from: old)
        let entry = release.transports.packs[0]
        let pack = try release.bytes("a.pack")
        let head = try PackHead(
            decoding: Array(pack[..<Int(entry.headSize)]),
            from: entry.from,
            to: release.root.hash,
            byteCount: entry.file.size
        )
        #expect(head.segments.count > 1)
        #expect(pack.count < 100_000, "a megabyte changed by one byte a block: \(pack.count)")
        var position = Int(entry.headSize)
        for (number, (segment, runs)) in zip(head.segments, head.segmentBlocks).enumerated() {
            let folder = release.folder
            let bytes = pack[position..<position + Int(segment.byteCount)]
            position += bytes.count
            #expect(SHA256Digest(hashing: Array(bytes)) == segment.sha256)
            try Data(bytes).write(to: folder.url.appending(path: "s\(number).zst"))
            let prefix = segment.prefix.flatMap { $0.flatMap { old[Int($0)] } }
            try Data(prefix).write(to: folder.url.appending(path: "p\(number)"))
            let done = try runTool(
                "zstd",
                "-q",
                "-d",
                "--memory=64MB",
                "--patch-from=\(folder.file("p\(number)"))",
                folder.file("s\(number).zst"),
                "-o",
                folder.file("s\(number)")
            )
            #expect(done.status == 0, "\(done.output)")
            #expect(try release.bytes("s\(number)") == runs.flatMap { $0.flatMap { new[$0] } })
        }
        #expect(position == pack.count)
    }

    @Test("Publishing twice gives the same bytes, and never replaces a file")
    func deterministic() async throws {
        let images = ImagePair(seed: 6)
        let one = try await Published(images.new, from: images.old)
        let two = try await Published(images.new, from: images.old)
        #expect(one.transports == two.transports)
        for name in ["root.zst", "root.index", "a.pack"] { #expect(try one.bytes(name) == two.bytes(name)) }
        await #expect(
            throws: UpdateBlocksError.output(path: one.folder.file("root.zst"), reason: "File exists")
        ) {
            try await RootFramesWriter.write(
                image: disk(images.new),
                rootHash: one.root.hash,
                salt: sampleSalt,
                framesPath: one.folder.file("root.zst"),
                indexPath: one.folder.file("other")
            )
        }
    }

    @Test("An image with another root hash is not published, nor a pack that is larger than its limit")
    func refused() async throws {
        let images = ImagePair(seed: 7)
        let folder = try TemporaryDirectory()
        let (old, new) = (try rootHash(images.old), try rootHash(images.new))
        let error = UpdateBlocksError.wrongRootHash(name: "slot", found: new.hex, expected: old.hex)
        await #expect(throws: error) {
            try await RootFramesWriter.write(
                image: disk(images.new),
                rootHash: old,
                salt: sampleSalt,
                framesPath: folder.file("a"),
                indexPath: folder.file("b")
            )
        }
        let from = PackWriter.Root(image: try disk(images.old), rootHash: old, salt: sampleSalt)
        let to = PackWriter.Root(image: try disk(images.new), rootHash: new, salt: sampleSalt)
        #expect(try await PackWriter.write(from: from, to: to, path: folder.file("p"), limit: 50) == nil)
        let swapped = PackWriter.Root(image: try disk(images.old), rootHash: new, salt: sampleSalt)
        await #expect(throws: UpdateBlocksError.self) {
            try await PackWriter.write(from: from, to: swapped, path: folder.file("p"))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }
}
