import BlockDevices
import BootEntries
import BootSlots
import Dispatch
import GPT
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
        do throws(BootSlotsError) { try slots.rollBack(running: environment.system.rootHash) } catch {
            throw .disk(error.description)
        }
        try leftRunning("the operator went back from it to \(version)")
        return version
    }

    /// Reads the whole inactive slot.
    private func verify(_ disk: SlotDisk, _ rootHash: SHA256Digest) async throws(UpdaterError) {
        let slot = disk.slots.inactive
        let result: Result<Bool, VerityError> = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    returning: Result { () throws(VerityError) in
                        try VerityVerification.verify(
                            data: disk.device.part(slot.root.offset, slot.root.size),
                            tree: disk.device.part(slot.verity.offset, slot.verity.size),
                            rootHash: rootHash
                        ).isIntact
                    }
                )
            }
        }
        switch result {
        case .success(true): return
        case .success(false):
            throw .nothingToReturnTo(reason: "'\(slot.release ?? "")' in the other slot is damaged")
        case .failure(let error):
            throw .nothingToReturnTo(reason: "the other slot can't be read: \(error)")
        }
    }
}

extension BlockDevice {
    /// A part of the device for the hash tree's code.
    fileprivate func part(_ start: UInt64, _ size: UInt64) -> VeritySource {
        VeritySource(name: name, byteCount: size) { offset, buffer throws(VerityError) in
            do throws(BlockDeviceError) { try read(at: start + offset, into: buffer) } catch {
                throw .read(path: name, offset: start + offset, errno: 0)
            }
        }
    }
}
