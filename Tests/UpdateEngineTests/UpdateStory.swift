import BlockDevices
import BootSlots
import Bytes
import FAT
import Hashing
import TestSupport

@testable import UpdateEngine
@testable import UpdateFixtures

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

/// Updates from one release to another, in the parts between which the machine does something of its own.
struct UpdateStory {
    /// A part: the disk before it, and what was done to it.
    struct Part {
        let name: String
        let before: RecordedDisk
        let running: SampleRelease
        let next: SampleRelease
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

    /// The ESP without a guard, for what the firmware does.
    private static func firmware(_ disk: RecordedDisk) throws -> FATWriter {
        try FATWriter(disk.slice(at: 1 << 20, size: 36 << 20, name: "esp"))
    }

    /// Does something and keeps what was written.
    private static func part(
        _ name: String,
        on disk: RecordedDisk,
        running: SampleRelease,
        next: SampleRelease,
        _ body: () async throws -> Void
    ) async throws -> Part {
        let before = disk.copy()
        disk.beginLog()
        try await body()
        return Part(name: name, before: before, running: running, next: next, events: disk.events)
    }

    /// Install, activate, the loader's first try, bless; the disk is changed.
    static func update(to new: SampleRelease, on disk: RecordedDisk, running: SampleRelease) async throws
        -> [Part]
    {
        var parts = [
            try await part("install", on: disk, running: running, next: new) {
                try await install(new, on: disk, running: running)
            },
            try await part("activate", on: disk, running: running, next: new) {
                try activate(new, on: disk, running: running)
            },
        ]
        // What systemd-boot does on the way: its writes are the firmware's and not ours to judge.
        try firmware(disk).rename("EFI/Linux/\(new.label)+3.efi", to: "\(new.label)+2-1.efi")
        parts.append(
            try await part("bless", on: disk, running: new, next: new) {
                let slots = try SampleHost.slots(disk, running: new)
                let path = "\\EFI\\Linux\\\(new.label)+2-1.efi"
                try BootSlots(slots.esp).bless(RunningBoot(rootHash: new.rootHash, bootCountPath: path))
            }
        )
        return parts
    }

    /// Install, activate, deactivate, activate again, and three tries that fail; the disk is changed.
    static func failedUpdate(to new: SampleRelease, on disk: RecordedDisk, running: SampleRelease)
        async throws -> [Part]
    {
        var parts = [
            try await part("install", on: disk, running: running, next: new) {
                try await install(new, on: disk, running: running)
            }
        ]
        for name in ["activate", "deactivate", "activate"] {
            parts.append(
                try await part(name, on: disk, running: running, next: new) {
                    if name == "activate" { return try activate(new, on: disk, running: running) }
                    let slots = try SampleHost.slots(disk, running: running)
                    try BootSlots(slots.esp).deactivate(variant: "vm", version: new.version)
                }
            )
        }
        for (before, after) in [("+3", "+2-1"), ("+2-1", "+1-2"), ("+1-2", "+0-3")] {
            try firmware(disk).rename("EFI/Linux/\(new.label)\(before).efi", to: "\(new.label)\(after).efi")
        }
        return parts
    }
}
