import Bytes

extension PartitionTable {
    /// A table as it was found on a disk.
    public struct Parsed: Sendable, Equatable {
        /// The table.
        public let table: PartitionTable
        /// The copy it was read from.
        public let copyUsed: GPTCopy
        /// What is wrong with what lies on the disk, although the table could be read; empty on a good disk.
        public let findings: [GPTFinding]

        /// Whether both copies are valid, equal and at their places, and nothing else is wrong.
        public var isHealthy: Bool { findings.isEmpty }
    }

    /// Reads the table of a disk.
    ///
    /// Both copies are verified: CRCs, revision, place, entry layout, ranges and overlaps. The backup is used only
    /// if the primary cannot be. A backup is looked for where the primary says, and in the last sector. Labels that
    /// are not valid UTF-16 are repaired with U+FFFD.
    /// - Parameters:
    ///   - disk: the whole disk; bytes behind the last whole sector are ignored.
    ///   - sectorSize: the disk's sector size; without it both are tried, 512 first.
    /// - Throws: `GPTError.noTable` or `.bothCopiesDamaged`.
    public static func parse(_ disk: ByteSource, sectorSize: SectorSize? = nil) throws(GPTError) -> Parsed {
        if let sectorSize { return try Parser(disk: disk, sectorSize: sectorSize).parse() }
        var best: Parsed?
        var failure = GPTError.noTable
        for candidate in SectorSize.allCases {
            do {
                let parsed = try Parser(disk: disk, sectorSize: candidate).parse()
                if parsed.copyUsed == .primary { return parsed }
                best = best ?? parsed
            } catch {
                if error != .noTable { failure = error }
            }
        }
        guard let best else { throw failure }
        return best
    }
}

/// One attempt to read a disk's table at one sector size.
private struct Parser {
    let disk: ByteSource
    let sectorSize: SectorSize
    let sectors: UInt64

    init(disk: ByteSource, sectorSize: SectorSize) {
        self.disk = disk
        self.sectorSize = sectorSize
        sectors = disk.size / sectorSize.bytes
    }

    /// A copy that passed all checks.
    private struct Copy {
        let header: GPTHeader
        let table: PartitionTable
    }

    func parse() throws(GPTError) -> PartitionTable.Parsed {
        guard sectors > 2 else { throw .noTable }
        let lastSector = sectors - 1
        let primary = copy(.primary, at: 1)
        let (backup, backupSector) = backupCopy(primary: primary)
        var findings: [GPTFinding] = []
        let used: Copy
        let copyUsed: GPTCopy
        switch (primary, backup) {
        case (.success(let first), let second):
            used = first
            copyUsed = .primary
            switch second {
            case .success(let second):
                if !agree(first, second) { findings.append(.copiesDiffer) }
            case .failure(let damage):
                findings.append(.damaged(.backup, damage))
            }
        case (.failure(let damage), .success(let second)):
            used = second
            copyUsed = .backup
            findings.append(.damaged(.primary, damage))
        case (.failure(.noSignature), .failure(.noSignature)):
            throw .noTable
        case (.failure(let first), .failure(let second)):
            throw .bothCopiesDamaged(primary: first, backup: second)
        }
        if backupSector > lastSector {
            findings.append(.diskTooShort(backupSector: backupSector, lastSector: lastSector))
        } else if backupSector < lastSector {
            findings.append(.backupNotAtEnd(sector: backupSector, lastSector: lastSector))
        }
        if !hasProtectiveMBR() { findings.append(.noProtectiveMBR) }
        findings += duplicates(in: used.table)
        return PartitionTable.Parsed(table: used.table, copyUsed: copyUsed, findings: findings)
    }

    /// The backup and its sector: where the primary says if it is valid, else the last sector, else where the
    /// damaged primary says (the disk may have been enlarged before it was damaged).
    private func backupCopy(primary: Result<Copy, GPTDamage>) -> (Result<Copy, GPTDamage>, UInt64) {
        let lastSector = sectors - 1
        if case .success(let first) = primary {
            return (copy(.backup, at: first.header.alternateSector), first.header.alternateSector)
        }
        let last = copy(.backup, at: lastSector)
        if case .failure = last, let bytes = try? read(sector: 1, count: sectorSize.rawValue),
            let sector = GPTHeader.alternateSector(ofDamaged: bytes), sector != lastSector, sector > 1
        {
            let other = copy(.backup, at: sector)
            if case .success = other { return (other, sector) }
        }
        return (last, lastSector)
    }

    private func copy(_ role: GPTCopy, at sector: UInt64) -> Result<Copy, GPTDamage> {
        do {
            return .success(try checkedCopy(role, at: sector))
        } catch {
            return .failure(error)
        }
    }

