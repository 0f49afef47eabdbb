import BlockDevices
import GPT
import Synchronization
import TestSupport
import Testing

@testable import UpdateEngine
@testable import UpdateFixtures

/// A source that stops after some blocks, as if the program were killed.
struct Stopping: BlockSource {
    let inner: SampleRelease
    let after: Int
    struct Killed: Error {}

    func deliver(_ missing: BlockSet, to sink: BlockSink) async throws {
        for block in missing.blocks.prefix(after) {
            try await sink.write(
                Array(inner.root[block * 4096..<(block + 1) * 4096]),
                at: UInt64(block)
            )
        }
        throw Killed()
    }
}

/// What reaches the slot while blocks are delivered, and after it.
@Suite struct DeliveryTests {
    let old: SampleRelease
    let new: SampleRelease
    let host: SampleHost

    init() throws {
        old = try SampleRelease(version: "1.0.0", seed: 1)
        new = try SampleRelease(version: "2.0.0", seed: 2, sharing: old)
        host = try SampleHost(running: old, withESP: false)
    }

    private func install(_ source: any BlockSource) async throws {
        let disk = try SampleHost.slots(host.disk, running: old)
        try await SlotInstaller(disk: disk, bootFiles: NoBootFiles()) { _ in }
            .install(new.slot, index: new.index, source: source)
    }

    /// Keeps the sink, as a task does that is still under way when the delivery has ended.
    private final class Leaking: BlockSource {
        let inner: SampleSource
        let sink = Mutex<BlockSink?>(nil)
        let fails: Bool
        struct Failed: Error {}

        init(_ inner: SampleSource, fails: Bool) {
            self.inner = inner
            self.fails = fails
        }
        func deliver(_ missing: BlockSet, to sink: BlockSink) async throws {
            self.sink.withLock { $0 = sink }
            if fails { throw Failed() }
            try await inner.deliver(missing, to: sink)
        }
    }

    @Test(arguments: [false, true])
    func nothingIsWrittenAfterTheDeliveryHasEnded(_ fails: Bool) async throws {
        let source = Leaking(SampleSource(new), fails: fails)
        do {
            try await install(source)
        } catch is Leaking.Failed {}
        host.disk.beginLog()
        let sink = try #require(source.sink.withLock { $0 })
        await #expect(throws: SlotError.cancelled(.blocks)) {
            try await sink.write([UInt8](repeating: 9, count: 4096), at: 3)
        }
        #expect(host.disk.events == [])
    }

    /// Who has just hashed the slot says what is missing; what is wrong about that costs a delivery and not a root.
    @Test(arguments: [false, true])
    func whatIsKnownToBeMissingIsNotLookedForAgain(_ isRight: Bool) async throws {
        let disk = try SampleHost.slots(host.disk, running: old)
        let installer = SlotInstaller(disk: disk, bootFiles: NoBootFiles()) { _ in }
        var missing = try await installer.missingBlocks(of: new.slot, index: new.index)
        if !isRight { missing.remove(30) }
        let source = SampleSource(new)
        let steps = Mutex<[SlotStep]>([])
        try await installer.install(new.slot, index: new.index, source: source, missing: missing) {
            progress in
            steps.withLock { $0.append(progress.step) }
        }
        #expect(source.log.counts == (isRight ? [136] : [135, 1]))
        #expect(!steps.withLock { $0.contains(.scan) })
        #expect(try await disk.inactiveIsIntact(rootHash: new.rootHash))
    }

    /// What an install that was killed wrote is in the cache: it is flushed before anything is taken for durable.
    @Test func anInstallBeginsWithAFlush() async throws {
        await #expect(throws: Stopping.Killed.self) {
            try await install(Stopping(inner: new, after: 140))
        }
        let killed = host.disk.events.count
        #expect(host.disk.events.last != .flush)
        try await install(SampleSource(new))
        #expect(host.disk.events[killed] == .flush)
        let slots = try SlotTable(disk: host.disk, architecture: .amd64, rootHash: old.rootHash)
        let table = try slots.withEmptyInactive().table
        for isRepair in [false, true] {
            let disk = host.disk.copy()
            // Killed between the backup's write and its flush.
            let backup = try table.encoded().backup
            try disk.write(backup.bytes, at: backup.offset)
            if isRepair {
                _ = try TableWriter.repair(disk)
            } else {
                try TableWriter.write(table, to: disk, step: .clearLabels)
            }
            #expect(disk.events.count > 1 && disk.events[1] == .flush)
        }
    }

    /// A loss of power costs less than 1 % of a root of 256 MiB or more.
    @Test(arguments: [(65_536, 2), (131_072, 4), (1 << 22, 32)] as [(UInt64, Int)])
    func whatWasWrittenIsFlushedInTime(_ blocks: UInt64, _ mebibytes: Int) async throws {
        let disk = RecordedDisk(byteCount: blocks * 4096)
        let sink = BlockSink(root: disk, blockCount: blocks, missing: BlockSet(allBelow: Int(blocks))) { _ in
        }
        var written = 0
        while !disk.events.contains(.flush), written < 64 {
            try await sink.write([UInt8](repeating: 1, count: 1 << 20), at: UInt64(written) * 256)
            written += 1
        }
        #expect(written == mebibytes)
    }
}
