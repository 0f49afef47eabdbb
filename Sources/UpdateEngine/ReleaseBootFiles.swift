public import BlockDevices
import BootEntries
public import BootSlots
public import Bytes
import FAT
public import Hashing

/// The ESP's part of an install, for one release's kernel image.
public struct ReleaseBootFiles: BootFiles {
    private let esp: any BlockDevice
    private let slots: BootSlots
    private let image: StagedImage
    private let contents: ByteSource
    private let running: SHA256Digest

    /// The boot files of a release.
    ///
    /// - Parameters:
    ///   - esp: The guarded ESP, `SlotDisk.esp`.
    ///   - image: The kernel image as the release describes it.
    ///   - contents: Its bytes.
    ///   - running: The root hash of the running system, whose entry is left alone.
    public init(esp: any BlockDevice, image: StagedImage, contents: ByteSource, running: SHA256Digest) {
        self.esp = esp
        slots = BootSlots(esp)
        self.image = image
        self.contents = contents
        self.running = running
    }

    /// Makes sure that the kernel image fits twice, staged and as an entry, when the inactive slot's files are gone, and
    /// that the running system has a good entry to fall back on.
    ///
    /// Repairs the file system first: a program that was killed may have left clusters that belong to nobody.
    /// - Throws: `BootSlotsError` or `FATError`.
    public func checkRoom() throws {
        try slots.repairFileSystem()
        try slots.requireGoodEntry(of: running)
        let volume = try FATWriter(esp)
        let files = try inactiveEntries() + slots.staged()
        let freed = files.reduce(0) { $0 + volume.allocation(for: $1.size) }
        // Besides both copies, both folders may have to grow.
        let needed = 2 * volume.allocation(for: image.size) + 4 * volume.allocation(for: 1)
        let free = try volume.freeBytes() + freed
        guard needed <= free else { throw BootSlotsError.noSpace(needed: needed, free: free) }
    }

    /// Removes the boot entries of other roots than the running one, and their staged copies.
    ///
    /// What is no kernel image of ours is left alone, unless its name says that it is on trial.
    /// - Throws: `BootSlotsError`; `.noGoodEntry` if the running system is itself still on trial, `.unreadable` if
    ///   nobody can tell what an entry boots.
    public func removeInactive() throws {
        try slots.requireGoodEntry(of: running)
        for entry in try inactiveEntries() { try slots.removeEntry(entry.fileName, running: running) }
        for copy in try slots.staged() {
            guard let name = copy.name?.variantAndVersion, name != (image.variant, image.version) else {
                continue
            }
            try slots.removeStaged(variant: name.variant, version: name.version)
        }
    }

    /// Stages the kernel image under `EFI/bulkhead` and reads it back.
    ///
    /// - Throws: `BootSlotsError`.
    public func stage() throws { try slots.stage(image, contents: contents) }

    private func inactiveEntries() throws -> [EntryState] {
        try slots.entries().filter { entry in
            if entry.image?.rootHash == running { return false }
            // The running root has a readable entry, so one of the same variant that is not is for another version.
            let isOurs = entry.name?.variantAndVersion?.variant == image.variant
            if entry.image != nil || entry.isCounted || entry.hasLostItsName { return true }
            guard entry.isReadable || isOurs || entry.name == nil else {
                throw BootSlotsError.unreadable(path: entry.path)
            }
            return !entry.isReadable && isOurs
        }
    }
}
