import BlockDevices
import Foundation
import Hashing
import ReleaseManifest
import Synchronization
import TestSupport
import Testing

@testable import UpdateBlocks

@Suite("Updates of a slot")
struct UpdateTests {
    @Test("Every method makes any image of any other", arguments: 0..<8 as Range<UInt64>)
    func property(seed: UInt64) async throws {
        let images = ImagePair(seed: seed)
        let release = try await Published(images.new, from: images.old)
        for method in [BlockPlan.Method.pack, .ranges, .stream] {
            let server = try release.server
            var copy = release
            if method != .pack { copy.transports.packs = [] }
            if method == .stream { server.state.withLock { $0.hasRanges = false } }
            let update = try copy.update(running: images.old, server: server)
            var random = Seeded(state: seed)
            // What an older release left in the slot, some of it right by chance.
            let slot = try disk(random.blocks(10) + images.old.dropFirst(10), spare: images.new.count)
            let plan = try await install(update, release, into: slot)
            #expect(UInt64(server.bytesSent) == update.bytesFetched)
            if method == .stream { continue }
            #expect(plan.fetched.count == 0 || plan.method == method || plan.method == .stream)
            // The estimate counts the cost of requests too, so it is a bound.
            let known = method == .pack ? release.transports.packs[0].headSize : release.transports.index.size
            #expect(update.bytesFetched <= plan.byteCount + known)
            #expect(plan.byteCount <= plan.estimates.stream)
            let again = try await update.plan(for: slot)
            #expect(again.method == .none && again.byteCount == 0)
        }
    }

    @Test("A first installation is one stream or ranges, never more than the image")
    func first() async throws {
        let images = ImagePair(seed: 50)
        let release = try await Published(images.new)
        let server = try release.server
        let update = try release.update(running: nil, server: server)
        let slot = RecordedDisk(byteCount: UInt64(images.new.count * size))
        let plan = try await install(update, release, into: slot)
        #expect(plan.byteCount <= release.transports.frames.size + 600)
        let whole = release.transports.frames.size + release.transports.index.size
        #expect(update.bytesFetched <= whole)
    }

    @Test("A small change costs little: pack below ranges, ranges below the stream")
    func bytes() async throws {
        var random = Seeded(state: 51)
        let old = random.blocks(1000)
        var new = old
        new.insert(contentsOf: random.blocks(2), at: 300)
        for block in 500..<520 { new[block][7] ^= 1 }
        let release = try await Published(new, from: old)
        var sizes: [UInt64] = []
        for packs in [release.transports.packs, []] {
            var copy = release
            copy.transports.packs = packs
            let update = try copy.update(running: old, server: release.server)
            let plan = try await install(update, release, into: disk([], spare: new.count))
            #expect(plan.method == (packs.isEmpty ? .ranges : .pack))
            #expect(plan.blockCount { $0 == .fetch } == 22)
            sizes.append(update.bytesFetched)
        }
        #expect(sizes[0] < 10_000, "\(sizes)")
        #expect(sizes[1] < release.transports.index.size + 120_000, "\(sizes)")
        #expect(release.transports.frames.size > 2_000_000)
    }

