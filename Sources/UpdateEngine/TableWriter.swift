public import BlockDevices
import FAT
public import GPT

/// Writes the partition table of a disk in use.
///
/// The backup is written and flushed before the primary is touched, so one copy is whole at every moment: before the
/// first flush it is the old primary, after it the new backup. A copy that has the right bytes is not written.
public enum TableWriter {
    /// Sets right what is wrong with the copies of a disk's table, and proves it by reading them from the medium.
    ///
    /// A table is written from the copy that can be used, the primary if both can. Nothing is written to a disk that
    /// is shorter than its table says.
    ///
    /// - Returns: What was found; empty if nothing was wrong and nothing was written.
    /// - Throws: `SlotError.table`, `.disk` or `.tableNotStored`.
    public static func repair(_ disk: any BlockDevice, sectorSize: SectorSize? = nil) throws(SlotError)
        -> [GPTFinding]
    {
        // What a program that was killed left in the cache is neither on the medium nor read from it.
        do throws(BlockDeviceError) { try disk.flush() } catch { throw .disk(.repair, error) }
        let parsed: PartitionTable.Parsed
        do throws(GPTError) {
            parsed = try PartitionTable.parse(disk.mediumSource, sectorSize: sectorSize)
        } catch {
            throw .table(device: disk.name, error)
        }
        let isShort = parsed.findings.contains { if case .diskTooShort = $0 { true } else { false } }
        if parsed.isHealthy || isShort { return parsed.findings }
        try write(parsed.table, to: disk, step: .repair)
        return parsed.findings
    }

    /// Writes both copies, backup first, and reads them back from the medium.
    ///
    /// If only the backup can be used, the primary is written from it before the backup is changed.
    static func write(_ table: PartitionTable, to disk: any BlockDevice, step: SlotStep) throws(SlotError) {
        do throws(BlockDeviceError) { try disk.flush() } catch { throw .disk(step, error) }
        let regions: [PartitionTable.Region]
        do throws(GPTError) {
            let encoded = try table.encoded()
            let current = try PartitionTable.parse(disk.mediumSource, sectorSize: table.sectorSize)
            let first = current.copyUsed == .backup ? [try current.table.encoded().primary] : []
            // Only a disk without a protective MBR gets one: the boot code of others is not ours.
            let mbr = current.findings.contains(.noProtectiveMBR) ? [encoded.protectiveMBR] : []
            regions = first + [encoded.backup, encoded.primary] + mbr
        } catch {
            throw .table(device: disk.name, error)
        }
        do throws(BlockDeviceError) {
            for region in regions {
                if try disk.readMedium(at: region.offset, count: region.bytes.count) == region.bytes {
                    continue
                }
                try disk.write(region.bytes, at: region.offset)
                try disk.flush()
            }
        } catch {
            throw .disk(step, error)
        }
        try check(table, on: disk)
    }

    /// The ranges that a table's copies take on a disk; with the protective MBR.
    static func ranges(of table: PartitionTable) throws(GPTError) -> [Range<UInt64>] {
        try table.encoded().regions.map { $0.offset..<$0.offset + UInt64($0.bytes.count) }
    }

    /// Makes sure that the medium holds the table, in both copies.
    private static func check(_ table: PartitionTable, on disk: any BlockDevice) throws(SlotError) {
        let stored: PartitionTable.Parsed
        do throws(GPTError) {
            stored = try PartitionTable.parse(disk.mediumSource, sectorSize: table.sectorSize)
        } catch {
            throw .tableNotStored(device: disk.name, reason: error.description)
        }
        // Identifiers that collide were there before: the copies are as they should be nevertheless.
        let remaining = stored.findings.filter { if case .duplicateGUID = $0 { false } else { true } }
        if let finding = remaining.first {
            throw .tableNotStored(device: disk.name, reason: finding.description)
        }
        guard stored.table.partitions == table.partitions, stored.table.diskGUID == table.diskGUID else {
            throw .tableNotStored(device: disk.name, reason: "it has other partitions")
        }
    }
}
