import BlockDevices
import Foundation
import GPT
import Glibc
import Hashing
import Synchronization
import TestSupport
import Testing
import Verity

@testable import UpdateEngine
@testable import UpdateFixtures

@Suite struct InstallTests {
    let old: SampleRelease
    let new: SampleRelease
    let host: SampleHost

    init() throws {
        old = try SampleRelease(version: "1.0.0", seed: 1)
        new = try SampleRelease(version: "2.0.0", seed: 2, sharing: old)
        host = try SampleHost(running: old, withESP: false)
    }

    private func installer(_ disk: any BlockDevice, _ files: any BootFiles = NoBootFiles()) throws
        -> SlotInstaller
    {
        SlotInstaller(disk: try SampleHost.slots(disk, running: old), bootFiles: files) { _ in }
    }

    /// Whether veritysetup finds a slot's partitions to be those of a release.
    private func verifies(_ disk: RecordedDisk, _ slot: Slot, _ release: SampleRelease) throws -> Bool {
        let folder = try TemporaryDirectory()
        for (name, part) in [("root", slot.root), ("tree", slot.verity)] {
            try Data(disk.read(at: part.offset, count: Int(part.size))).write(
                to: URL(filePath: folder.file(name))
            )
        }
        return try runTool(
            "veritysetup",
            "verify",
            folder.file("root"),
            folder.file("tree"),
            release.rootHash.hex
        )
        .status == 0
    }

