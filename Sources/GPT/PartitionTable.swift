/// A GUID partition table (UEFI 2.10, section 5.3): what partitions a disk has, whatever its sector size.
///
/// A value of this type can always be written: every change is checked. `PartitionTable.Layout` places partitions
/// one after the other, `encoded()` gives the bytes for both ends of the disk, and `parse` reads them back.
public struct PartitionTable: Sendable, Equatable {
    /// The disk's own identifier.
    public var diskGUID: GUID
    /// The unit in which the table counts.
    public let sectorSize: SectorSize
    /// The disk's length in bytes, a multiple of the sector size.
    public let diskSize: UInt64
    /// The bytes of the disk in which partitions can lie.
    public private(set) var usableRange: Range<UInt64>
    private var entries: [Int: Partition] = [:]

    /// Number of entries in a table, and the highest partition number.
    public static let entryCount = 128
    static let entrySize = 128

    /// An empty table.
    ///
    /// - Throws: `GPTError.diskTooSmall` or `.diskSizeNotInSectors`.
    public init(diskGUID: GUID, sectorSize: SectorSize, diskSize: UInt64) throws(GPTError) {
        guard diskSize.isMultiple(of: sectorSize.bytes) else {
            throw .diskSizeNotInSectors(size: diskSize, sectorSize: sectorSize)
        }
        let overhead = Self.headSize(sectorSize) + Self.tailSize(sectorSize)
        guard diskSize > overhead else {
            throw .diskTooSmall(size: diskSize, needed: overhead + sectorSize.bytes)
        }
        self.diskGUID = diskGUID
        self.sectorSize = sectorSize
        self.diskSize = diskSize
        usableRange = Self.headSize(sectorSize)..<diskSize - Self.tailSize(sectorSize)
    }

    /// A table that was read: its partitions have been checked against the range, which may be any on the disk.
    init(
        parsed partitions: [Partition],
        diskGUID: GUID,
        sectorSize: SectorSize,
        diskSize: UInt64,
        usableRange: Range<UInt64>
    ) {
        self.diskGUID = diskGUID
        self.sectorSize = sectorSize
        self.diskSize = diskSize
        self.usableRange = usableRange
        for partition in partitions { entries[partition.number] = partition }
    }

    /// The partitions in order of their numbers.
    public var partitions: [Partition] { entries.values.sorted { $0.number < $1.number } }

    /// The partition with a number, if there is one.
    public subscript(number: Int) -> Partition? { entries[number] }

    /// Adds a partition, or changes the one that has its number.
    ///
    /// - Throws: `GPTError` if the number, identifiers, label or range cannot be stored, or collide with those of
    ///   another partition; the table is then as before.
    public mutating func set(_ partition: Partition) throws(GPTError) {
        let number = partition.number
        guard (1...Self.entryCount).contains(number) else { throw .numberOutOfRange(number) }
        guard partition.type.guid != .zero, partition.guid != .zero else { throw .zeroGUID(number: number) }
        let units = partition.label.utf16
        guard units.count <= Partition.maximumLabelUnits, !units.contains(0) else {
            throw .badLabel(partition.label, number: number)
        }
        guard partition.size > 0, partition.size.isMultiple(of: sectorSize.bytes),
            partition.offset.isMultiple(of: sectorSize.bytes)
        else {
            throw .notInSectors(
                number: number,
                offset: partition.offset,
                size: partition.size,
                sectorSize: sectorSize
            )
        }
        guard partition.offset >= usableRange.lowerBound, partition.offset <= usableRange.upperBound,
            partition.size <= usableRange.upperBound - partition.offset
        else {
            throw .outsideUsableRange(
                number: number,
                offset: partition.offset,
                size: partition.size,
                usable: usableRange
            )
        }
        for other in partitions where other.number != number {
            if other.guid == partition.guid {
                throw .duplicateGUID(partition.guid, number: number, other: other.number)
            }
            if partition.offset < other.end && other.offset < partition.end {
                throw .overlap(number: number, other: other.number)
            }
        }
        entries[number] = partition
    }

    /// Removes the partition with a number; nothing happens if there is none.
    public mutating func remove(number: Int) {
        entries[number] = nil
    }

    /// Bytes at the disk's start that the MBR, the primary header and the entries take.
    static func headSize(_ sectorSize: SectorSize) -> UInt64 {
        2 * sectorSize.bytes + UInt64(entryCount * entrySize)
    }

    /// Bytes at the disk's end that the entries and the backup header take.
    static func tailSize(_ sectorSize: SectorSize) -> UInt64 {
        sectorSize.bytes + UInt64(entryCount * entrySize)
    }
}
