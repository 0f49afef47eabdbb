public import BlockDevices
import GPT
import Hashing
import Verity

/// Installs a release into the inactive slot: the one order of writes, each on the medium before the next begins.
///
/// 1. The inactive slot's boot entry is removed. 2. Its partitions are marked `_empty`. 3. The blocks that are not
/// right are written, all are read back from the medium, the hash tree is made from what was read, its superblock
/// last, and read back. 4. Type, labels and PARTUUIDs are set. 5. The kernel image is staged. Nothing of it changes
/// what boots; only an entry in `EFI/Linux`, which is not made here, does.
///
/// It can be killed, or lose power, at any moment: the next install hashes what is there and goes on from it.
public struct SlotInstaller: Sendable {
    private let disk: SlotDisk
    private let bootFiles: any BootFiles
    private let announce: @Sendable (Slot) -> Void

    /// An installer for a host's disk.
    ///
    /// - Parameters:
    ///   - disk: The guarded disk.
    ///   - bootFiles: The release's kernel image and the ESP.
    ///   - announce: Called with the inactive slot as it is called now, after each change of the partition table, so
    ///     that others can be told (`DeviceEvents`).
    public init(disk: SlotDisk, bootFiles: any BootFiles, announce: @escaping @Sendable (Slot) -> Void) {
        self.disk = disk
        self.bootFiles = bootFiles
        self.announce = announce
    }

    /// The blocks of the inactive slot that are not the release's: what an install would have to write.
    ///
    /// - Throws: `SlotError`.
    public func missingBlocks(
        of release: SlotRelease,
        index: any BlockIndex,
        progress: @escaping @Sendable (SlotProgress) -> Void = { _ in }
    ) async throws(SlotError) -> BlockSet {
        try check(release)
        return try await measure(release, index, step: .scan, progress: progress).wrong
    }

    /// Installs a release; when it returns, the slot is whole and named, and its kernel image staged.
    ///
    /// - Parameter missing: The blocks that are not the release's, where the caller has just hashed the slot; nil where they
    ///   are to be looked for. What is wrong about it is found when all is read back, and delivered then.
    /// - Throws: `SlotError`, or what the source throws. The active slot and its boot entry are untouched in any case.
    public func install(
        _ release: SlotRelease,
        index: any BlockIndex,
        source: any BlockSource,
        missing: BlockSet? = nil,
        progress: @escaping @Sendable (SlotProgress) -> Void = { _ in }
    ) async throws {
        try check(release)
        // What an install that was killed wrote is read back below from the medium and not from the cache.
        do throws(BlockDeviceError) { try disk.device.flush() } catch {
            throw SlotError.disk(.removeEntry, error)
        }
        try onESP(.removeEntry, progress) { try bootFiles.checkRoom() }
        // Before anything else, so that a copy of the table is never changed while the other cannot be used.
        _ = try TableWriter.repair(disk.device, sectorSize: disk.slots.table.sectorSize)
        try onESP(.removeEntry, progress) { try bootFiles.removeInactive() }
        try setTable(.clearLabels, progress) { () throws(GPTError) in try disk.slots.withEmptyInactive() }
        var wrong = missing
        if wrong == nil { wrong = try await measure(release, index, step: .scan, progress: progress).wrong }
        if let wrong { try await fill(wrong, source, release, progress) }
        var content = try await measure(release, index, step: .tree, progress: progress)
        if content.rootHash != release.rootHash {
            // Wrong blocks by the index: the medium lost them. None: what was found in the slot is not to be trusted.
            try await fill(content.wrong, source, release, progress)
            content = try await measure(release, index, step: .tree, progress: progress)
        }
        guard content.rootHash == release.rootHash else {
            let wrong = content.wrong
            let isAll = wrong.count == wrong.capacity
            throw SlotError.wrongRoot(
                expected: release.rootHash,
                found: content.rootHash,
                wrongBlocks: UInt64(wrong.count),
                first: isAll ? nil : wrong.first.map(UInt64.init)
            )
        }
        try await finishTree(release, progress)
        try Self.checkCancellation(.setLabels)
        try setTable(.setLabels, progress) { () throws(GPTError) in
            try disk.slots.withInactive(label: release.label, rootHash: release.rootHash)
        }
        try onESP(.stage, progress) { try bootFiles.stage() }
    }

