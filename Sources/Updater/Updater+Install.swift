import BlockDevices
import BootSlots
import Bytes
import GPT
import Hashing
import HostAPI
import HTTPFetch
import ReleaseManifest
import TUF
import UpdateBlocks
import UpdateEngine
import Verity

extension Updater {
    /// Installs an offered release into the inactive slot.
    func install(
        _ offer: ReleaseFeed.Offer,
        from feed: inout ReleaseFeed
    ) async throws(UpdaterError) -> UpdateRecord.Staged {
        let release = try await feed.release(offer)
        guard let transports = release.transports else {
            throw .release("\(release.version) was published without the files that hosts install from")
        }
        guard release.uki.size <= BootSlots.maximumUKISize else {
            throw .release(
                """
                the kernel image of \(release.version) has \(release.uki.size) bytes, more than \
                \(BootSlots.maximumUKISize)
                """
            )
        }
        let disk = try openSlots()
        let kernelImage = try await feed.file(release.uki, of: offer.candidate)
        var files: [Release.File: ArtefactFile] = [:]
        for file in [transports.frames, transports.index] + transports.packs.map(\.file) {
            files[file] = ArtefactFile(file: try await feed.file(file, of: offer.candidate)) {
                self.tell(.warning($0))
            }
        }
        let image = StagedImage(
            variant: release.variant,
            version: release.version,
            size: release.uki.size,
            sha256: release.uki.sha256,
            rootHash: release.root.hash
        )
        let tables = StagedTables(in: environment.workFolder, of: transports)
        do {
            // One reads the ESP, the other the slots.
            async let found = Self.kernelFile(release, disk, folder: environment.workFolder)
            let (blocks, plan) = try await plan(release.root, transports, files, tables, on: disk)
            let kernel = try await found
            try planned(
                UpdateRecord.Plan(bytes: plan.byteCount + kernel.byteCount, method: plan.method.rawValue)
            )
            let contents = try await kernel.fetch(
                kernelImage,
                warn: { self.tell(.warning($0)) },
                progress: { done, total in
                    self.tell(
                        .progress(SlotProgress(step: .fetchKernel, doneBytes: done, totalBytes: total))
                    )
                }
            )
            try await write(release, blocks, image, contents, to: disk)
            // Until here they are kept, so that no attempt fetches them again.
            kernel.remove()
            tables.remove()
        } catch let error as UpdaterError {
            throw error
        } catch let error as SlotError {
            if case .cancelled = error { throw .cancelled }
            throw .disk(error.description)
        } catch let error as BlockDeviceError {
            throw .disk(error.description)
        } catch let error as VerityError {
            throw .disk(error.description)
        } catch UpdateBlocksError.device(let error) {
            throw .disk(error.description)
        } catch let error as UpdateBlocksError {
            throw .fetch(error.description)
        } catch let error as FetchError {
            throw .fetch(error.description)
        } catch {
            throw .fetch("\(error)")
        }
        return UpdateRecord.Staged(
            image: Self.image(offer.candidate),
            rootHash: release.root.hash,
            kernelSize: release.uki.size,
            kernel: release.uki.sha256
        )
    }

    /// Decides where the blocks come from.
    private func plan(
        _ root: Release.Root,
        _ transports: Release.Transports,
        _ files: [Release.File: ArtefactFile],
        _ tables: StagedTables,
        on disk: SlotDisk
    ) async throws -> (PlannedBlocks, BlockPlan) {
        let running = try runningSlot(of: disk, salt: root.salt.bytes)
        let blocks = try ReleaseBlocks(slot: disk.inactiveRoot, warn: { self.tell(.warning($0)) }) {
            let open: (Release.File) -> any UpdateBlocks.RemoteFile = { file in
                if let known = files[file] { known } else { MissingArtefact(name: file.file) }
            }
            return try BlockUpdate(
                root: root,
                transports: transports,
                running: running,
                tables: tables,
                fetching: { done, total in
                    self.tell(.progress(SlotProgress(step: .fetchTable, doneBytes: done, totalBytes: total)))
                    // What follows is hashing.
                    if done >= total { self.tell(.progress(SlotProgress(step: .scan))) }
                },
                open: open
            )
        }
        tell(.progress(SlotProgress(step: .scan)))
        let (plan, index, missing) = try await blocks.prepare()
        return (PlannedBlocks(source: blocks, index: index, missing: missing), plan)
    }

