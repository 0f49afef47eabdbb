/// Why a partition table could not be made, changed, written or read.
public enum GPTError: Error, Equatable, CustomStringConvertible {
    /// The disk has no room for the two copies of the table (and what is laid out on it).
    case diskTooSmall(size: UInt64, needed: UInt64)
    /// The disk is not a whole number of sectors.
    case diskSizeNotInSectors(size: UInt64, sectorSize: SectorSize)
    /// The partition number is not in 1...128.
    case numberOutOfRange(Int)
    /// All 128 entries are in use.
    case tableFull
    /// The partition's type or own identifier is all zero, which marks unused entries.
    case zeroGUID(number: Int)
    /// Another partition has the same identifier.
    case duplicateGUID(GUID, number: Int, other: Int)
    /// The label has more than 36 UTF-16 units or contains a NUL.
    case badLabel(String, number: Int)
    /// The partition has no bytes or does not start and end at a sector.
    case notInSectors(number: Int, offset: UInt64, size: UInt64, sectorSize: SectorSize)
    /// The partition leaves the range that the table has for partitions.
    case outsideUsableRange(number: Int, offset: UInt64, size: UInt64, usable: Range<UInt64>)
    /// Two partitions share bytes.
    case overlap(number: Int, other: Int)
    /// A partition lies where the copies of the table must be written.
    case noRoomForTable(number: Int)
    /// The alignment is not a positive multiple of the sector size.
    case badAlignment(UInt64)
    /// Sizes add up to more than 64 bits.
    case sizeOverflow
    /// There is no trace of a GUID partition table.
    case noTable
    /// There is a table, but neither copy can be used.
    case bothCopiesDamaged(primary: GPTDamage, backup: GPTDamage)

    /// What is wrong and what to do about it.
    public var description: String {
        switch self {
        case .diskTooSmall(let size, let needed):
            "the disk has \(size) bytes but \(needed) are needed; make it larger or its partitions smaller"
        case .diskSizeNotInSectors(let size, let sectorSize):
            "the disk size \(size) is not a multiple of the sector size \(sectorSize.rawValue); round it up"
        case .numberOutOfRange(let number):
            "there is no partition number \(number); numbers go from 1 to \(PartitionTable.entryCount)"
        case .tableFull:
            "all \(PartitionTable.entryCount) entries are in use; remove a partition first"
        case .zeroGUID(let number):
            "partition \(number) has a type or identifier of zero, which means 'unused'; give it one"
        case .duplicateGUID(let guid, let number, let other):
            "partitions \(number) and \(other) have the same identifier \(guid); give one of them another"
        case .badLabel(let label, let number):
            "the label '\(label)' of partition \(number) cannot be stored; "
                + "use at most \(Partition.maximumLabelUnits) UTF-16 units and no NUL"
        case .notInSectors(let number, let offset, let size, let sectorSize):
            "partition \(number) (\(size) bytes at \(offset)) is empty or not made of whole sectors; "
                + "round both to multiples of \(sectorSize.rawValue)"
        case .outsideUsableRange(let number, let offset, let size, let usable):
            "partition \(number) (\(size) bytes at \(offset)) leaves the usable bytes "
                + "\(usable.lowerBound)..<\(usable.upperBound); move or shrink it"
        case .overlap(let number, let other):
            "partitions \(number) and \(other) overlap; move one of them"
        case .noRoomForTable(let number):
            "partition \(number) lies where the partition table must be written; move it away from the disk's ends"
        case .badAlignment(let alignment):
            "partitions cannot be aligned to \(alignment) bytes; use a multiple of the sector size"
        case .sizeOverflow:
            "the sizes of the partitions add up to more than 2^64 bytes; make them smaller"
        case .noTable:
            "no GUID partition table was found; this is not a partitioned disk, or its sector size is another"
        case .bothCopiesDamaged(let primary, let backup):
            "both copies of the partition table are unusable (primary: \(primary); backup: \(backup)); "
                + "write the image again or restore the table with gdisk"
        }
    }
}

/// Which of the two copies of a partition table.
public enum GPTCopy: String, Sendable, Equatable {
    /// The one at the disk's start.
    case primary
    /// The one at the disk's end.
    case backup
}

