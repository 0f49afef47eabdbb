import Bytes
import GPT
import Testing

/// Tables that are damaged by chance or on purpose: the parser answers, and never traps.
@Suite struct HostileTests {
    private let primaryHeader = 512
    private let last = 127 * 512

    /// CRC-32, computed bit by bit so that it is independent of the module's table.
    private func crc(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var value: UInt32 = ~0
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? 0xedb8_8320 ^ (value >> 1) : value >> 1 }
        }
        return ~value
    }

    /// Makes both CRCs of both copies right again after a change, so that the change itself is what is judged.
    private func reseal(_ image: inout [UInt8], headers: [Int]) {
        for header in headers {
            let entries = Int(clamping: image.littleEndian(UInt64.self, at: header + 72) ?? 0)
                .multipliedReportingOverflow(by: 512)
            let count = Int(image.littleEndian(UInt32.self, at: header + 80) ?? 0)
            let size = Int(image.littleEndian(UInt32.self, at: header + 84) ?? 0)
            if !entries.overflow, let array = image.bounded(at: entries.partialValue, count: count &* size) {
                put(crc(array), &image, header + 88)
            }
            put(UInt32(0), &image, header + 16)
            put(crc(image[header..<header + 92]), &image, header + 16)
        }
    }

    private func put<T: FixedWidthInteger & UnsignedInteger>(_ value: T, _ image: inout [UInt8], _ index: Int)
    {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(value)
        image.replaceSubrange(index..<index + bytes.count, with: bytes)
    }

    private func parse(_ image: [UInt8]) throws -> PartitionTable.Parsed {
        try PartitionTable.parse(ByteSource(bytes: image), sectorSize: .bytes512)
    }

    @Test func everyByteOfTheHeadersIsProtected() throws {
        let table = try Sample.smallTable()
        let image = try table.image()
        for index in 0..<92 {
            for bit in [UInt8(1), 0x80] {
                var broken = image
                broken[primaryHeader + index] ^= bit
                let parsed = try parse(broken)
                #expect(parsed.copyUsed == .backup)
                #expect(parsed.table == table)
                #expect(parsed.findings.count == 1)
                broken[last + index] ^= bit
                #expect(throws: GPTError.self) { try parse(broken) }
                var other = image
                other[last + index] ^= bit
                #expect(try parse(other).copyUsed == .primary)
                #expect(try parse(other).isHealthy == false)
            }
        }
    }

    @Test func everyByteOfTheEntriesIsProtected() throws {
        let table = try Sample.smallTable()
        let image = try table.image()
        for index in stride(from: 1024, to: 1024 + 16_384, by: 61) {
            var broken = image
            broken[index] ^= 0x10
            let parsed = try parse(broken)
            #expect(parsed.copyUsed == .backup)
            #expect(parsed.table == table)
        }
    }

    @Test func everyTruncationIsAnErrorOrAFinding() throws {
        let image = try Sample.smallTable().image()
        for length in stride(from: 0, to: image.count, by: 509) {
            let cut = Array(image.prefix(length))
            guard length / 512 > 94 else {
                #expect(throws: GPTError.self, "\(length)") {
                    try PartitionTable.parse(ByteSource(bytes: cut))
                }
                continue
            }
            // All partitions are there, only the backup is not.
            let lost = GPTFinding.diskTooShort(backupSector: 127, lastSector: UInt64(length / 512 - 1))
            #expect(try parse(cut).findings.contains(lost))
        }
    }

    @Test func absurdFieldsWithGoodChecksumsAreRefused() throws {
        let image = try Sample.smallTable().image()
        let cases: [(Int, UInt64, Int)] = [
            (80, 0, 4), (80, 0xffff_ffff, 4), (80, 0x0100_0000, 4), (84, 0, 4), (84, 1, 4), (84, 64, 4),
            (84, 192, 4),
            (84, 0x8000_0000, 4), (40, 0, 8), (40, 1, 8), (40, .max, 8), (48, .max, 8), (48, 128, 8),
            (48, 3, 8),
            (72, 0, 8), (72, 1, 8), (72, 3, 8), (72, .max, 8), (72, 60, 8), (8, 0x0002_0000, 4), (12, 91, 4),
            (12, 513, 4),
            (12, 0xffff_ffff, 4), (24, 2, 8), (24, .max, 8),
        ]
        for (field, value, width) in cases {
            var broken = image
            for header in [primaryHeader, last] {
                if width == 4 {
                    put(UInt32(truncatingIfNeeded: value), &broken, header + field)
                } else {
                    put(value, &broken, header + field)
                }
            }
            reseal(&broken, headers: [primaryHeader, last])
            #expect(throws: GPTError.self, "field \(field) = \(value)") { try parse(broken) }
        }
    }

    @Test func entriesThatOverlapOrLeaveTheDiskAreRefused() throws {
        let image = try Sample.smallTable().image()
        let entries = [1024, last - 16_384]
        // First and last sector of partition 1; partition 2 has 48...63.
        let cases: [(UInt64, UInt64)] = [
            (40, 48), (63, 63), (40, 80), (50, 52), (47, 40), (0, 40), (33, 40), (40, 94 + 1), (40, .max),
            (.max, .max),
            (.max, 0), (0, .max),
        ]
        for (first, end) in cases {
            var broken = image
            for base in entries {
                put(first, &broken, base + 32)
                put(end, &broken, base + 40)
            }
            reseal(&broken, headers: [primaryHeader, last])
            #expect(throws: GPTError.self, "\(first)...\(end)") { try parse(broken) }
        }
        var moved = image
        for base in entries {
            put(UInt64(34), &moved, base + 32)
            put(UInt64(47), &moved, base + 40)
        }
        reseal(&moved, headers: [primaryHeader, last])
        #expect(try parse(moved).table[1]?.offset == 34 * 512)
    }

    @Test func aTinyUsableRangeCanBeWrittenAgain() throws {
        // A table of 4 entries leaves sectors free that 128 entries need; with nothing there it can be rewritten.
        var image = try Sample.smallTable().image()
        for (header, start) in [(primaryHeader, 1024), (last, last - 16_384)] {
            image.replaceSubrange(start..<start + 256, with: [UInt8](repeating: 0, count: 256))
            put(UInt32(4), &image, header + 80)
            put(UInt64(3), &image, header + 40)
            put(UInt64(4), &image, header + 48)
        }
        reseal(&image, headers: [primaryHeader, last])
        let table = try parse(image).table
        #expect(table.usableRange == 1536..<2560)
        let again = try PartitionTable.parse(ByteSource(bytes: table.image()))
        #expect(again.isHealthy)
        #expect(again.table.usableRange == 34 * 512..<95 * 512)
    }

    @Test func aWriteCutBetweenTheCopiesIsNoticed() throws {
        var table = try Sample.smallTable()
        var image = try table.image()
        var state = try #require(table[2])
        state.label = "new"
        try table.set(state)
        let encoded = try table.encoded()
        image.replaceSubrange(Int(encoded.backup.offset)..., with: encoded.backup.bytes)
        let parsed = try parse(image)
        #expect(parsed.findings == [.copiesDiffer])
        #expect(parsed.copyUsed == .primary)
        #expect(parsed.table[2]?.label == "state")
        // And when the write of the primary is cut in any sector, the new backup is used.
        for sectors in 1..<33 {
            var torn = image
            torn.replaceSubrange(512..<512 + sectors * 512, with: encoded.primary.bytes.prefix(sectors * 512))
            let table = try parse(torn).table
            #expect(["state", "new"].contains(table[2]?.label))
        }
    }

    @Test func anEnlargedDiskIsNoticed() throws {
        let table = try Sample.smallTable()
        let enlarged = try table.image() + [UInt8](repeating: 0, count: 64 << 10)
        let parsed = try parse(enlarged)
        #expect(parsed.findings == [.backupNotAtEnd(sector: 127, lastSector: 255)])
        #expect(parsed.table.diskSize == 128 << 10)
        // The primary's entries are damaged too: its header still says where the backup is.
        var broken = enlarged
        broken[1024] ^= 1
        let rescued = try parse(broken)
        #expect(rescued.copyUsed == .backup)
        #expect(rescued.findings.contains(.backupNotAtEnd(sector: 127, lastSector: 255)))
        #expect(rescued.table.partitions == table.partitions)
    }

    @Test func aMissingProtectiveMBRIsNoticed() throws {
        var image = try Sample.smallTable().image()
        image[450] = 0x83
        #expect(try parse(image).findings == [.noProtectiveMBR])
        image[450] = 0xee
        image[511] = 0
        #expect(try parse(image).findings == [.noProtectiveMBR])
    }

    @Test func equalIdentifiersAreNoticed() throws {
        var image = try Sample.smallTable().image()
        for base in [1024, last - 16_384] {
            image.replaceSubrange(base + 128 + 16..<base + 128 + 32, with: image[base + 16..<base + 32])
        }
        reseal(&image, headers: [primaryHeader, last])
        #expect(try parse(image).findings == [.duplicateGUID(Sample.guid(number: 1), number: 2, other: 1)])
    }

    @Test func sectorSizeIsFoundFromEitherCopy() throws {
        for sectorSize in SectorSize.allCases {
            let table = try Sample.smallTable(sectorSize, diskSize: 128 << 10)
            var image = try table.image()
            #expect(try PartitionTable.parse(ByteSource(bytes: image)).table == table)
            image[sectorSize.rawValue] = 0
            let parsed = try PartitionTable.parse(ByteSource(bytes: image))
            #expect(parsed.table == table)
            #expect(parsed.copyUsed == .backup)
        }
        let empty = ByteSource(bytes: [UInt8](repeating: 0, count: 1 << 20))
        #expect(throws: GPTError.noTable) { try PartitionTable.parse(empty) }
    }

    @Test func anUnreadableDiskIsNotATrap() throws {
        let dead = ByteSource(size: 1 << 40) { _, _ in throw ByteSourceError.open(path: "/dev/x", errno: 5) }
        #expect(throws: GPTError.self) { try PartitionTable.parse(dead) }
        let endless = ByteSource(size: .max) { _, count in [UInt8](repeating: 0xff, count: count) }
        #expect(throws: GPTError.noTable) { try PartitionTable.parse(endless) }
    }
}