    /// Does the install in its one order of writes.
    private func write(
        _ release: Release,
        _ blocks: PlannedBlocks,
        _ image: StagedImage,
        _ kernel: ByteSource,
        to disk: SlotDisk
    ) async throws {
        let root = release.root
        let installer = SlotInstaller(
            disk: disk,
            bootFiles: ReleaseBootFiles(
                esp: disk.esp,
                image: image,
                contents: kernel,
                running: environment.system.rootHash
            ),
            announce: environment.announce
        )
        try await installer.install(
            SlotRelease(
                label: "\(release.variant)_\(release.version)",
                rootHash: root.hash,
                parameters: try VerityParameters(
                    salt: root.salt.bytes,
                    // The same for all versions of a variant.
                    uuid: try parameters(of: disk).uuid,
                    dataBlockCount: root.dataBlocks
                )
            ),
            index: blocks.index,
            source: blocks.source,
            missing: blocks.missing
        ) { self.tell(.progress($0)) }
    }

    /// Lets the next boot try a staged release.
    func activate(_ staged: UpdateRecord.Staged) throws(UpdaterError) {
        let disk = try openSlots()
        do throws(BootSlotsError) {
            try BootSlots(disk.esp).activate(staged.stagedImage, installed: disk.slots.rootHashes)
        } catch {
            throw .disk(error.description)
        }
    }

    /// Takes the entry of a staged release away.
    func deactivate(_ staged: UpdateRecord.Staged) throws(UpdaterError) {
        let esp = BootSlots(try openSlots().esp)
        do throws(BootSlotsError) {
            try esp.deactivate(variant: staged.image.variant, version: staged.image.version)
        } catch {
            throw .disk(error.description)
        }
    }

    /// The slots of the disk that the running root comes from.
    func openSlots() throws(UpdaterError) -> SlotDisk {
        let disk = try environment.openDisk()
        let slots: SlotDisk
        do throws(SlotError) {
            slots = try SlotDisk(
                disk.device,
                slots: SlotTable(
                    disk: disk.device,
                    sectorSize: disk.sectorSize,
                    architecture: environment.system.architecture == "arm64" ? .arm64 : .amd64,
                    rootHash: environment.system.rootHash,
                    partitions: disk.partitions
                )
            )
        } catch {
            throw .disk(error.description)
        }
        if espHold == nil { espHold = try disk.holdESP(slots.slots.esp.number) }
        return slots
    }

    /// What the running slot's hash tree says of itself.
    private func parameters(of disk: SlotDisk) throws -> VerityParameters {
        let partition = disk.slots.active.verity
        let bytes = try disk.device.read(at: partition.offset, count: VeritySuperblock.byteCount)
        return try VeritySuperblock.parse(bytes)
    }

    /// The running slot as a source of blocks.
    ///
    /// The salt is the same for all versions of a variant, so the slot's own hash tree has the leaves: 1/128 of what would
    /// be read and hashed otherwise. Where it has another salt, or not the tree of the running root, the blocks are hashed.
    private func runningSlot(of disk: SlotDisk, salt: [UInt8]) throws -> BlockUpdate.Running {
        let parameters = try parameters(of: disk)
        let blockCount = Int(clamping: parameters.dataBlockCount)
        var leaves: [UInt64]?
        if parameters.salt == salt, let found = try? disk.activeLeaves(parameters), found.count == blockCount
        {
            leaves = found
        }
        return BlockUpdate.Running(
            device: disk.activeRoot,
            rootHash: environment.system.rootHash,
            blockCount: blockCount,
            leaves: leaves
        )
    }

    /// What of a release's kernel image is there.
    private static func kernelFile(
        _ release: Release,
        _ disk: SlotDisk,
        folder: String
    ) async throws(UpdaterError) -> KernelFile {
        let result = await onThread { _ in
            Result { () throws(UpdaterError) in
                // Where the ESP can't be read nothing of it is used; what is wrong there is said before anything is written.
                let images = (try? BootSlots(disk.esp).kernelImages()) ?? []
                return try KernelFile(release, folder: folder, images: images)
            }
        }
        return try result.get()
    }
}

extension UpdateRecord.Staged {
    /// The release's kernel image as the ESP has it.
    var stagedImage: StagedImage {
        StagedImage(
            variant: image.variant,
            version: image.version,
            size: kernelSize,
            sha256: kernel,
            rootHash: rootHash
        )
    }
}

/// The blocks of a release, and what is known of them and of the slot.
private struct PlannedBlocks {
    let source: ReleaseBlocks
    let index: LeafIndex
    let missing: BlockSet
}

/// An artefact that nobody asked for beforehand.
private struct MissingArtefact: UpdateBlocks.RemoteFile {
    let name: String

    func read(_ ranges: [Range<UInt64>], _ body: (RemotePiece) async throws -> Void) async throws {
        throw UpdaterError.release("'\(name)' is not among the files of the release")
    }
}