/// Why one copy of a partition table cannot be used.
public enum GPTDamage: Error, Equatable, CustomStringConvertible {
    /// The bytes could not be read.
    case unreadable(String)
    /// The header does not start with `EFI PART`.
    case noSignature
    /// The revision is not 1.0.
    case revision(UInt32)
    /// The header's size is not between 92 bytes and a sector.
    case headerSize(UInt32)
    /// The header's CRC-32 is another than the stored one.
    case headerChecksum(stored: UInt32, computed: UInt32)
    /// The header says that it lies in another sector.
    case position(stored: UInt64, actual: UInt64)
    /// The usable range is empty, inverted or leaves the disk.
    case usableRange(first: UInt64, last: UInt64, sectors: UInt64)
    /// The size or number of entries is not one that is possible.
    case entryLayout(size: UInt32, count: UInt32)
    /// The entries lie over the header, over partitions or outside of the disk.
    case entriesPosition(UInt64)
    /// The CRC-32 of the entries is another than the stored one.
    case entriesChecksum(stored: UInt32, computed: UInt32)
    /// An entry with a number above 128 is in use.
    case entryNumber(Int)
    /// An entry ends before it starts or leaves the usable range; in sectors.
    case entryRange(number: Int, first: UInt64, last: UInt64)
    /// Two entries share sectors.
    case overlap(number: Int, other: Int)

    /// What is wrong with the copy.
    public var description: String {
        switch self {
        case .unreadable(let reason): "it cannot be read: \(reason)"
        case .noSignature: "the header has no signature"
        case .revision(let revision): "the header's revision is 0x\(hex(revision)) instead of 0x00010000"
        case .headerSize(let size): "the header's size is \(size)"
        case .headerChecksum(let stored, let computed):
            "the header's CRC is \(hex(computed)) instead of \(hex(stored))"
        case .position(let stored, let actual):
            "the header in sector \(actual) says it is in sector \(stored)"
        case .usableRange(let first, let last, let sectors):
            "its usable sectors \(first) to \(last) are not inside a disk of \(sectors) sectors"
        case .entryLayout(let size, let count):
            "it has \(count) entries of \(size) bytes, which is not supported"
        case .entriesPosition(let sector): "its entries cannot be in sector \(sector)"
        case .entriesChecksum(let stored, let computed):
            "the CRC of the entries is \(hex(computed)) instead of \(hex(stored))"
        case .entryNumber(let number):
            "partition \(number) is above the supported \(PartitionTable.entryCount)"
        case .entryRange(let number, let first, let last):
            "partition \(number) (sectors \(first) to \(last)) leaves the usable range"
        case .overlap(let number, let other): "partitions \(number) and \(other) overlap"
        }
    }
}

private func hex(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
}

/// Something wrong with a table that could still be read.
public enum GPTFinding: Sendable, Equatable, CustomStringConvertible {
    /// One copy cannot be used; the other was.
    case damaged(GPTCopy, GPTDamage)
    /// The backup is not in the last sector: the disk was enlarged after it was partitioned.
    case backupNotAtEnd(sector: UInt64, lastSector: UInt64)
    /// The backup should be behind the end of the disk: its tail is missing.
    case diskTooShort(backupSector: UInt64, lastSector: UInt64)
    /// Both copies are valid but not the same: a change was cut off between them. The primary was used.
    case copiesDiffer
    /// The first sector does not protect the disk; Linux would ignore the table.
    case noProtectiveMBR
    /// Partitions share an identifier, so that `by-partuuid` is ambiguous.
    case duplicateGUID(GUID, number: Int, other: Int)

    /// What is wrong and what to do about it.
    public var description: String {
        switch self {
        case .damaged(let copy, let damage):
            "the \(copy.rawValue) copy of the partition table is unusable: \(damage); write the table again"
        case .backupNotAtEnd(let sector, let last):
            "the backup of the partition table is in sector \(sector) instead of the last one, \(last); "
                + "the disk was enlarged: write the table again to move it"
        case .diskTooShort(let sector, let last):
            "the backup of the partition table should be in sector \(sector) but the last one is \(last); "
                + "the image was truncated or the disk shrunk: copy it again in full"
        case .copiesDiffer:
            "the two copies of the partition table differ, a change was cut off; write the table again"
        case .noProtectiveMBR:
            "sector 0 has no protective MBR, so Linux ignores the partition table; write the table again"
        case .duplicateGUID(let guid, let number, let other):
            "partitions \(number) and \(other) have the same identifier \(guid); give one of them another"
        }
    }
}
