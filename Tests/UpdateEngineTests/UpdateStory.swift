import BlockDevices
import BootSlots
import Bytes
import FAT
import Hashing
import TestSupport

@testable import UpdateEngine

extension SampleRelease {
    /// The kernel image as a release describes it.
    var image: StagedImage {
        StagedImage(
            variant: "vm",
            version: version,
            size: UInt64(kernel.count),
            sha256: SHA256Digest(hashing: kernel),
            rootHash: rootHash
        )
    }
}

/// One update from a running release to another, in the parts between which the machine does something of its own.
struct UpdateStory {
    /// A part: the disk before it, and what was done to it.
    struct Part {
        let name: String
        let before: RecordedDisk
        let running: SampleRelease
        let events: [RecordedDisk.Event]
    }

    /// Installs a release on a disk.
    static func install(_ new: SampleRelease, on disk: any BlockDevice, running: SampleRelease) async throws {
        let slots = try SampleHost.slots(disk, running: running)
        let files = ReleaseBootFiles(
            esp: slots.esp,
            image: new.image,
            contents: ByteSource(bytes: new.kernel),
            running: running.rootHash
        )
        try await SlotInstaller(disk: slots, bootFiles: files) { _ in }
            .install(new.slot, index: new.index, source: SampleSource(new))
    }

    /// Repairs what a cut left, as at every boot; the table first, then the ESP.
    static func repair(_ disk: any BlockDevice, running: SampleRelease) throws {
        _ = try TableWriter.repair(disk)
        let slots = try SampleHost.slots(disk, running: running)
        _ = try BootSlots(slots.esp).repair(
            RunningBoot(rootHash: running.rootHash, bootCountPath: nil),
            expected: nil
        )
    }

    static func activate(_ new: SampleRelease, on disk: any BlockDevice, running: SampleRelease) throws {
        let slots = try SampleHost.slots(disk, running: running)
        try BootSlots(slots.esp).activate(new.image)
    }

    /// Install, activate, the loader's first try, bless; the disk is changed.
    static func run(_ new: SampleRelease, on disk: RecordedDisk, running: SampleRelease) async throws -> [Part] {
        var parts: [Part] = []
        func part(_ name: String, _ running: SampleRelease, _ body: () async throws -> Void) async throws {
            let before = disk.copy()
            disk.beginLog()
            try await body()
            parts.append(Part(name: name, before: before, running: running, events: disk.events))
        }
        try await part("install", running) { try await install(new, on: disk, running: running) }
        try await part("activate", running) { try activate(new, on: disk, running: running) }
        // What systemd-boot does on the way: its writes are the firmware's and not ours to judge.
        let esp = try disk.slice(at: 1 << 20, size: 36 << 20, name: "esp")
        try FATWriter(esp).rename("EFI/Linux/\(new.label)+3.efi", to: "\(new.label)+2-1.efi")
        try await part("bless", new) {
            let slots = try SampleHost.slots(disk, running: new)
            let path = "\\EFI\\Linux\\\(new.label)+2-1.efi"
            try BootSlots(slots.esp).bless(RunningBoot(rootHash: new.rootHash, bootCountPath: path))
        }
        return parts
    }
}
