import Bytes

extension PartitionTable {
    /// Bytes for a place on the disk.
    public struct Region: Sendable, Equatable {
        /// Where the bytes go, from the start of the disk.
        public let offset: UInt64
        /// The bytes, whole sectors.
        public let bytes: [UInt8]
    }

    /// Both copies of a table as bytes, apart so that a live disk can be changed safely.
    ///
    /// On a disk in use write `backup`, flush, then `primary`, flush: at every moment one of the copies is whole.
    /// `protectiveMBR` is the same for every table of a disk and need not be written again.
    public struct Encoded: Sendable, Equatable {
        /// Sector 0.
        public let protectiveMBR: Region
        /// The primary header and its entries, from sector 1 on.
        public let primary: Region
        /// The backup's entries and its header, which is the last sector.
        public let backup: Region

        /// All regions in the order in which they should be written.
        public var regions: [Region] { [backup, protectiveMBR, primary] }
    }

    /// The table as bytes.
    ///
    /// - Throws: `GPTError.noRoomForTable` if a partition of a table that came from elsewhere lies where the 128
    ///   entries must go.
    public func encoded() throws(GPTError) -> Encoded {
        let head = Self.headSize(sectorSize)
        let tail = Self.tailSize(sectorSize)
        guard diskSize > head + tail else { throw .diskTooSmall(size: diskSize, needed: head + tail) }
        for partition in partitions where partition.offset < head || partition.end > diskSize - tail {
            throw .noRoomForTable(number: partition.number)
        }
        // A range that came from elsewhere is kept as far as the copies of the table leave room for it.
        let lower = max(usableRange.lowerBound, head)
        let upper = min(usableRange.upperBound, diskSize - tail)
        let usable = lower < upper ? lower..<upper : head..<diskSize - tail
        let lastSector = diskSize / sectorSize.bytes - 1
        let entries = encodedEntries()
        let checksum = CRC32.checksum(entries)
        let primary = header(
            sector: 1,
            other: lastSector,
            entriesSector: 2,
            usable: usable,
            entriesChecksum: checksum
        )
        let backup = header(
            sector: lastSector,
            other: 1,
            entriesSector: (diskSize - tail) / sectorSize.bytes,
            usable: usable,
            entriesChecksum: checksum
        )
        return Encoded(
            protectiveMBR: Region(offset: 0, bytes: protectiveMBR(lastSector: lastSector)),
            primary: Region(offset: sectorSize.bytes, bytes: primary + entries),
            backup: Region(offset: diskSize - tail, bytes: entries + backup)
        )
    }

    private func encodedEntries() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.entryCount * Self.entrySize)
        for number in 1...Self.entryCount {
            guard let partition = self[number] else {
                bytes += [UInt8](repeating: 0, count: Self.entrySize)
                continue
            }
            bytes += partition.type.guid.diskBytes
            bytes += partition.guid.diskBytes
            bytes.appendLittleEndian(partition.offset / sectorSize.bytes)
            bytes.appendLittleEndian(partition.end / sectorSize.bytes - 1)
            bytes.appendLittleEndian(partition.attributes.rawValue)
            let units = partition.label.utf16.prefix(Partition.maximumLabelUnits)
            for unit in units { bytes.appendLittleEndian(unit) }
            bytes += [UInt8](repeating: 0, count: 2 * (Partition.maximumLabelUnits - units.count))
        }
        return bytes
    }

    private func header(
        sector: UInt64,
        other: UInt64,
        entriesSector: UInt64,
        usable: Range<UInt64>,
        entriesChecksum: UInt32
    ) -> [UInt8] {
        func bytes(checksum: UInt32) -> [UInt8] {
            var bytes = GPTHeader.signature
            bytes.appendLittleEndian(GPTHeader.revision)
            bytes.appendLittleEndian(UInt32(GPTHeader.size))
            bytes.appendLittleEndian(checksum)
            bytes.appendLittleEndian(UInt32(0))
            bytes.appendLittleEndian(sector)
            bytes.appendLittleEndian(other)
            bytes.appendLittleEndian(usable.lowerBound / sectorSize.bytes)
            bytes.appendLittleEndian(usable.upperBound / sectorSize.bytes - 1)
            bytes += diskGUID.diskBytes
            bytes.appendLittleEndian(entriesSector)
            bytes.appendLittleEndian(UInt32(Self.entryCount))
            bytes.appendLittleEndian(UInt32(Self.entrySize))
            bytes.appendLittleEndian(entriesChecksum)
            return bytes
        }
        let fields = bytes(checksum: CRC32.checksum(bytes(checksum: 0)))
        return fields + [UInt8](repeating: 0, count: sectorSize.rawValue - fields.count)
    }

    /// One MBR partition of type 0xEE over the whole disk, so that old tools leave it alone.
    private func protectiveMBR(lastSector: UInt64) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 446)
        bytes += [0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff]
        bytes.appendLittleEndian(UInt32(1))
        bytes.appendLittleEndian(UInt32(clamping: lastSector))
        bytes += [UInt8](repeating: 0, count: 48) + [0x55, 0xaa]
        return bytes + [UInt8](repeating: 0, count: sectorSize.rawValue - bytes.count)
    }
}