    /// Refuses what cannot be installed, before anything is changed.
    private func check(_ release: SlotRelease) throws(SlotError) {
        let slots = disk.slots
        guard release.rootHash != slots.active.rootHash else {
            throw .alreadyActive(rootHash: release.rootHash)
        }
        let layout = VerityLayout(release.parameters)
        guard layout.dataByteCount <= slots.inactive.root.size else {
            let available = slots.inactive.root.size
            throw .tooLarge(what: "root file system", needed: layout.dataByteCount, available: available)
        }
        guard layout.byteCount <= slots.inactive.verity.size else {
            let available = slots.inactive.verity.size
            throw .tooLarge(what: "hash tree", needed: layout.byteCount, available: available)
        }
        guard !release.label.isEmpty, release.label != Slot.emptyLabel else { throw .label(release.label) }
        do throws(GPTError) {
            _ = try slots.withInactive(label: release.label, rootHash: release.rootHash)
        } catch .badLabel {
            throw .label(release.label)
        } catch {
            throw .table(device: disk.device.name, error)
        }
    }

    private func setTable(
        _ step: SlotStep,
        _ progress: @Sendable (SlotProgress) -> Void,
        _ change: () throws(GPTError) -> SlotTable
    ) throws(SlotError) {
        progress(SlotProgress(step: step))
        let slots: SlotTable
        do throws(GPTError) { slots = try change() } catch {
            throw .table(device: disk.device.name, error)
        }
        try TableWriter.write(slots.table, to: disk.device, step: step)
        announce(slots.inactive)
    }

    private func onESP(
        _ step: SlotStep,
        _ progress: @Sendable (SlotProgress) -> Void,
        _ work: () throws -> Void
    ) throws(SlotError) {
        try Self.checkCancellation(step)
        progress(SlotProgress(step: step))
        do { try work() } catch { throw .esp(step, reason: String(describing: error)) }
    }

    private func fill(
        _ missing: BlockSet,
        _ source: any BlockSource,
        _ release: SlotRelease,
        _ progress: @escaping @Sendable (SlotProgress) -> Void
    ) async throws {
        if missing.isEmpty { return }
        let sink = BlockSink(
            root: disk.inactiveRoot,
            blockCount: release.parameters.dataBlockCount,
            missing: missing,
            progress: progress
        )
        do {
            try await source.deliver(missing, to: sink)
        } catch {
            // Whatever the source still has under way must not reach the slot later.
            await sink.close()
            throw error is CancellationError ? SlotError.cancelled(.blocks) : error
        }
        try await sink.finish()
    }

    /// Hashes the slot; in the step that makes the tree from the medium, and with the tree written.
    private func measure(
        _ release: SlotRelease,
        _ index: any BlockIndex,
        step: SlotStep,
        progress: @escaping @Sendable (SlotProgress) -> Void
    ) async throws(SlotError) -> SlotContent {
        try Self.checkCancellation(step)
        let root = disk.inactiveRoot
        let tree = step == .tree ? disk.inactiveVerity : nil
        let result = await onThread { stop in
            Result { () throws(SlotError) in
                try SlotContent.measure(
                    root: root,
                    fromMedium: step == .tree,
                    tree: tree,
                    release: release,
                    index: index,
                    step: step,
                    progress: progress,
                    stop: stop
                )
            }
        }
        return try result.get()
    }

    /// Writes the superblock behind the tree, and proves both from the medium.
    private func finishTree(_ release: SlotRelease, _ progress: @Sendable (SlotProgress) -> Void) async throws
    {
        try Self.checkCancellation(.verify)
        progress(SlotProgress(step: .verify))
        let tree = disk.inactiveVerity
        let result = await onThread { stop in
            Result { () throws(SlotError) in
                try Self.finish(tree: tree, release: release, stop: stop)
            }
        }
        try result.get()
    }

    private static func finish(tree: any BlockDevice, release: SlotRelease, stop: StopFlag) throws(SlotError)
    {
        do throws(BlockDeviceError) {
            try tree.flush()
            var first = VeritySuperblock.serialise(release.parameters)
            first += [UInt8](repeating: 0, count: VerityFormat.blockSize - first.count)
            try tree.write(first, at: 0)
            try tree.flush()
        } catch {
            throw .disk(.tree, error)
        }
        let corrupt: VerityReport.TreeBlock?
        do throws(VerityError) {
            corrupt = try VerityVerification.firstCorruptBlock(
                ofTree: tree.veritySource(fromMedium: true, stop: stop),
                rootHash: release.rootHash,
                parameters: release.parameters
            )
        } catch {
            throw error == .cancelled ? .cancelled(.verify) : .tree(.verify, error)
        }
        if let corrupt { throw .wrongTree(level: corrupt.level, offset: corrupt.byteOffset) }
    }

    private static func checkCancellation(_ step: SlotStep) throws(SlotError) {
        if Task.isCancelled { throw .cancelled(step) }
    }
}
