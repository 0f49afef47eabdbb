import BlockDevices
import GPT
import Glibc
import Hashing
import TestSupport
import Testing
import Verity

@testable import UpdateEngine
@testable import UpdateFixtures

@Suite struct VerificationTests {
    /// The leaves of the running slot are those of its tree, if the tree is that of its root hash.
    @Test func theActiveLeavesAreProven() throws {
        for blocks in [128, 129, 140] {
            let running = try SampleRelease(version: "1.0.0", seed: 1, blocks: blocks)
            let host = try SampleHost(running: running, withESP: false)
            let leaves = try SampleHost.slots(host.disk, running: running).activeLeaves(running.parameters)
            let index = running.index
            #expect(leaves?.count == blocks)
            for (block, leaf) in (leaves ?? []).enumerated() {
                let digest = withUnsafeBytes(of: leaf.littleEndian) { Array($0) }
                #expect(digest.withUnsafeBytes { index.isRight(UInt64(block), digest: $0) })
            }
            // A tree with one other bit in the top level, in the leaves, or in the superblock.
            let tree = host.table.partitions[2].offset
            for place in [tree + 88, tree + 4096, tree + UInt64(running.tree.count) - 4096] {
                let damaged = host.disk.copy()
                let byte = try damaged.read(at: place, count: 1)
                try damaged.write([byte[0] ^ 1], at: place)
                #expect(
                    try SampleHost.slots(damaged, running: running).activeLeaves(running.parameters) == nil
                )
            }
        }
        // One block has no tree.
        let one = try SampleRelease(version: "1.0.0", seed: 1, blocks: 1)
        let host = try SampleHost(running: one, withESP: false)
        #expect(try SampleHost.slots(host.disk, running: one).activeLeaves(one.parameters) == nil)
    }

    /// Root and tree of the slot that is not running, each block, as its medium holds them and not the cache.
    @Test func theOtherSlotIsProvenWhole() async throws {
        let old = try SampleRelease(version: "1.0.0", seed: 1)
        let new = try SampleRelease(version: "2.0.0", seed: 2, sharing: old)
        let host = try SampleHost(running: old, withESP: false)
        let disk = try SampleHost.slots(host.disk, running: old)
        try await SlotInstaller(disk: disk, bootFiles: NoBootFiles()) { _ in }
            .install(new.slot, index: new.index, source: SampleSource(new))
        func isIntact(_ disk: any BlockDevice, _ hash: SHA256Digest) async throws -> Bool {
            try await SampleHost.slots(disk, running: old).inactiveIsIntact(rootHash: hash)
        }
        #expect(try await isIntact(host.disk, new.rootHash))
        #expect(try await !isIntact(host.disk, old.rootHash))
        let slot = try SlotTable(disk: host.disk, architecture: .amd64, rootHash: old.rootHash).inactive
        let lastBlock = slot.root.offset + UInt64(new.root.count) - 1
        let lastLeaf = slot.verity.offset + UInt64(new.tree.count) - 1
        let salt = slot.verity.offset + 88
        for place in [slot.root.offset, lastBlock, salt, lastLeaf] {
            let damaged = host.disk.copy()
            let byte = try damaged.read(at: place, count: 1)
            try damaged.write([byte[0] ^ 1], at: place)
            #expect(try await !isIntact(damaged, new.rootHash))
            #expect(try await !isIntact(Cached(cache: host.disk, medium: damaged), new.rootHash))
        }
        let unreadable = host.disk.copy()
        try unreadable.write([0], at: slot.verity.offset)
        await #expect(throws: VerityError.superblock(.signature)) {
            try await isIntact(unreadable, new.rootHash)
        }
    }

    /// A device whose cache holds something else than its medium.
    private struct Cached: BlockDevice {
        let cache: RecordedDisk
        let medium: RecordedDisk
        var name: String { cache.name }
        var byteCount: UInt64 { cache.byteCount }

        func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError) {
            try cache.read(at: offset, into: buffer)
        }
        func readMedium(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
            throws(BlockDeviceError)
        {
            // As a device does that is read past the cache.
            guard offset.isMultiple(of: 4096), buffer.count.isMultiple(of: 4096) else {
                throw .read(device: name, offset: offset, count: buffer.count, errno: EINVAL)
            }
            try medium.read(at: offset, into: buffer)
        }
        func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(BlockDeviceError) {
            throw .write(device: name, offset: offset, count: bytes.count, errno: EROFS)
        }
        func flush() throws(BlockDeviceError) {}
    }
}
