public import BlockDevices
import FAT
public import GPT
public import Hashing

/// What the partition table of a host's disk says about its slots.
///
/// The disk has one ESP and two slots, which are found by partition type and number (the first root and the first tree
/// are one slot, the second ones the other). The slot whose PARTUUIDs are the halves of the running root hash is the
/// active one; labels decide nothing.
public struct SlotTable: Sendable, Equatable {
    /// The partition table.
    public let table: PartitionTable
    /// What is wrong with its copies; `TableWriter.repair` sets it right.
    public let findings: [GPTFinding]
    /// The EFI system partition.
    public let esp: Partition
    /// The slot that runs.
    public let active: Slot
    /// The slot that an update is installed into.
    public let inactive: Slot

    /// The root hashes that slots say they carry: what a boot entry can be for.
    public var rootHashes: Set<SHA256Digest> { Set([active.rootHash, inactive.rootHash].compactMap { $0 }) }

    /// Reads the table of a disk.
    ///
    /// - Parameters:
    ///   - disk: The whole disk, as `RootDisk` found it.
    ///   - sectorSize: The disk's logical sector size; without it both are tried.
    ///   - architecture: What the host is; root partitions of others are none of ours.
    ///   - rootHash: The root hash of the running system: `roothash=` on the kernel command line.
    ///   - partitions: The numbers of the partitions that the running root is made of, if they are known; they must
    ///     be those of the active slot.
    /// - Throws: `SlotError.table`, `.layout` or `.noActiveSlot`.
    public init(
        disk: any BlockDevice,
        sectorSize: SectorSize? = nil,
        architecture: PartitionType.Architecture,
        rootHash: SHA256Digest,
        partitions numbers: [Int]? = nil
    ) throws(SlotError) {
        let parsed: PartitionTable.Parsed
        do throws(GPTError) {
            parsed = try PartitionTable.parse(disk.mediumSource, sectorSize: sectorSize)
        } catch {
            throw .table(device: disk.name, error)
        }
        let all = parsed.table.partitions
        let systems = all.filter { $0.type == .esp }
        guard systems.count == 1, let esp = systems.first else {
            throw .layout(
                device: disk.name,
                reason: "it has \(systems.count) EFI system partitions instead of 1"
            )
        }
        let roots = all.filter { $0.type == .root(architecture) }
        let trees = all.filter { $0.type == .rootVerity(architecture) }
        guard roots.count == 2, trees.count == 2 else {
            throw .layout(
                device: disk.name,
                reason: """
                    it has \(roots.count) root partitions and \(trees.count) of their hash trees instead of 2 each
                    """
            )
        }
        let slots = zip(roots, trees).map { Slot(root: $0, verity: $1) }
        let wanted = Slot.identifiers(for: rootHash)
        let matching = slots.filter { $0.root.guid == wanted.root && $0.verity.guid == wanted.verity }
        guard matching.count == 1, let active = matching.first,
            let inactive = slots.first(where: { $0.root.number != active.root.number })
        else { throw .noActiveSlot(device: disk.name, rootHash: rootHash) }
        if let numbers, Set(numbers) != [active.root.number, active.verity.number] {
            throw .layout(
                device: disk.name,
                reason: """
                    the running root is made of partitions \(numbers), but its root hash is that of \
                    \(active.root.number) and \(active.verity.number)
                    """
            )
        }
        table = parsed.table
        findings = parsed.findings
        self.esp = esp
        self.active = active
        self.inactive = inactive
    }

    private init(table: PartitionTable, esp: Partition, active: Slot, inactive: Slot) {
        self.table = table
        findings = []
        self.esp = esp
        self.active = active
        self.inactive = inactive
    }

    /// The table with the inactive slot marked as empty.
    func withEmptyInactive() throws(GPTError) -> SlotTable {
        try with(
            inactive.labelled(
                Slot.emptyLabel,
                (
                    Slot.emptyIdentifier(disk: table.diskGUID, number: inactive.root.number),
                    Slot.emptyIdentifier(disk: table.diskGUID, number: inactive.verity.number)
                )
            )
        )
    }

    /// The table with a release in the inactive slot.
    func withInactive(label: String, rootHash: SHA256Digest) throws(GPTError) -> SlotTable {
        try with(inactive.labelled(label, Slot.identifiers(for: rootHash)))
    }

    private func with(_ slot: Slot) throws(GPTError) -> SlotTable {
        var table = table
        try table.set(slot.root)
        try table.set(slot.verity)
        return SlotTable(table: table, esp: esp, active: active, inactive: slot)
    }
}
