import BlockDevices
import BootSlots
import Bytes
import FAT
import GPT
import TestSupport
import Testing

@testable import UpdateEngine
@testable import UpdateFixtures

/// The ESP's part of an install.
@Suite struct BootFilesTests {
    let old: SampleRelease
    let new: SampleRelease
    let host: SampleHost
    let esp: any BlockDevice

    init() throws {
        old = try SampleRelease(version: "1.0.0", seed: 1, blocks: 30)
        new = try SampleRelease(version: "2.0.0", seed: 2, blocks: 30)
        host = try SampleHost(running: old)
        let part = host.table.partitions[0]
        esp = try host.disk.slice(at: part.offset, size: part.size, name: "esp")
    }

    private var files: ReleaseBootFiles {
        ReleaseBootFiles(
            esp: esp,
            image: new.image,
            contents: ByteSource(bytes: new.kernel),
            running: old.rootHash
        )
    }

    private var names: [String] { get throws { try BootSlots(esp).entries().map(\.fileName).sorted() } }

    /// Whatever else could be booted: the running system is what an update falls back on.
    @Test func aRunningTrialIsNotUpdatedFrom() throws {
        try FATWriter(esp).rename("EFI/Linux/vm_1.0.0.efi", to: "vm_1.0.0+2-1.efi")
        let third = try SampleRelease(version: "0.9.0", seed: 3, blocks: 30)
        for name in ["vm_0.9.0.efi", "rescue.efi"] {
            try FATWriter(esp).create("EFI/Linux/\(name)", contents: ByteSource(bytes: third.kernel))
        }
        host.disk.beginLog()
        #expect(throws: BootSlotsError.noGoodEntry) { try files.checkRoom() }
        #expect(throws: BootSlotsError.noGoodEntry) { try files.removeInactive() }
        #expect(host.disk.events == [])
    }

    /// A file's size becomes 1 byte, so that its chain is longer than it: firmware still boots it.
    private func damage(_ shortName: String) throws {
        let bytes = try esp.read(at: 0, count: Int(esp.byteCount))
        let wanted = Array(shortName.utf8)
        let place = try #require(
            stride(from: 0, to: bytes.count, by: 32).first { bytes[$0..<$0 + 11].elementsEqual(wanted) }
        )
        try esp.write([1, 0, 0, 0], at: UInt64(place) + 28)
    }

    @Test func anEntryThatNobodyCanReadIsAReasonToRefuse() throws {
        try FATWriter(esp).create("EFI/Linux/RESCUE.EFI", contents: ByteSource(bytes: new.kernel))
        try damage("RESCUE  EFI")
        host.disk.beginLog()
        let error = BootSlotsError.unreadable(path: "EFI/Linux/RESCUE.EFI")
        #expect(throws: error) { try files.checkRoom() }
        #expect(throws: error) { try files.removeInactive() }
        #expect(host.disk.events == [])
    }

    @Test func anotherVersionThatNobodyCanReadIsRemovedWithTheRest() throws {
        try FATWriter(esp).create("EFI/Linux/vm_0.9.0.efi", contents: ByteSource(bytes: new.kernel))
        try damage("VM_090~1EFI")
        try FATWriter(esp).create("EFI/Linux/note.efi", contents: ByteSource(bytes: [1]))
        try files.checkRoom()
        try files.removeInactive()
        #expect(try names == ["note.efi", "vm_1.0.0.efi"])
    }

    /// A program was killed between the two copies of the table; nobody has started the machine anew.
    @Test func anInstallRepairsTheFileSystemFirst() throws {
        let geometry = try FATVolume(esp.source).geometry
        let copies = try differingTables(geometry)
        #expect(copies)
        try files.checkRoom()
        #expect(try FATCheck.inspect(esp).repaired == [])
    }

    /// Takes the last cluster in the first copy of the table only.
    private func differingTables(_ geometry: FATGeometry) throws -> Bool {
        // 32 reserved sectors of 512 bytes, as mkfs.vfat makes them.
        let place = UInt64(32 * 512) + UInt64(geometry.clusterCount + 1) * 4
        try esp.write([0xff, 0xff, 0xff, 0x0f], at: place)
        return try !FATVolume(esp.source).tablesAgree()
    }
}
