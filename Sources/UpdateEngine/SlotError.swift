public import BlockDevices
public import GPT
public import Hashing
public import Verity

/// A step of an install, as messages name it.
public enum SlotStep: String, Sendable, CaseIterable {
    /// What tells where the blocks are is fetched: a pack's head, or the index.
    case fetchTable = "fetching the list of the release's blocks"
    /// What this host lacks of the kernel image is fetched.
    case fetchKernel = "fetching the kernel image"
    /// The boot entry of the inactive slot is removed from the ESP.
    case removeEntry = "removing the boot entry of the inactive slot"
    /// The inactive slot's partitions are marked `_empty`.
    case clearLabels = "marking the inactive slot as empty"
    /// What the inactive slot holds already is hashed.
    case scan = "hashing what the inactive slot holds"
    /// Blocks are fetched and written.
    case blocks = "writing the root file system"
    /// The root is read back, and its hash tree written.
    case tree = "reading the root file system back and writing its hash tree"
    /// The tree is read back.
    case verify = "reading the hash tree back"
    /// Label, PARTUUIDs and attributes of the slot are set.
    case setLabels = "setting the labels of the slot"
    /// The UKI is written to the ESP.
    case stage = "writing the kernel image to the EFI system partition"
    /// A damaged copy of the partition table is written again.
    case repair = "repairing the partition table"
}

/// Why slots could not be found, or a release not be installed into the inactive one.
public enum SlotError: Error, Equatable, CustomStringConvertible {
    /// The root's device could not be followed to its disk.
    case noRootDisk(reason: String)
    /// There is no partition table that can be used.
    case table(device: String, GPTError)
    /// The table is not that of a Bulkhead disk.
    case layout(device: String, reason: String)
    /// No slot has the root hash of the running system.
    case noActiveSlot(device: String, rootHash: SHA256Digest)
    /// The release is the one that runs: its slot is the active one.
    case alreadyActive(rootHash: SHA256Digest)
    /// The release needs more bytes than a partition of the inactive slot has.
    case tooLarge(what: String, needed: UInt64, available: UInt64)
    /// A partition label of the release cannot be stored.
    case label(String)
    /// The disk failed in a step.
    case disk(SlotStep, BlockDeviceError)
    /// The hash tree could not be made or read back in a step.
    case tree(SlotStep, VerityError)
    /// The partition table that was written is not what is read back.
    case tableNotStored(device: String, reason: String)
    /// A source of blocks delivered some outside of the root, or not in whole blocks.
    case badDelivery(firstBlock: UInt64, byteCount: Int, blockCount: UInt64)
    /// A source of blocks ended before it had delivered all.
    case missingBlocks(count: UInt64, first: UInt64)
    /// What the medium holds is not the release, although all blocks were written twice.
    case wrongRoot(expected: SHA256Digest, found: SHA256Digest, wrongBlocks: UInt64, first: UInt64?)
    /// The hash tree that was read back is not the one that was written.
    case wrongTree(level: Int, offset: UInt64)
    /// The EFI system partition could not be changed.
    case esp(SlotStep, reason: String)
    /// The caller cancelled.
    case cancelled(SlotStep)

    /// What is wrong and what to do about it.
    public var description: String {
        switch self {
        case .noRootDisk(let reason):
            "the disk of the running root cannot be found: \(reason); this host was not booted from a Bulkhead disk"
        case .table(let device, let error):
            "the partition table of '\(device)' cannot be used: \(error)"
        case .layout(let device, let reason):
            "'\(device)' is not partitioned as a Bulkhead disk: \(reason); write the disk image again"
        case .noActiveSlot(let device, let hash):
            """
            no slot of '\(device)' has the root hash \(hash) that the kernel command line names; was the partition \
            table changed by hand, or did the firmware boot from another disk?
            """
        case .alreadyActive(let hash):
            "the release with root hash \(hash) runs already; there is nothing to install"
        case .tooLarge(let what, let needed, let available):
            """
            the release's \(what) has \(needed) bytes, the inactive slot has room for \(available); this host needs \
            a new disk image with larger slots
            """
        case .label(let label):
            """
            the release's name '\(label)' does not fit a partition label of \(Partition.maximumLabelUnits) UTF-16 \
            units; publish it under a shorter variant name or version
            """
        case .disk(let step, let error): "\(step.rawValue) failed: \(error)"
        case .tree(let step, let error): "\(step.rawValue) failed: \(error)"
        case .tableNotStored(let device, let reason):
            "the partition table of '\(device)' was written but reads back otherwise: \(reason); replace the disk"
        case .badDelivery(let first, let count, let blocks):
            """
            a source delivered \(count) bytes for block \(first) of \(blocks), which are not whole blocks of the root; \
            this is a defect: report it
            """
        case .missingBlocks(let count, let first):
            "the sources ended although \(count) blocks are missing, the first is \(first); try again"
        case .wrongRoot(let expected, let found, let wrong, let first):
            "the root hash is \(found) instead of \(expected) although every wrong block was written again"
                + (first.map {
                    "; \(wrong) blocks are wrong on the medium, the first is \($0): replace the disk"
                }
                    ?? "; the release's index or a source is wrong: publish it again or use another mirror")
        case .wrongTree(let level, let offset):
            """
            the hash tree reads back otherwise than it was written (level \(level), byte \(offset)); try again, and \
            replace the disk if it fails again
            """
        case .esp(let step, let reason): "\(step.rawValue) failed: \(reason)"
        case .cancelled(let step): "the install was cancelled while \(step.rawValue); start it again to go on"
        }
    }
}
