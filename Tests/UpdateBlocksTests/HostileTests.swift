import BlockDevices
import Bytes
import Foundation
import Hashing
import ReleaseManifest
import ReleaseManifest
import Synchronization
import TestSupport
import Testing
import Zstd

@testable import UpdateBlocks

@Suite("Wrong artefacts and wrong servers")
struct HostileTests {
    @Test("Every field of an index is checked")
    func index() async throws {
        var random = Seeded(state: 20)
        let release = try await Published(random.blocks(300))
        let good = try release.bytes("root.index")
        let hash = release.root.hash
        _ = try RootIndex(decoding: good, rootHash: hash)
        let sizes = 64 + 32 + 300 * 8 + 3 * 32
        let cases: [(Int, [UInt8], String)] = [
            (0, [0], "magic"), (7, [0x32], "magic"),
            (8, [0, 0, 0, 0], "block count"), (8, [255, 255, 255, 255], "block count"), (8, [43], "size"),
            (12, [0], "blocks a frame"), (12, [9], "blocks a frame"), (12, [8], "size"),
            (12, [4, 1], "blocks a frame"),
            (14, [255, 255], "salt"), (14, [1, 1], "salt"), (14, [31], "size"),
            (16, [good[16] ^ 1], "root hash"), (48, [good[48] ^ 1], "frame sizes"), (56, [1], "reserved"),
            (64, [good[64] ^ 1], "tree digests"),
            (64 + 32 + 300 * 8, [good[64 + 32 + 300 * 8] ^ 1], "tree digests"),
            (sizes, [0, 0], "frame sizes"), (sizes, [good[sizes] ^ 1], "frame sizes"),
        ]
        for (place, bytes, field) in cases {
            var bad = good
            bad.replaceSubrange(place..<place + bytes.count, with: bytes)
            #expect("\(field) at \(place)") {
                try RootIndex(decoding: bad, rootHash: hash)
            } throws: { error in
                guard case UpdateBlocksError.damaged("root.index", let found, _) = error else { return false }
                return found == field
            }
        }
        for length in stride(from: 0, to: good.count, by: 7) {
            #expect(throws: UpdateBlocksError.self) {
                try RootIndex(decoding: Array(good[..<length]), rootHash: hash)
            }
        }
        #expect(throws: UpdateBlocksError.self) { try RootIndex(decoding: good + [0], rootHash: hash) }
    }

    @Test("Every field of a pack's head is checked")
    func pack() async throws {
        let images = ImagePair(seed: 21)
        let release = try await Published(images.new, from: images.old)
        let entry = release.transports.packs[0]
        let good = Array(try release.bytes("a.pack")[..<Int(entry.headSize)])
        func decode(_ bytes: [UInt8], pack: UInt64 = entry.file.size) throws -> PackHead {
            try PackHead(decoding: bytes, from: entry.from, to: release.root.hash, byteCount: pack)
        }
        let head = try decode(good)
        #expect(head.blockCount == images.new.count)
        #expect(throws: UpdateBlocksError.self) { try decode(good, pack: entry.file.size - 1) }
        #expect(throws: UpdateBlocksError.self) { try decode(good, pack: 0) }
        for length in 0..<good.count {
            #expect(throws: UpdateBlocksError.self) { try decode(Array(good[..<length])) }
        }
        let rawSize = Int(try #require(good.littleEndian(UInt32.self, at: 12)))
        let raw = try ZstdDecompressor().decompress(Array(good[16...]), byteCount: rawSize)
        func wrapped(_ raw: [UInt8]) throws -> [UInt8] {
            let frame = try ZstdCompressor(level: 3).compress(raw)
            var bytes = Array("BHPACK_1".utf8)
            bytes.appendLittleEndian(UInt32(frame.count))
            bytes.appendLittleEndian(UInt32(raw.count))
            return bytes + frame
        }
        // The size of the segments counts from the end of the head, which recompressing moves.
        let rest = entry.file.size - entry.headSize
        let same = try wrapped(raw)
        #expect(try decode(same, pack: rest + UInt64(same.count)) == head)
        // Each 32-bit word of it, but for the truncated leaves and digests, with values that mean nothing.
        let end = raw.count - head.segmentLeaves.count * 8
        var refused = 0
        for place in stride(from: 0, to: end - 3, by: 4) {
            for value: UInt32 in [0, 1, 0x7FFF_FFFF, 0xFFFF_FFFC, 0xFFFF_FFFF] {
                var bad = raw
                bad.replaceSubrange(
                    place..<place + 4,
                    with: withUnsafeBytes(of: value.littleEndian) { Array($0) }
                )
                let bytes = try wrapped(bad)
                guard let changed = try? decode(bytes, pack: rest + UInt64(bytes.count)) else {
                    refused += 1
                    continue
                }
                // What is accepted is in bounds.
                #expect(changed.runs.reduce(0) { $0 + Int($1.count) } == changed.blockCount)
                #expect(
                    changed.segmentBlocks.joined().reduce(0) { $0 + $1.count } == changed.segmentLeaves.count
                )
                let old = HashedBlocks(
                    hashing: try disk(images.old),
                    blockCount: images.old.count,
                    hasher: release.hasher
                )
                if changed != head {
                    #expect(changed.leaves(from: old, zeroLeaf: 0) == nil || changed.runs == head.runs)
                }
            }
        }
        #expect(refused > 50)
    }

    @Test(
        "A wrong block names the server, and what was right is not fetched again",
        arguments: [true, false]
    )
    func wrongBlock(withPack: Bool) async throws {
        var random = Seeded(state: 22)
        let old = random.blocks(10)
        let new = random.blocks(600)
        let release = try await Published(new, from: withPack ? old : nil)
        let server = try release.server
        server.state.withLock { state in
            state.tamper = { name, piece in
                guard name != "root.index", piece.offset > 800_000 else { return [piece] }
                var bytes = piece.bytes
                bytes[bytes.count / 2] ^= 0x40
                return [RemotePiece(offset: piece.offset, bytes: bytes, source: "bad.example")]
            }
        }
        let slot = try disk([], spare: new.count)
        let update = try release.update(running: old, server: server)
        let error = await #expect(throws: UpdateBlocksError.self) {
            _ = try await install(update, release, into: slot)
        }
        #expect(error?.description.contains("bad.example") == true, "\(String(describing: error))")
        server.state.withLock { $0.tamper = nil }
        let plan = try await update.plan(for: slot)
        #expect(plan.fetched.count < 590 && plan.fetched.count > 0)
        _ = try await install(update, release, into: slot)
    }

    @Test(
        "Answers that are short, doubled, out of order or not asked for name the server",
        arguments: ["short", "twice", "later", "beyond", "nothing"]
    )
    func answers(how: String) async throws {
        var random = Seeded(state: 23)
        let release = try await Published(random.blocks(300))
        let server = try release.server
        server.state.withLock { state in
            state.tamper = { name, piece in
                guard name == "root.zst", piece.offset > 300_000 else { return [piece] }
                switch how {
                case "short":
                    return [
                        RemotePiece(
                            offset: piece.offset,
                            bytes: Array(piece.bytes.dropLast()),
                            source: "bad.example"
                        )
                    ]
                case "twice": return [piece, piece]
                case "later":
                    return [RemotePiece(offset: piece.offset + 1, bytes: piece.bytes, source: "bad.example")]
                case "beyond":
                    return [RemotePiece(offset: 1 << 50, bytes: piece.bytes, source: "bad.example")]
                default: return []
                }
            }
        }
        let slot = try disk([], spare: 300)
        #expect(
            await failure {
                _ = try await install(release.update(running: nil, server: server), release, into: slot)
            }
        )
    }

    private func failure(_ body: () async throws -> Void) async -> Bool {
        do {
            try await body()
            return false
        } catch UpdateBlocksError.wrongAnswer(let file, _, _) {
            return file == "root.zst"
        } catch {
            return false
        }
    }

    @Test("Index and head of another release, or with other bytes than were signed, are refused")
    func unsigned() async throws {
        let images = ImagePair(seed: 24)
        let release = try await Published(images.new, from: images.old)
        for name in ["root.index", "a.pack"] {
            let server = try release.server
            server.state.withLock { $0.files[name]?[20] ^= 1 }
            var copy = release
            if name == "root.index" { copy.transports.packs = [] }
            let update = try copy.update(running: images.old, server: server)
            let error = UpdateBlocksError.wrongDigest(artefact: name, source: "mirror.example")
            let slot = try disk([], spare: images.new.count)
            guard name == "root.index" else {
                // The update goes on without it.
                #expect(try await update.plan(for: slot).method != .pack)
                #expect(update.packFailure as? UpdateBlocksError == error)
                continue
            }
            await #expect(throws: error) { try await update.plan(for: slot) }
        }
    }

    @Test("A server without ranges: a pack is read in one stream, and so is the root")
    func noRanges() async throws {
        let images = ImagePair(seed: 25)
        let release = try await Published(images.new, from: images.old)
        let server = try release.server
        server.state.withLock { $0.hasRanges = false }
        let update = try release.update(running: images.old, server: server)
        _ = try await install(update, release, into: disk([], spare: images.new.count))
        #expect(
            update.bytesFetched <= release.transports.packs[0].file.size
                + release.transports.packs[0].headSize
        )
        var copy = release
        copy.transports.packs = []
        let whole = try copy.update(running: images.old, server: server)
        _ = try await install(whole, release, into: disk([], spare: images.new.count))
        #expect(whole.bytesFetched <= release.transports.frames.size + release.transports.index.size)
    }
}
