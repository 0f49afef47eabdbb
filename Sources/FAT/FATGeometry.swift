import Bytes

/// How a FAT file system lies on its partition, from the first sector (BIOS parameter block).
///
/// Microsoft FAT specification, sections 3 and 4.
public struct FATGeometry: Sendable, Equatable {
    /// The width of the allocation table's entries.
    public enum Kind: Int, Sendable {
        /// 12-bit entries.
        case fat12 = 12
        /// 16-bit entries.
        case fat16 = 16
        /// 28-bit entries in 32 bits.
        case fat32 = 32
    }

    /// The width of the table's entries, as Linux decides it: 32 if the 16-bit table size is 0.
    public let kind: Kind
    /// Bytes of a sector.
    public let sectorSize: Int
    /// Bytes of a cluster, the unit of allocation.
    public let clusterSize: Int
    /// Number of clusters for data; they are numbered from 2.
    public let clusterCount: UInt32
    /// Where the first cluster is, in bytes from the start.
    public let dataOffset: UInt64
    /// Bytes of the whole file system.
    public let size: UInt64
    /// The serial number.
    public let volumeID: UInt32
    /// The label in the first sector, which tools may not keep equal to the one in the root folder.
    public let bootSectorLabel: String
    /// Whether Linux's flag in the first sector says that the file system was not unmounted.
    public let isMarkedDirty: Bool

    let tableOffset: UInt64
    let tableSize: UInt64
    let tableCount: Int
    let activeTable: Int
    /// Whether all copies of the table are kept equal.
    let isMirrored: Bool
    /// Where FAT32 keeps the number of free clusters; nil if it does not.
    let summaryOffset: UInt64?
    /// The byte of the first sector with the flag of a file system that was not unmounted.
    let stateOffset: UInt64
    /// The root folder of FAT12 and FAT16: its place and size in bytes.
    let fixedRoot: Range<UInt64>
    /// The root folder of FAT32.
    let rootCluster: UInt32

    /// The last cluster's number.
    var lastCluster: UInt32 { clusterCount + 1 }
    /// Slots of 32 bytes in a sector.
    var slotsPerSector: Int { sectorSize / 32 }
    /// Slots of 32 bytes in a cluster.
    var slotsPerCluster: Int { clusterSize / 32 }

    /// Where a cluster is, in bytes from the start; the number is one of 2...lastCluster.
    func offset(ofCluster cluster: UInt32) -> UInt64 {
        dataOffset + UInt64(cluster - 2) * UInt64(clusterSize)
    }

    /// How many clusters so many bytes need.
    func clusters(for size: UInt64) -> UInt64 {
        size / UInt64(clusterSize) + (size % UInt64(clusterSize) == 0 ? 0 : 1)
    }

    init(_ source: ByteSource) throws(FATError) {
        guard source.size >= 512 else { throw .notFAT("it has only \(source.size) bytes") }
        let sector: [UInt8]
        do {
            sector = try source.read(at: 0, count: 512)
        } catch {
            throw .unreadable(error)
        }
        func field<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type, _ index: Int) -> T {
            // Every index is inside the 512 bytes.
            sector.littleEndian(type, at: index) ?? 0
        }
        guard sector[0] == 0xeb || sector[0] == 0xe9 else { throw .notFAT("it does not start with a jump") }
        guard field(UInt16.self, 510) == 0xaa55 else {
            throw .notFAT("the first sector lacks the mark 55 aa")
        }
        let sectorSize = UInt64(field(UInt16.self, 11))
        guard [512, 1024, 2048, 4096].contains(sectorSize) else {
            throw .notFAT("sectors of \(sectorSize) bytes")
        }
        let perCluster = UInt64(field(UInt8.self, 13))
        guard perCluster > 0, perCluster & (perCluster - 1) == 0 else {
            throw .notFAT("clusters of \(perCluster) sectors")
        }
        let reserved = UInt64(field(UInt16.self, 14))
        guard reserved > 0 else { throw .notFAT("no reserved sectors") }
        let tables = UInt64(field(UInt8.self, 16))
        guard (1...4).contains(tables) else { throw .notFAT("\(tables) allocation tables") }
        let rootSize = UInt64(field(UInt16.self, 17)) * 32
        let shortTotal = UInt64(field(UInt16.self, 19))
        let total = shortTotal != 0 ? shortTotal : UInt64(field(UInt32.self, 32))
        let shortTable = UInt64(field(UInt16.self, 22))
        let is32 = shortTable == 0
        let tableSectors = is32 ? UInt64(field(UInt32.self, 36)) : shortTable
        guard tableSectors > 0 else { throw .notFAT("an empty allocation table") }
        // All factors have at most 32 bits or are small, so that nothing overflows 64 bits.
        let rootSectors = (rootSize + sectorSize - 1) / sectorSize
        let overhead = reserved + tables * tableSectors + rootSectors
        guard total > overhead else { throw .notFAT("\(total) sectors, of which none is left for data") }
        let clusters = (total - overhead) / perCluster
        guard clusters > 0, clusters < 0x0fff_fff5 else { throw .notFAT("\(clusters) clusters") }
        kind = is32 ? .fat32 : clusters < 4085 ? .fat12 : .fat16
        if kind == .fat16, clusters >= 65_525 { throw .notFAT("\(clusters) clusters, too many for FAT16") }
        let neededBits = (clusters + 2) * UInt64(kind.rawValue)
        guard tableSectors * sectorSize * 8 >= neededBits else {
            throw .notFAT("an allocation table too small for \(clusters) clusters")
        }
        guard total * sectorSize <= source.size else {
            throw .tooLarge(size: total * sectorSize, available: source.size)
        }
        self.sectorSize = Int(sectorSize)
        clusterSize = Int(perCluster * sectorSize)
        clusterCount = UInt32(clusters)
        dataOffset = overhead * sectorSize
        size = total * sectorSize
        tableOffset = reserved * sectorSize
        tableSize = tableSectors * sectorSize
        tableCount = Int(tables)
        let rootStart = (reserved + tables * tableSectors) * sectorSize
        fixedRoot = is32 ? rootStart..<rootStart : rootStart..<rootStart + rootSize
        // FAT32 can say that only one table is kept.
        let flags = is32 ? field(UInt16.self, 40) : 0
        isMirrored = flags & 0x80 == 0
        activeTable = flags & 0x80 != 0 ? Int(flags & 0x0f) : 0
        guard activeTable < tableCount else { throw .notFAT("the active allocation table does not exist") }
        rootCluster = is32 ? field(UInt32.self, 44) : 0
        if is32, !(2...UInt32(clusters) + 1).contains(rootCluster) {
            throw .notFAT("the root folder starts in cluster \(rootCluster)")
        }
        let summary = is32 ? UInt64(field(UInt16.self, 48)) : 0
        summaryOffset = (1..<reserved).contains(summary) ? summary * sectorSize : nil
        let extended = is32 ? 64 : 36
        stateOffset = UInt64(extended + 1)
        isMarkedDirty = field(UInt8.self, extended + 1) & 1 != 0
        let hasLabel = field(UInt8.self, extended + 2) == 0x29
        volumeID = hasLabel ? field(UInt32.self, extended + 3) : 0
        bootSectorLabel = hasLabel ? ShortName.trimmedText(sector[extended + 7..<extended + 18]) : ""
    }
}
