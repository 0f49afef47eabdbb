extension PartitionTable {
    /// Places partitions one after the other, each at a multiple of the alignment.
    ///
    /// The result depends on the arguments alone, so equal calls give equal tables.
    public struct Layout: Sendable {
        /// The disk's identifier.
        public let diskGUID: GUID
        /// The sector size of the disk the table is for.
        public let sectorSize: SectorSize
        /// Partitions start at multiples of this many bytes.
        public let alignment: UInt64
        /// The partitions placed so far, in the order of their places.
        public private(set) var partitions: [Partition] = []
        private var end: UInt64

        /// Starts a layout; the default alignment of 1 MiB is what all partitioning tools use.
        ///
        /// - Throws: `GPTError.badAlignment` unless the alignment is a multiple of the sector size.
        public init(diskGUID: GUID, sectorSize: SectorSize, alignment: UInt64 = 1 << 20) throws(GPTError) {
            guard alignment > 0, alignment.isMultiple(of: sectorSize.bytes) else {
                throw .badAlignment(alignment)
            }
            self.diskGUID = diskGUID
            self.sectorSize = sectorSize
            self.alignment = alignment
            end = PartitionTable.headSize(sectorSize)
        }

        /// Places a partition behind the last one and returns it.
        ///
        /// The size is rounded up to whole sectors. Without a number it gets the lowest one that is free.
        /// - Throws: `GPTError.sizeOverflow` or `.tableFull`; anything else is found when the table is made.
        @discardableResult
        public mutating func add(
            type: PartitionType,
            guid: GUID,
            label: String,
            size: UInt64,
            attributes: PartitionAttributes = [],
            number: Int? = nil
        ) throws(GPTError) -> Partition {
            let taken = Set(partitions.map(\.number))
            guard let slot = number ?? (1...PartitionTable.entryCount).first(where: { !taken.contains($0) })
            else {
                throw .tableFull
            }
            let partition = Partition(
                number: slot,
                type: type,
                guid: guid,
                label: label,
                offset: try Self.roundUp(end, to: alignment),
                size: try Self.roundUp(size, to: sectorSize.bytes),
                attributes: attributes
            )
            let (next, overflow) = partition.offset.addingReportingOverflow(partition.size)
            guard !overflow else { throw .sizeOverflow }
            partitions.append(partition)
            end = next
            return partition
        }

        /// The smallest disk, in bytes and a multiple of the alignment, that holds the partitions and the backup.
        ///
        /// - Throws: `GPTError.sizeOverflow`.
        public func minimumDiskSize() throws(GPTError) -> UInt64 {
            let (sum, overflow) = end.addingReportingOverflow(PartitionTable.tailSize(sectorSize))
            guard !overflow else { throw .sizeOverflow }
            return try Self.roundUp(sum, to: alignment)
        }

        /// The table for a disk of a size in bytes; without a size, for the smallest disk.
        ///
        /// - Throws: `GPTError` as `PartitionTable.set`, or `.diskTooSmall`.
        public func table(diskSize: UInt64? = nil) throws(GPTError) -> PartitionTable {
            let minimum = try minimumDiskSize()
            let size = diskSize ?? minimum
            guard size >= end, size - end >= PartitionTable.tailSize(sectorSize) else {
                throw .diskTooSmall(size: size, needed: minimum)
            }
            var table = try PartitionTable(diskGUID: diskGUID, sectorSize: sectorSize, diskSize: size)
            for partition in partitions {
                if let other = table[partition.number] {
                    throw .overlap(number: partition.number, other: other.number)
                }
                try table.set(partition)
            }
            return table
        }

        private static func roundUp(_ value: UInt64, to unit: UInt64) throws(GPTError) -> UInt64 {
            let remainder = value % unit
            if remainder == 0 { return value }
            let (sum, overflow) = value.addingReportingOverflow(unit - remainder)
            guard !overflow else { throw .sizeOverflow }
            return sum
        }
    }
}