    @Test func installsAReleaseThatVeritysetupVerifies() async throws {
        let steps = Mutex<[SlotStep]>([])
        let bytes = Mutex<[SlotStep: [UInt64]]>([:])
        try await installer(host.disk).install(new.slot, index: new.index, source: SampleSource(new)) {
            progress in
            steps.withLock { if $0.last != progress.step { $0.append(progress.step) } }
            bytes.withLock { $0[progress.step, default: []].append(progress.doneBytes) }
        }
        // No step goes backwards.
        #expect(bytes.withLock { $0.values.allSatisfy { $0 == $0.sorted() } })
        #expect(
            steps.withLock { $0 } == [
                .removeEntry, .clearLabels, .scan, .blocks, .tree, .verify, .setLabels, .stage,
            ]
        )
        let slots = try SlotTable(disk: host.disk, architecture: .amd64, rootHash: old.rootHash)
        #expect(slots.findings.isEmpty)
        #expect(slots.inactive.release == "vm_2.0.0")
        #expect(slots.inactive.rootHash == new.rootHash)
        #expect(slots.active.release == "vm_1.0.0")
        #expect(try verifies(host.disk, slots.inactive, new))
        #expect(try verifies(host.disk, slots.active, old))
        // Seen from the new release it is the active one.
        let after = try SlotTable(disk: host.disk, architecture: .amd64, rootHash: new.rootHash)
        #expect(after.inactive.release == "vm_1.0.0")
    }

    @Test func aSecondInstallFetchesNothing() async throws {
        try await installer(host.disk).install(new.slot, index: new.index, source: SampleSource(new))
        let source = SampleSource(new)
        try await installer(host.disk).install(new.slot, index: new.index, source: source)
        #expect(source.log.counts == [])
        #expect(try await installer(host.disk).missingBlocks(of: new.slot, index: new.index).isEmpty)
    }

    @Test func goesOnWhereItWasStopped() async throws {
        await #expect(throws: Stopping.Killed.self) {
            try await installer(host.disk).install(
                new.slot,
                index: new.index,
                source: Stopping(inner: new, after: 70)
            )
        }
        // The slot says that it is empty, whatever it holds.
        let slots = try SlotTable(disk: host.disk, architecture: .amd64, rootHash: old.rootHash)
        #expect(slots.inactive.release == nil)
        let source = SampleSource(new)
        try await installer(host.disk).install(new.slot, index: new.index, source: source)
        // 4 blocks of zeros were right from the start.
        #expect(source.log.counts == [UInt64(140 - 4 - 70)])
    }

    /// Says that every block is right: only the root hash can tell.
    private struct BlindIndex: BlockIndex {
        func isRight(_ block: UInt64, digest: UnsafeRawBufferPointer) -> Bool { true }
    }

    @Test func aFalseMatchCostsADownloadAndNotARoot() async throws {
        let slot = host.table.partitions[3]
        try host.disk.write(sampleBytes(count: 8192, seed: 50), at: slot.offset)
        let source = SampleSource(new)
        try await installer(host.disk).install(new.slot, index: BlindIndex(), source: source)
        #expect(source.log.counts == [140])
        let slots = try SlotTable(disk: host.disk, architecture: .amd64, rootHash: old.rootHash)
        #expect(try verifies(host.disk, slots.inactive, new))
    }

    /// Delivers another release's blocks.
    private struct WrongSource: BlockSource {
        let other: SampleRelease
        func deliver(_ missing: BlockSet, to sink: BlockSink) async throws {
            for block in missing.blocks {
                try await sink.write(
                    Array(other.root[block * 4096..<(block + 1) * 4096]),
                    at: UInt64(block)
                )
            }
        }
    }

    @Test func wrongBlocksAreNeverMadeBootable() async throws {
        let error = await #expect(throws: SlotError.self) {
            try await installer(host.disk).install(
                new.slot,
                index: new.index,
                source: WrongSource(other: old)
            )
        }
        guard case .wrongRoot(let expected, _, let wrong, let first)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(expected == new.rootHash && wrong > 0 && first != nil)
        let slots = try SlotTable(disk: host.disk, architecture: .amd64, rootHash: old.rootHash)
        #expect(slots.inactive.release == nil)
    }

    /// A medium that loses writes to a block without a word, until it was written often enough.
    private final class Forgetful: BlockDevice {
        let inner: RecordedDisk
        let place: UInt64
        let losses: Mutex<Int>
        var name: String { inner.name }
        var byteCount: UInt64 { inner.byteCount }

        init(_ inner: RecordedDisk, place: UInt64, losses: Int) {
            self.inner = inner
            self.place = place
            self.losses = Mutex(losses)
        }
        func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError) {
            try inner.read(at: offset, into: buffer)
        }
        func readMedium(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
            throws(BlockDeviceError)
        {
            try inner.readMedium(at: offset, into: buffer)
        }
        func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(BlockDeviceError) {
            let isLost =
                offset <= place && place < offset + UInt64(bytes.count)
                && losses.withLock { left in
                    left -= 1
                    return left >= 0
                }
            if !isLost { try inner.write(bytes, at: offset) }
        }
        func flush() throws(BlockDeviceError) { try inner.flush() }
    }

    @Test func aWriteThatTheMediumLostIsSeenAndRepeated() async throws {
        let place = host.table.partitions[3].offset + 30 * 4096
        let disk = Forgetful(host.disk, place: place, losses: 1)
        let source = SampleSource(new, run: 1)
        try await installer(disk).install(new.slot, index: new.index, source: source)
        #expect(source.log.counts == [136, 1])
        let bad = Forgetful(try SampleHost(running: old, withESP: false).disk, place: place, losses: 1000)
        let error = await #expect(throws: SlotError.self) {
            try await installer(bad).install(new.slot, index: new.index, source: SampleSource(new, run: 1))
        }
        guard case .wrongRoot(_, _, 1, 30)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func everyFailingWriteEndsInANamedErrorAndTheNextTryWorks() async throws {
        let probe = host.disk.copy()
        try await installer(probe).install(new.slot, index: new.index, source: SampleSource(new, run: 8))
        let count = probe.events.count
        var tried = 0
        for event in stride(from: 0, to: count, by: max(1, count / 24)) {
            let disk = host.disk.copy()
            disk.fail(event: event, errno: event % 2 == 0 ? EIO : EROFS)
            let error = await #expect(throws: SlotError.self) {
                try await installer(disk).install(
                    new.slot,
                    index: new.index,
                    source: SampleSource(new, run: 8)
                )
            }
            guard case .disk(_, let reason)? = error else {
                Issue.record("event \(event): \(String(describing: error))")
                continue
            }
            switch reason {
            case .write(_, _, _, let number), .flush(_, let number): #expect([EIO, EROFS].contains(number))
            default: Issue.record("\(reason)")
            }
            try await installer(disk).install(new.slot, index: new.index, source: SampleSource(new, run: 8))
            tried += 1
        }
        #expect(tried >= 20)
    }

    @Test func whatCannotBeInstalledIsRefusedBeforeAnythingIsWritten() async throws {
        func refusal(_ release: SampleRelease, _ slot: SlotRelease? = nil) async -> SlotError? {
            await #expect(throws: SlotError.self) {
                try await installer(host.disk).install(
                    slot ?? release.slot,
                    index: release.index,
                    source: SampleSource(release)
                )
            }
        }
        #expect(await refusal(old) == .alreadyActive(rootHash: old.rootHash))
        let large = try SampleRelease(version: "3.0.0", seed: 3, blocks: 513)
        #expect(
            await refusal(large)
                == .tooLarge(what: "root file system", needed: 513 * 4096, available: 2 << 20)
        )
        let long = String(repeating: "x", count: 37)
        let unnamed = SlotRelease(label: long, rootHash: new.rootHash, parameters: new.parameters)
        #expect(await refusal(new, unnamed) == .label(long))
        let empty = SlotRelease(label: "_empty", rootHash: new.rootHash, parameters: new.parameters)
        #expect(await refusal(new, empty) == .label("_empty"))
        #expect(host.disk.events.isEmpty)
    }

    private struct FullESP: BootFiles {
        struct Full: Error, CustomStringConvertible { var description: String { "no room" } }
        func checkRoom() throws { throw Full() }
        func removeInactive() throws {}
        func stage() throws {}
    }

    @Test func aFullESPIsNamedBeforeAnythingIsWritten() async throws {
        let error = await #expect(throws: SlotError.self) {
            try await installer(host.disk, FullESP()).install(
                new.slot,
                index: new.index,
                source: SampleSource(new)
            )
        }
        #expect(error == .esp(.removeEntry, reason: "no room"))
        #expect(host.disk.events.isEmpty)
    }

    @Test func cancellingStopsBetweenBlocks() async throws {
        let disk = host.disk
        let task = Task {
            try await installer(disk).install(new.slot, index: new.index, source: SampleSource(new, run: 1)) {
                if $0.step == .blocks, $0.doneBytes >= 20 * 4096 { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        let result = await task.result
        #expect(throws: SlotError.cancelled(.blocks)) { try result.get() }
        let slots = try SlotTable(disk: disk, architecture: .amd64, rootHash: old.rootHash)
        #expect(slots.inactive.release == nil)
        let missing = try await installer(disk).missingBlocks(of: new.slot, index: new.index)
        #expect(missing.count == 136 - 20)
    }

    @Test func badDeliveriesAreRefused() async throws {
        let sink = BlockSink(root: host.disk, blockCount: 10, missing: BlockSet(allBelow: 10)) { _ in }
        await #expect(throws: SlotError.badDelivery(firstBlock: 9, byteCount: 8192, blockCount: 10)) {
            try await sink.write([UInt8](repeating: 0, count: 8192), at: 9)
        }
        await #expect(throws: SlotError.badDelivery(firstBlock: .max, byteCount: 4096, blockCount: 10)) {
            try await sink.write([UInt8](repeating: 0, count: 4096), at: .max)
        }
        await #expect(throws: SlotError.badDelivery(firstBlock: 0, byteCount: 100, blockCount: 10)) {
            try await sink.write([UInt8](repeating: 0, count: 100), at: 0)
        }
        await #expect(throws: SlotError.missingBlocks(count: 10, first: 0)) { try await sink.finish() }
        #expect(host.disk.events.isEmpty)
    }

    @Test func aRootOfOneBlockHasNoTree() async throws {
        let one = try SampleRelease(version: "4.0.0", seed: 4, blocks: 1)
        try await installer(host.disk).install(one.slot, index: one.index, source: SampleSource(one))
        let slots = try SlotTable(disk: host.disk, architecture: .amd64, rootHash: old.rootHash)
        #expect(try verifies(host.disk, slots.inactive, one))
    }
}
