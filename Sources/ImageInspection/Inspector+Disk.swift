import Bytes
import GPT

extension Inspector {
    /// Reads the partition table of a disk image, then what lies in the partitions.
    ///
    /// - Parameters:
    ///   - path: The image file.
    ///   - name: What it is called in findings.
    mutating func inspectDisk(_ path: String, name: String) throws(InspectionError) {
        let source: ByteSource
        do {
            source = try ByteSource(file: path)
        } catch {
            throw .unreadable(path: path, reason: error.description)
        }
        guard let parsed = partitionTable(of: source, name: name) else { return }
        let table = parsed.table
        report.disk = DiskFacts(
            file: name,
            size: source.size,
            sectorSize: table.sectorSize.rawValue,
            guid: table.diskGUID.description,
            tableCopy: parsed.copyUsed.rawValue,
            partitions: table.partitions.map {
                PartitionFacts(
                    number: $0.number,
                    type: $0.type.description,
                    label: $0.label,
                    uuid: $0.guid.description,
                    offset: $0.offset,
                    size: $0.size
                )
            }
        )
        let parts = partitionParts(table.partitions, disk: source, path: path, name: name)
        inspectBoot(table.partitions, parts: parts, name: name)
        inspectSlots(table.partitions, parts: parts)
    }

    /// The table, from whichever copy is good; nil with a finding if there is none.
    private mutating func partitionTable(of source: ByteSource, name: String) -> PartitionTable.Parsed? {
        do {
            let parsed = try PartitionTable.parse(source)
            add(parsed.findings, name: name)
            if parsed.copyUsed == .backup {
                find(.note, "gpt", name, "the backup of the partition table was used for everything below")
            }
            return parsed
        } catch {
            if let parsed = truncatedTable(of: source, name: name) { return parsed }
            find(.error, "gpt", name, error.description)
            return nil
        }
    }

    private mutating func add(_ findings: [GPTFinding], name: String) {
        for finding in findings {
            switch finding {
            // A disk that was made larger is normal: systemd-repart moves the backup on first boot.
            case .backupNotAtEnd, .copiesDiffer:
                find(.warning, "gpt", name, finding.description)
            case .damaged, .diskTooShort, .noProtectiveMBR, .duplicateGUID:
                find(.error, "gpt", name, finding.description)
            }
        }
    }

    /// The table of an image whose end is missing: the primary copy is whole, but for a larger disk.
    private mutating func truncatedTable(of source: ByteSource, name: String) -> PartitionTable.Parsed? {
        for sectorSize in SectorSize.allCases {
            let unit = UInt64(sectorSize.rawValue)
            guard let header = try? source.read(at: unit, count: 92), header.starts(with: "EFI PART".utf8),
                let last = header.littleEndian(UInt64.self, at: 32), last > 1, last < (1 << 50) / unit
            else { continue }
            let size = (last + 1) * unit
            guard size > source.size,
                let parsed = try? PartitionTable.parse(source.padded(to: size), sectorSize: sectorSize),
                parsed.copyUsed == .primary
            else { continue }
            find(
                .error,
                "gpt",
                name,
                "the image is truncated: its partition table is for a disk of \(size) bytes, but the file has "
                    + "\(source.size), and the backup of the table is missing; copy the image again in full"
            )
            return parsed
        }
        return nil
    }

    /// Where the partitions lie in the file, cut to what is there.
    private mutating func partitionParts(
        _ partitions: [Partition],
        disk: ByteSource,
        path: String,
        name: String
    ) -> [Int: ImagePart] {
        var parts: [Int: ImagePart] = [:]
        for partition in partitions {
            let place = "\(name), partition \(partition.number)"
            let there = partition.offset < disk.size ? min(partition.size, disk.size - partition.offset) : 0
            if there < partition.size {
                find(
                    .error,
                    "gpt",
                    place,
                    "only \(there) of the \(partition.size) bytes of '\(partition.label)' are in the file; "
                        + "copy the image again in full"
                )
            }
            parts[partition.number] = ImagePart(
                name: place,
                path: path,
                offset: min(partition.offset, disk.size),
                size: there
            )
        }
        return parts
    }
}