    @Test("After a broken connection only what is missing is fetched", arguments: [true, false])
    func resume(withPack: Bool) async throws {
        var random = Seeded(state: 52)
        let old = random.blocks(20)
        let new = random.blocks(700)
        let release = try await Published(new, from: withPack ? old : nil)
        let server = try release.server
        let total = withPack ? release.transports.packs[0].file.size : release.transports.frames.size
        struct Lost: Error {}
        server.state.withLock { state in
            state.tamper = { _, piece in
                if piece.offset > total / 2 { throw Lost() }
                return [piece]
            }
        }
        let slot = try disk([], spare: new.count)
        await #expect(throws: Lost.self) {
            _ = try await install(release.update(running: old, server: server), release, into: slot)
        }
        let before = server.bytesSent
        #expect(before > 500_000)
        server.state.withLock { $0.tamper = nil }
        // As after a restart: nothing is remembered but what the slot holds.
        _ = try await install(release.update(running: old, server: server), release, into: slot)
        let index = release.transports.index.size
        let twice = UInt64(server.bytesSent) - total
        #expect(twice < index * 2 + total / 2, "\(twice) of \(total) bytes came twice")
    }

    @Test("Rotten and unreadable blocks of the running slot are fetched instead", arguments: [true, false])
    func rot(withPack: Bool) async throws {
        var random = Seeded(state: 53)
        let old = random.blocks(400)
        var new = old
        for block in 200..<260 { new[block][9] ^= 1 }
        let release = try await Published(new, from: withPack ? old : nil)
        let active = try disk(old, name: "active")
        // One that is copied, and some that the segment refers to.
        for block in [17, 18, 210, 230] { try active.write([0xFF], at: UInt64(block * size + 100)) }
        let update = try release.update(running: old, slot: active, server: release.server)
        let slot = try disk([], spare: new.count)
        let plan = try await install(update, release, into: slot)
        #expect(plan.fetched.contains(17) && plan.fetched.contains(18))
        #expect(update.bytesFetched < release.transports.frames.size / 3)

        // It rots between the plan and the run.
        let healthy = try disk(old, name: "active")
        let late = try release.update(running: old, slot: healthy, server: release.server)
        let planned = try await late.plan(for: try disk([], spare: new.count))
        #expect(!planned.fetched.contains(300))
        try healthy.write([0xFF], at: UInt64(300 * size))
        let target = try disk([], spare: new.count)
        try await late.run(planned, progress: { _ in }) { try target.write($1, at: UInt64($0 * size)) }
        #expect(try content(target, new.count) == joined(new))
    }

    @Test("Where truncated leaves agree by chance, repairs converge", arguments: 0..<4 as Range<UInt64>)
    func collisions(seed: UInt64) async throws {
        // 6 bits: almost every block is mistaken for another one.
        let images = ImagePair(seed: seed, blocks: 140)
        var random = Seeded(state: seed)
        let release = try await Published(images.new, mask: seed % 2 == 0 ? 63 : 1023)
        let update = try release.update(running: random.blocks(80) + images.old, server: release.server)
        let slot = try disk(random.blocks(images.new.count))
        _ = try await install(update, release, into: slot)
        // What was fetched before the repair may share frames with what is fetched by it.
        #expect(update.bytesFetched <= 2 * release.transports.frames.size + release.transports.index.size)
    }

    @Test("An index that does not fit the root is found out, and repairs end")
    func unrepairable() async throws {
        var random = Seeded(state: 54)
        let new = random.blocks(300)
        var wrong = new
        wrong[5][5] ^= 1
        // A mirror with frames of another image, and leaves of so few bits that they agree.
        let release = try await Published(new, mask: 0)
        let other = try await Published(wrong, mask: 0)
        let server = try release.server
        let bytes = try other.bytes("root.zst")
        server.state.withLock { $0.files["root.zst"] = bytes }
        let update = try release.update(running: nil, server: server)
        let slot = try disk([], spare: new.count)
        var plan = try await update.plan(for: slot)
        #expect(plan.fetched.count == 0)
        plan = try await update.repair(slot)
        try await update.run(plan, progress: { _ in }) { try slot.write($1, at: UInt64($0 * size)) }
        await #expect(throws: UpdateBlocksError.cannotRepair(blocks: 128)) { try await update.repair(slot) }
    }

    @Test("Progress counts up to what was planned")
    func progress() async throws {
        let images = ImagePair(seed: 55)
        let release = try await Published(images.new, from: images.old)
        let update = try release.update(running: images.old, server: release.server)
        let slot = try disk([], spare: images.new.count)
        let plan = try await update.plan(for: slot)
        var last = BlockUpdate.Progress()
        try await update.run(plan, progress: { last = $0 }) { try slot.write($1, at: UInt64($0 * size)) }
        #expect(last.blocks == last.blocksInAll && last.blocks == plan.blockCount { $0 != .inPlace })
        #expect(last.bytes <= last.bytesInAll && last.bytesInAll == plan.byteCount)
    }
}
