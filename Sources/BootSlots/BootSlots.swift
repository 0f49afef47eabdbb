public import BlockDevices
public import Bytes
public import Hashing
import UKI

/// The boot entries on an EFI system partition and the plain copies of staged UKIs beside them.
///
/// `EFI/Linux/VARIANT_VERSION[+LEFT[-DONE]].efi` are the entries that systemd-boot lists: only one on trial carries a
/// counter. `EFI/bulkhead/VARIANT_VERSION.efi` are plain copies that nothing boots. The partition is not mounted:
/// `FATWriter` changes it on the device. Every change refuses to leave the partition without a good entry, and none of
/// them writes to the good entry's clusters or slots, except to move its slots to another place with the rest of its
/// folder in one write.
public struct BootSlots: Sendable {
    /// Where systemd-boot looks for entries.
    public static let entryFolder = "EFI/Linux"
    /// Where plain copies of staged UKIs are.
    public static let stageFolder = "EFI/bulkhead"
    /// The largest UKI: what the image build accepts for this architecture, because its size is boot time.
    public static let maximumUKISize = UKISizeLimit.thisMachine
    /// How often a new version is tried.
    public static let tries = 3

    let device: any BlockDevice

    /// The boot entries of a partition, which starts at offset 0 of the device.
    public init(_ device: any BlockDevice) { self.device = device }

    /// Puts a plain copy of a UKI under `EFI/bulkhead`, reads it back from the medium and compares the digest.
    ///
    /// Copies of other versions are removed first. Room is needed for this copy and for the entry that `activate`
    /// makes of it. Does nothing if the copy is there already.
    /// - Throws: `BootSlotsError`; nothing that boots has changed then.
    public func stage(_ image: StagedImage, contents: ByteSource) throws(BootSlotsError) {
        try stageCopy(image, contents: contents)
    }

    /// Creates the entry of a staged UKI, with all its tries to come.
    ///
    /// Does nothing if the entry is there already, tried or not. A counted entry of the version that is for another
    /// UKI is removed first.
    /// - Parameter installed: the root hashes that the disk's slots carry: an entry for another one would not boot.
    /// - Throws: `BootSlotsError`; among others `.notStaged`, `.notInstalled`, `.digestMismatch`, `.noGoodEntry`.
    public func activate(_ image: StagedImage, installed: Set<SHA256Digest>, tries: Int = BootSlots.tries)
        throws(BootSlotsError)
    {
        try createEntry(image, installed: installed, tries: tries)
    }

    /// Removes the entry on trial of a version; its plain copy stays, so that it can be activated again.
    ///
    /// Does nothing if there is no such entry.
    /// - Throws: `BootSlotsError`; `.notOnTrial` if the version is committed.
    public func deactivate(variant: String, version: String) throws(BootSlotsError) {
        try removeTrial(variant: variant, version: version)
    }

    /// Commits the entry that is running on trial: its counter goes, and then its plain copy.
    ///
    /// Does nothing but remove the copy if the entry was committed already.
    /// - Throws: `BootSlotsError`; `.notCounted` unless the loader says that it counted this boot, and
    ///   `.notTheRunningSystem` unless the entry's UKI is for the root that is running.
    public func bless(_ boot: RunningBoot) throws(BootSlotsError) { try commit(boot) }

    /// Removes an entry by its file name, good or not, before its slot is written.
    ///
    /// - Throws: `BootSlotsError`; `.noGoodEntry` if no other good entry is left, `.isRunning` if the entry's UKI is
    ///   for the running root.
    public func removeEntry(_ fileName: String, running rootHash: SHA256Digest) throws(BootSlotsError) {
        try remove(fileName, running: rootHash)
    }

    /// Removes the entry of the running version, so that the next boot is that of the other good entry.
    ///
    /// - Throws: `BootSlotsError`; `.noGoodEntry` if no good entry for another root is left.
    public func rollBack(running rootHash: SHA256Digest) throws(BootSlotsError) {
        try removeRunning(rootHash)
    }

    /// Removes the plain copy of a version; does nothing if there is none.
    ///
    /// - Throws: `BootSlotsError`.
    public func removeStaged(variant: String, version: String) throws(BootSlotsError) {
        try removeCopy(variant: variant, version: version)
    }

    /// Puts right what a loss of power, a firmware or another system left, and says what it found and did.
    ///
    /// - Parameters:
    ///   - boot: what is running, and what the loader says of it.
    ///   - expected: the version that the recorded state says is on trial, also if it is what is running; nil if
    ///     none is.
    ///   - installed: the root hashes that the disk's slots carry: no entry is made or kept on trial for another one.
    /// - Throws: `BootSlotsError`; `.noGoodEntry` if there is nothing to fall back on, in which case only the file
    ///   system was repaired.
    public func repair(_ boot: RunningBoot, expected: ExpectedTrial?, installed: Set<SHA256Digest>)
        throws(BootSlotsError) -> [BootSlotsFinding]
    {
        try repairEntries(boot, expected: expected, installed: installed)
    }

    /// Repairs only the file system, as every change does before it begins, and nothing if it is sound.
    ///
    /// - Throws: `BootSlotsError.fileSystem`.
    public func repairFileSystem() throws(BootSlotsError) { _ = try begin() }

    /// Makes sure that there is a good entry for a root.
    ///
    /// - Throws: `BootSlotsError.noGoodEntry`.
    public func requireGoodEntry(of rootHash: SHA256Digest) throws(BootSlotsError) {
        try requireGoodEntry { $0.image?.rootHash == rootHash }
    }
}
