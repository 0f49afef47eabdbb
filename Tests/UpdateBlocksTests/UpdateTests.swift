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

    /// Counts the bytes that are read of a disk.
    private final class Counting: BlockDevice {
        let inner: any BlockDevice
        let bytesRead = Mutex(0)

        init(_ inner: any BlockDevice) { self.inner = inner }

        var name: String { inner.name }
        var byteCount: UInt64 { inner.byteCount }

        func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError) {
            bytesRead.withLock { $0 += buffer.count }
            try inner.read(at: offset, into: buffer)
        }

        func readMedium(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
            throws(BlockDeviceError)
        {
            try read(at: offset, into: buffer)
        }

        func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(BlockDeviceError) {
            try inner.write(bytes, at: offset)
        }

        func flush() throws(BlockDeviceError) { try inner.flush() }
    }

    @Test(
        "Leaves that are known save reading the running slot, and nothing rests on them",
        arguments: [true, false]
    )
    func knownLeaves(withPack: Bool) async throws {
        var random = Seeded(state: 57)
        let old = random.blocks(300)
        var new = old
        for block in 40..<60 { new[block] = random.block() }
        var release = try await Published(new, from: old)
        if !withPack { release.transports.packs = [] }
        let hash = try rootHash(old)
        let right = old.map { block in block.withUnsafeBytes { release.hasher.leaf(of: $0) } }
        var wrong = right
        wrong.swapAt(100, 200)
        // The last: not as many as there are blocks, so that they are not used.
        for (leaves, isPlanned) in [(nil, false), (right, true), (wrong, true), (right.dropLast(), false)] {
            // A block that can't be read, and one that is damaged.
            let slot = try disk(old, name: "active")
            try slot.write([0xFF], at: UInt64(250 * size))
            let device = Counting(FaultyDisk(slot, [.unreadable(at: UInt64(270 * size))]))
            let server = try release.server
            let running = BlockUpdate.Running(
                device: device,
                rootHash: hash,
                blockCount: old.count,
                leaves: leaves.map { Array($0) }
            )
            let update = try BlockUpdate(root: release.root, transports: release.transports, running: running)
            {
                server.file($0.file)
            }
            let target = try disk([], spare: new.count)
            let plan = try await update.plan(for: target)
            #expect((device.bytesRead.withLock { $0 } == 0) == isPlanned)
            // What is damaged is not known before it is read.
            let missing = isPlanned ? 20 + (leaves == wrong ? 2 : 0) : 22
            #expect(plan.blockCount { $0 == .fetch } <= missing)
            try await update.run(plan, progress: { _ in }) { try target.write($1, at: UInt64($0 * size)) }
            #expect(try content(target, new.count) == joined(new))
        }
    }

    /// A disk whose reads wait until they are let go.
    private final class Holding: BlockDevice {
        let inner: any BlockDevice
        let reads = Mutex(0)
        private let gate = DispatchSemaphore(value: 0)

        init(_ inner: any BlockDevice) { self.inner = inner }

        func letGo() { gate.signal() }

        var name: String { inner.name }
        var byteCount: UInt64 { inner.byteCount }

        func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError) {
            reads.withLock { $0 += 1 }
            _ = gate.wait(timeout: .now() + 60)
            gate.signal()
            try inner.read(at: offset, into: buffer)
        }

        func readMedium(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
            throws(BlockDeviceError)
        {
            try read(at: offset, into: buffer)
        }

        func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(BlockDeviceError) {
            try inner.write(bytes, at: offset)
        }

        func flush() throws(BlockDeviceError) { try inner.flush() }
    }

    enum Hashing: CaseIterable { case slot, running, repair }

    @Test("Whoever cancels an update need not wait until a slot is hashed", arguments: Hashing.allCases)
    func cancelledHashing(_ what: Hashing) async throws {
        // 20 reads of 1 MiB, by 8 threads at most.
        let blocks = [[UInt8]](repeating: [UInt8](repeating: 0, count: size), count: 20 * 256)
        let release = try await Published(blocks)
        let server = try release.server
        let hash = try rootHash(blocks)
        let free = try disk([], spare: blocks.count)
        let slot = Holding(try disk([], spare: blocks.count))
        let task = Task {
            let running = BlockUpdate.Running(device: slot, rootHash: hash, blockCount: blocks.count)
            let update = try BlockUpdate(
                root: release.root,
                transports: release.transports,
                running: what == .running ? running : nil
            ) {
                server.file($0.file)
            }
            if what != .slot { _ = try await update.plan(for: free) }
            if what != .running {
                _ = try await what == .repair ? update.repair(slot) : update.plan(for: slot)
            }
        }
        for _ in 0..<6000 where slot.reads.withLock({ $0 }) == 0 {
            try await Task.sleep(for: .milliseconds(10))
        }
        task.cancel()
        slot.letGo()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect((1...8).contains(slot.reads.withLock { $0 }))
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

    @Test("The table of an update comes once, as long as what was kept is right", arguments: [true, false])
    func keptTables(withPack: Bool) async throws {
        var random = Seeded(state: 58)
        let (old, new) = (random.blocks(20), random.blocks(700))
        let release = try await Published(new, from: withPack ? old : nil)
        let server = try release.server
        let tables = KeptTables()
        let pack = release.transports.packs.first
        let (size, digest) =
            pack.map { ($0.headSize, $0.headSha256) }
            ?? (release.transports.index.size, release.transports.index.sha256)
        func fetches() -> Int { server.state.withLock { $0.requests.count { $0 == [0..<size] } } }
        func attempt() async throws {
            let slot = try disk([], spare: new.count)
            let update = try release.update(running: old, server: server, tables: tables)
            _ = try await install(update, release, into: slot)
            #expect(try content(slot, new.count) == joined(new))
        }
        try await attempt()
        #expect(fetches() == 1)
        let kept = tables.bytes.withLock { $0 }
        #expect(kept.mapValues(SHA256Digest.init(hashing:)) == [digest: digest])
        try await attempt()
        #expect(fetches() == 1)
        // What a loss of power leaves.
        for damaged in [[], kept[digest].map { [UInt8](repeating: 0, count: $0.count) } ?? []] {
            tables.bytes.withLock { $0[digest] = damaged }
            let before = fetches()
            try await attempt()
            #expect(fetches() == before + 1)
            #expect(tables.bytes.withLock { $0 } == kept)
        }
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
