import BootEntries
import BootSlots
import Hashing
import HostAPI
import UpdateEngine
import Verity

extension Updater {
    /// Takes the boot entry of the running release away, so that the next boot is that of the release in the other slot.
    ///
    /// Before, the other slot is read and verified as a whole. systemd-boot takes the highest version, so that nothing
    /// else than the entry's absence makes it take the older one; `default` is never set (DESIGN.md, section 4). The
    /// running release counts as failed here: it is only taken again when it is asked for.
    ///
    /// - Returns: the version that the next boot takes.
    /// - Throws: `UpdaterError.nothingToReturnTo` unless the other slot holds a release that was committed once.
    public func rollBack() async throws(UpdaterError) -> String {
        if let atWork { throw .busy(atWork.kind) }
        atWork = (.deactivate, {})
        defer { atWork = nil }
        let disk = try openSlots()
        let slots = BootSlots(disk.esp)
        let entries: [EntryState]
        do throws(BootSlotsError) { entries = try slots.entries() } catch { throw .disk(error.description) }
        guard let rootHash = disk.slots.inactive.rootHash else {
            throw .nothingToReturnTo(reason: "the other slot is empty")
        }
        guard let entry = entries.first(where: { $0.isGood && $0.image?.rootHash == rootHash }),
            let version = entry.name?.variantAndVersion?.version
        else {
            throw .nothingToReturnTo(
                reason: "'\(disk.slots.inactive.release ?? "")' in the other slot was never committed here"
            )
        }
        try await verify(disk, rootHash)
        // First the record: the entry is what counts, and without a word about it the host would update itself back to
        // what the operator left.
        let before = record
        let running = environment.system.rootHash
        do throws(UpdaterError) {
            try leaveRunning("the operator went back from it to \(version)")
            do throws(BootSlotsError) { try slots.rollBack(running: running) } catch {
                throw .disk(error.description)
            }
        } catch {
            // What came after the entry's end may have failed: then the next boot is that of the other slot all the same.
            guard let left = try? slots.entries(), !left.contains(where: { $0.image?.rootHash == running })
            else {
                record = before
                // The command's own error is what the caller must see.
                try? save()
                throw error
            }
            try? leftRunning()
            throw error
        }
        try leftRunning()
        return version
    }

    /// Reads the whole inactive slot.
    private func verify(_ disk: SlotDisk, _ rootHash: SHA256Digest) async throws(UpdaterError) {
        let isIntact: Bool
        do throws(VerityError) { isIntact = try await disk.inactiveIsIntact(rootHash: rootHash) } catch {
            throw .nothingToReturnTo(reason: "the other slot can't be read: \(error)")
        }
        guard isIntact else {
            let release = disk.slots.inactive.release ?? ""
            throw .nothingToReturnTo(reason: "'\(release)' in the other slot is damaged")
        }
    }
}
