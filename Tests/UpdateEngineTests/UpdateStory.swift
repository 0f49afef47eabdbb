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
        /// What runs, or is booted if the trial is lost.
        let running: SampleRelease
        /// What is installed.
        let next: SampleRelease
        /// What was there before: what a committed update falls back on.
        let old: SampleRelease
        /// Whether the record says that the release is on trial.
        let isReady: Bool
        var isFirmware = false
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
    static func repair(_ disk: any BlockDevice, after part: Part) throws {
        _ = try TableWriter.repair(disk)
        let slots = try SampleHost.slots(disk, running: part.running)
        let isTrial = part.running.version == part.next.version
        _ = try BootSlots(slots.esp).repair(
            isTrial
                ? trialBoot(part.next) : RunningBoot(rootHash: part.running.rootHash, bootCountPath: nil),
            expected: part.isReady ? ExpectedTrial(image: part.next.image, tries: 1) : nil,
            installed: slots.slots.rootHashes
        )
    }

    static func activate(_ new: SampleRelease, on disk: any BlockDevice, running: SampleRelease) throws {
        let slots = try SampleHost.slots(disk, running: running)
        try BootSlots(slots.esp).activate(new.image, installed: slots.slots.rootHashes)
    }

    static func bless(_ new: SampleRelease, on disk: any BlockDevice) throws {
        try BootSlots(SampleHost.slots(disk, running: new).esp).bless(trialBoot(new))
    }

    private static func trialBoot(_ release: SampleRelease) -> RunningBoot {
        let path = "\\EFI\\Linux\\\(release.label)+2-1.efi"
        return RunningBoot(rootHash: release.rootHash, bootCountPath: path)
    }

    /// What is done in a part, by its name.
    private static func run(
        _ name: String,
        _ new: SampleRelease,
        on disk: RecordedDisk,
        running: SampleRelease
    )
        async throws
    {
        switch name {
        case "install", "install again": try await install(new, on: disk, running: running)
        case "activate": try activate(new, on: disk, running: running)
        case "deactivate":
            let slots = try SampleHost.slots(disk, running: running)
            try BootSlots(slots.esp).deactivate(variant: "vm", version: new.version)
        case "bless": try bless(new, on: disk)
        default:
            // A try: the name's counter before and after it.
            let counters = name.split(separator: " ")
            // The ESP without a guard: it is the firmware that writes.
            let esp = try disk.slice(at: 1 << 20, size: 36 << 20, name: "esp")
            try Firmware.rename(
                "EFI/Linux/\(new.label)\(counters[0]).efi",
                to: "\(new.label)\(counters[1]).efi",
                on: esp
            )
        }
    }

    /// Does things and keeps what was written; the disk is changed.
    private static func parts(
        _ names: [String],
        _ new: SampleRelease,
        on disk: RecordedDisk,
        running: SampleRelease
    ) async throws -> [Part] {
        var parts: [Part] = []
        for name in names {
            let before = disk.copy()
            disk.beginLog()
            try await run(name, new, on: disk, running: running)
            parts.append(
                Part(
                    name: name.hasPrefix("+") ? "try" : name,
                    before: before,
                    running: name == "bless" ? new : running,
                    next: new,
                    old: running,
                    isReady: !["install", "activate"].contains(name),
                    isFirmware: name.hasPrefix("+"),
                    events: disk.events
                )
            )
        }
        return parts
    }

    /// Install, activate, the loader's first try, bless.
    static func update(to new: SampleRelease, on disk: RecordedDisk, running: SampleRelease) async throws
        -> [Part]
    {
        try await parts(["install", "activate", "+3 +2-1", "bless"], new, on: disk, running: running)
    }

    /// Install, activate, the same once more, deactivate, activate again, and three tries that fail.
    static func failedUpdate(to new: SampleRelease, on disk: RecordedDisk, running: SampleRelease)
        async throws -> [Part]
    {
        let names = ["install", "activate", "install again", "activate", "deactivate", "activate"]
        return try await parts(
            names + ["+3 +2-1", "+2-1 +1-2", "+1-2 +0-3"],
            new,
            on: disk,
            running: running
        )
    }
}
