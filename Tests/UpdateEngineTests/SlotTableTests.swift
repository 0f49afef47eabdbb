import BlockDevices
import Foundation
import GPT
import Glibc
import TestSupport
import Testing

@testable import UpdateEngine
@testable import UpdateFixtures

@Suite struct SlotTableTests {
    let release: SampleRelease
    let host: SampleHost

    init() throws {
        release = try SampleRelease(version: "1.0.0", seed: 1, blocks: 3)
        host = try SampleHost(running: release, withESP: false)
    }

    private func table(_ partitions: [Int]? = nil) throws(SlotError) -> SlotTable {
        try SlotTable(
            disk: host.disk,
            architecture: .amd64,
            rootHash: release.rootHash,
            partitions: partitions
        )
    }

    @Test func tellsTheActiveSlotByItsRootHash() throws {
        let slots = try table([2, 3])
        #expect(slots.active.root.number == 2 && slots.active.verity.number == 3)
        #expect(slots.inactive.root.number == 4 && slots.inactive.release == nil)
        #expect(slots.esp.number == 1)
        let other = try SampleRelease(version: "9", seed: 9, blocks: 1)
        #expect(throws: SlotError.noActiveSlot(device: "/dev/vda", rootHash: other.rootHash)) {
            try SlotTable(disk: host.disk, architecture: .amd64, rootHash: other.rootHash)
        }
    }

    @Test func otherLayoutsAreRefused() throws {
        #expect(throws: SlotError.self) { try table([4, 5]) }
        #expect(throws: SlotError.self) {
            try SlotTable(disk: host.disk, architecture: .arm64, rootHash: release.rootHash)
        }
        #expect(throws: SlotError.self) {
            try SlotTable(
                disk: RecordedDisk(byteCount: 1 << 20),
                architecture: .amd64,
                rootHash: release.rootHash
            )
        }
    }

    @Test func aDamagedCopyIsWrittenFromTheOtherOne() throws {
        for (offset, copy) in [(UInt64(512), GPTCopy.primary), (host.disk.byteCount - 512, .backup)] {
            let disk = host.disk.copy()
            try disk.write([UInt8](repeating: 0xaa, count: 512), at: offset)
            disk.beginLog()
            let findings = try TableWriter.repair(disk)
            guard case .damaged(copy, _)? = findings.first else {
                Issue.record("\(findings)")
                continue
            }
            #expect(findings.count == 1)
            // One write and one flush: the good copy is not touched.
            #expect(disk.events.count == 2)
            #expect(disk.pages.map(\.bytes) == host.disk.pages.map(\.bytes))
            #expect(try TableWriter.repair(disk) == [])
            #expect(disk.events.count == 2)
        }
    }

    @Test func theOnlyGoodCopyIsNotChangedBeforeTheOtherIsWhole() throws {
        let disk = host.disk.copy()
        try disk.write([UInt8](repeating: 0xaa, count: 512), at: 512)
        disk.beginLog()
        let slots = try SlotTable(disk: disk, architecture: .amd64, rootHash: release.rootHash)
        try TableWriter.write(
            slots.withInactive(label: "x", rootHash: release.rootHash.swapped).table,
            to: disk,
            step: .setLabels
        )
        let offsets = disk.events.compactMap { if case .write(let offset, _) = $0 { offset } else { nil } }
        #expect(offsets == [512, disk.byteCount - 33 * 512, 512])
    }

    @Test func aMediumThatDoesNotKeepTheTableIsNamed() throws {
        let slots = try table()
        let deaf = FaultyDisk(host.disk, [.deaf])
        #expect(throws: SlotError.self) {
            try TableWriter.write(slots.withEmptyInactive().table, to: deaf, step: .clearLabels)
        }
    }

    @Test func theGuardRefusesEverythingButItsRanges() throws {
        let slots = try SlotDisk(host.disk, slots: table())
        let parts = host.table.partitions
        func refused(_ offset: UInt64, _ count: Int) {
            #expect(
                throws: BlockDeviceError.write(device: "/dev/vda", offset: offset, count: count, errno: EPERM)
            ) {
                try slots.device.write([UInt8](repeating: 1, count: count), at: offset)
            }
        }
        // The active slot, state, what lies between partitions, and across every border.
        for index in [1, 2, 5] { refused(parts[index].offset, 512) }
        for index in [0, 3] {
            refused(parts[index].offset - 512, 1024)
            refused(parts[index].end - 512, 1024)
        }
        refused(34 * 512, 512)
        refused(host.disk.byteCount - 34 * 512, 1024)
        #expect(host.disk.events.isEmpty)
        for index in [0, 3, 4] { try slots.device.write([1], at: parts[index].end - 1) }
        try slots.device.write([1], at: 512)
        try slots.device.write([1], at: host.disk.byteCount - 1)
        #expect(host.disk.events.count == 5)
        #expect(throws: BlockDeviceError.self) { try slots.activeRoot.write([1], at: 0) }
        #expect(throws: BlockDeviceError.self) { try slots.esp.write([1], at: slots.esp.byteCount) }
    }

    @Test func theRootsDiskIsFollowedThroughTheDeviceTree() throws {
        let folder = try TemporaryDirectory()
        let sysfs = folder.path
        func put(_ path: String, _ text: String) throws {
            let url = URL(filePath: "\(sysfs)/\(path)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try text.write(to: url, atomically: false, encoding: .utf8)
        }
        func link(_ path: String, _ target: String) throws {
            let url = URL(filePath: "\(sysfs)/\(path)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try FileManager.default.createSymbolicLink(
                atPath: url.path,
                withDestinationPath: "\(sysfs)/\(target)"
            )
        }
        // Two disks with the same image: the root is on the second one.
        for disk in ["vda", "nvme0n1"] {
            let prefix = disk == "vda" ? "vda" : "nvme0n1p"
            for number in 1...5 { try put("devices/\(disk)/\(prefix)\(number)/partition", "\(number)\n") }
            try put("devices/\(disk)/queue/logical_block_size", disk == "vda" ? "512\n" : "4096\n")
            try link("class/block/\(disk)", "devices/\(disk)")
        }
        try link("devices/dm-0/slaves/nvme0n1p5", "devices/nvme0n1/nvme0n1p5")
        try link("devices/dm-0/slaves/nvme0n1p4", "devices/nvme0n1/nvme0n1p4")
        try link("dev/block/253:0", "devices/dm-0")
        let disk = try RootDisk.find(device: "253:0", sysfs: sysfs)
        #expect(disk == RootDisk(name: "nvme0n1", partitions: [4, 5], sectorSize: .bytes4096))
        #expect(disk.path == "/dev/nvme0n1")
        #expect(disk.path(ofPartition: 1) == "/dev/nvme0n1p1")
        try link("devices/dm-1/slaves/nvme0n1p5", "devices/nvme0n1/nvme0n1p5")
        try link("devices/dm-1/slaves/vda4", "devices/vda/vda4")
        try link("dev/block/253:1", "devices/dm-1")
        #expect(throws: SlotError.self) { try RootDisk.find(device: "253:1", sysfs: sysfs) }
        #expect(throws: SlotError.self) { try RootDisk.find(device: "8:0", sysfs: sysfs) }
        #expect(throws: SlotError.self) { try RootDisk.running(root: "/nowhere", sysfs: sysfs) }
        // What udev is told.
        for number in [4, 5] {
            try link("class/block/nvme0n1p\(number)", "devices/nvme0n1/nvme0n1p\(number)")
            try put("devices/nvme0n1/nvme0n1p\(number)/uevent", "")
        }
        #expect(DeviceEvents.changed(disk: "nvme0n1", partitions: [4, 5], sysfs: sysfs) == [])
        #expect(
            try String(contentsOfFile: "\(sysfs)/class/block/nvme0n1p5/uevent", encoding: .utf8) == "change"
        )
        #expect(DeviceEvents.changed(disk: "vda", partitions: [4], sysfs: sysfs).count == 1)
    }
}
