/// The size of a disk's logical block, in which a partition table counts.
public enum SectorSize: Int, Sendable, CaseIterable, Codable {
    /// 512 bytes: most disks, and disk image files by convention.
    case bytes512 = 512
    /// 4096 bytes: "4Kn" disks.
    case bytes4096 = 4096

    var bytes: UInt64 { UInt64(rawValue) }
}

/// The attribute bits of a partition entry (UEFI 2.10, table 5.8, and the Discoverable Partitions Specification).
public struct PartitionAttributes: OptionSet, Sendable, Hashable, Codable {
    /// The 64 bits as they lie in the entry; unknown ones are kept.
    public let rawValue: UInt64

    /// Takes the 64 bits as they lie in the entry.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The platform needs the partition to work.
    public static let requiredByPlatform = PartitionAttributes(rawValue: 1 << 0)
    /// Firmware offers no file system of the partition.
    public static let noBlockIOProtocol = PartitionAttributes(rawValue: 1 << 1)
    /// A BIOS boot loader starts here.
    public static let legacyBIOSBootable = PartitionAttributes(rawValue: 1 << 2)
    /// The file system is grown to the partition's size when it is mounted (DPS).
    public static let growFileSystem = PartitionAttributes(rawValue: 1 << 59)
    /// The partition is mounted read-only (DPS).
    public static let readOnly = PartitionAttributes(rawValue: 1 << 60)
    /// The partition is not found and mounted by itself (DPS).
    public static let noAuto = PartitionAttributes(rawValue: 1 << 63)
}

/// One entry of a partition table.
public struct Partition: Sendable, Hashable, Codable {
    /// The slot in the table, 1...128: the number in `/dev/vda3`.
    public var number: Int
    /// What the partition is for.
    public var type: PartitionType
    /// The partition's own identifier (PARTUUID).
    public var guid: GUID
    /// The partition's name (PARTLABEL), at most 36 UTF-16 units.
    public var label: String
    /// Where the partition starts, in bytes from the start of the disk.
    public var offset: UInt64
    /// The partition's length in bytes.
    public var size: UInt64
    /// The entry's flags.
    public var attributes: PartitionAttributes

    /// The most UTF-16 units that a label can have.
    public static let maximumLabelUnits = 36

    /// A partition from its parts; a table checks them when the partition is put into it.
    public init(
        number: Int,
        type: PartitionType,
        guid: GUID,
        label: String,
        offset: UInt64,
        size: UInt64,
        attributes: PartitionAttributes = []
    ) {
        self.number = number
        self.type = type
        self.guid = guid
        self.label = label
        self.offset = offset
        self.size = size
        self.attributes = attributes
    }

    /// The first byte after the partition; the largest number if that does not fit 64 bits.
    public var end: UInt64 {
        let (sum, overflow) = offset.addingReportingOverflow(size)
        return overflow ? .max : sum
    }
}