    private func checkedCopy(_ role: GPTCopy, at sector: UInt64) throws(GPTDamage) -> Copy {
        let header = try GPTHeader(sector: read(sector: sector, count: sectorSize.rawValue), at: sector)
        guard header.firstUsable > 1, header.firstUsable <= header.lastUsable, header.lastUsable < sectors
        else {
            throw .usableRange(first: header.firstUsable, last: header.lastUsable, sectors: sectors)
        }
        let size = try header.entryBytes()
        let start = header.entriesSector
        let length = (UInt64(size) + sectorSize.bytes - 1) / sectorSize.bytes
        // The bounds of both lie inside the disk, so that nothing overflows.
        guard start < sectors, length <= sectors - start else { throw .entriesPosition(start) }
        let end = start + length
        let isInPlace =
            switch role {
            case .primary: start > 1 && end <= header.firstUsable
            case .backup: start > header.lastUsable && end <= sector
            }
        guard isInPlace else { throw .entriesPosition(start) }
        let bytes = try read(sector: start, count: size)
        let computed = CRC32.checksum(bytes)
        guard computed == header.entriesChecksum else {
            throw .entriesChecksum(stored: header.entriesChecksum, computed: computed)
        }
        let partitions = try entries(bytes, header)
        let unit = sectorSize.bytes
        return Copy(
            header: header,
            table: PartitionTable(
                parsed: partitions,
                diskGUID: header.diskGUID,
                sectorSize: sectorSize,
                diskSize: sectors * unit,
                usableRange: header.firstUsable * unit..<(header.lastUsable + 1) * unit
            )
        )
    }

    private func entries(_ bytes: [UInt8], _ header: GPTHeader) throws(GPTDamage) -> [Partition] {
        var partitions: [Partition] = []
        for index in 0..<Int(header.entryCount) {
            let base = index * Int(header.entrySize)
            guard let typeBytes = bytes.bounded(at: base, count: 16), let type = GUID(diskBytes: typeBytes),
                type != .zero
            else { continue }
            let number = index + 1
            guard number <= PartitionTable.entryCount else { throw .entryNumber(number) }
            guard let guidBytes = bytes.bounded(at: base + 16, count: 16),
                let guid = GUID(diskBytes: guidBytes),
                let first = bytes.littleEndian(UInt64.self, at: base + 32),
                let last = bytes.littleEndian(UInt64.self, at: base + 40),
                let attributes = bytes.littleEndian(UInt64.self, at: base + 48),
                first >= header.firstUsable, last <= header.lastUsable, first <= last
            else {
                throw .entryRange(
                    number: number,
                    first: bytes.littleEndian(UInt64.self, at: base + 32) ?? 0,
                    last: bytes.littleEndian(UInt64.self, at: base + 40) ?? 0
                )
            }
            let units = (0..<Partition.maximumLabelUnits).map {
                bytes.littleEndian(UInt16.self, at: base + 56 + 2 * $0) ?? 0
            }
            partitions.append(
                Partition(
                    number: number,
                    type: PartitionType(type),
                    guid: guid,
                    label: String(decoding: units.prefix { $0 != 0 }, as: UTF16.self),
                    offset: first * sectorSize.bytes,
                    size: (last - first + 1) * sectorSize.bytes,
                    attributes: PartitionAttributes(rawValue: attributes)
                )
            )
        }
        let ordered = partitions.sorted { $0.offset < $1.offset }
        for (left, right) in zip(ordered, ordered.dropFirst()) where right.offset < left.end {
            throw .overlap(number: left.number, other: right.number)
        }
        return partitions
    }

    private func agree(_ first: Copy, _ second: Copy) -> Bool {
        first.table == second.table && second.header.alternateSector == 1
    }

    private func hasProtectiveMBR() -> Bool {
        guard let bytes = try? read(sector: 0, count: sectorSize.rawValue),
            bytes.littleEndian(UInt16.self, at: 510) == 0xaa55
        else { return false }
        return (0..<4).contains { index in
            let base = 446 + 16 * index
            return bytes.littleEndian(UInt8.self, at: base + 4) == 0xee
                && bytes.littleEndian(UInt32.self, at: base + 8) == 1
        }
    }

    private func duplicates(in table: PartitionTable) -> [GPTFinding] {
        var seen: [GUID: Int] = [:]
        var findings: [GPTFinding] = []
        for partition in table.partitions {
            if let other = seen[partition.guid] {
                findings.append(.duplicateGUID(partition.guid, number: partition.number, other: other))
            } else {
                seen[partition.guid] = partition.number
            }
        }
        return findings
    }

    private func read(sector: UInt64, count: Int) throws(GPTDamage) -> [UInt8] {
        guard sector < sectors else {
            throw .unreadable("sector \(sector) lies behind the disk's last sector \(sectors - 1)")
        }
        do {
            return try disk.read(at: sector * sectorSize.bytes, count: count)
        } catch {
            throw .unreadable(error.description)
        }
    }
}
