import Bytes
import Foundation
import GPT
import TestSupport
import Testing

/// What gdisk and util-linux think of our tables, and what we think of theirs.
@Suite struct GoldenTests {
    @Test func sgdiskFindsNoProblem() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("disk")
        let table = try Sample.layout(.bytes512).table(diskSize: 32 << 20)
        try table.write(to: path)
        let verdict = try runTool("sgdisk", "-v", path)
        #expect(verdict.status == 0)
        #expect(verdict.output.contains("No problems found"), "\(verdict.output)")
        let list = try runTool("sgdisk", "-p", path).output
        #expect(list.contains("Disk identifier (GUID): \(Sample.disk.uppercased())"), "\(list)")
        let root = try #require(table[2])
        let info = try runTool("sgdisk", "-i", "2", path).output
        #expect(info.contains("4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"), "\(info)")
        #expect(info.contains(root.guid.description.uppercased()))
        #expect(info.contains("First sector: \(root.offset / 512) "))
        #expect(info.contains("Last sector: \(root.end / 512 - 1) "))
        #expect(info.contains("Attribute flags: 9000000000000000"))
        // sgdisk prints characters outside of the Basic Multilingual Plane as it should not.
        #expect(info.contains("'" + root.label.prefix { $0 != "🚢" }))
    }

    private struct Dump: Decodable {
        struct Table: Decodable {
            var label: String
            var id: String
            var firstlba: UInt64
            var lastlba: UInt64
            var sectorsize: Int
            var partitions: [Entry]
        }
        struct Entry: Decodable {
            var node: String
            var start: UInt64
            var size: UInt64
            var type: String
            var uuid: String
            var name: String
            var attrs: String?
        }
        var partitiontable: Table
    }

    @Test func sfdiskReadsWhatWasWritten() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("disk")
        let table = try Sample.layout(.bytes512).table(diskSize: 32 << 20)
        try table.write(to: path)
        let tool = try runTool("sfdisk", "--json", path)
        let dump = try JSONDecoder().decode(Dump.self, from: Data(tool.output.utf8)).partitiontable
        #expect(dump.label == "gpt")
        #expect(dump.id.lowercased() == Sample.disk)
        #expect(dump.firstlba * 512 == table.usableRange.lowerBound)
        #expect((dump.lastlba + 1) * 512 == table.usableRange.upperBound)
        #expect(dump.partitions.map(\.node) == table.partitions.map { path + String($0.number) })
        #expect(dump.partitions.map { $0.start * 512 } == table.partitions.map(\.offset))
        #expect(dump.partitions.map { $0.size * 512 } == table.partitions.map(\.size))
        #expect(dump.partitions.map { $0.type.lowercased() } == table.partitions.map(\.type.guid.description))
        #expect(dump.partitions.map { $0.uuid.lowercased() } == table.partitions.map(\.guid.description))
        #expect(dump.partitions.map(\.name) == table.partitions.map(\.label))
        #expect(dump.partitions.map(\.attrs) == [nil, "GUID:60,63", nil, "GUID:59"])
    }

    @Test func fdiskReadsTablesOfBothSectorSizes() throws {
        for sectorSize in SectorSize.allCases {
            let directory = try TemporaryDirectory()
            let path = directory.file("disk")
            let table = try Sample.layout(sectorSize).table(diskSize: 32 << 20)
            try table.write(to: path)
            let unit = UInt64(sectorSize.rawValue)
            let tool = try runTool(
                "fdisk",
                "-b",
                String(sectorSize.rawValue),
                "-l",
                "--bytes",
                "-o",
                "Start,End,Size,Type-UUID,UUID,Name",
                path
            )
            #expect(tool.status == 0)
            #expect(tool.output.contains("Disklabel type: gpt"), "\(tool.output)")
            for word in ["corrupt", "mismatch", "invalid", "not on the end"] {
                #expect(!tool.output.contains(word), "\(tool.output)")
            }
            let rows = tool.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            for partition in table.partitions {
                let row = [
                    String(partition.offset / unit), String(partition.end / unit - 1), String(partition.size),
                    partition.type.guid.description.uppercased(), partition.guid.description.uppercased(),
                    partition.label,
                ]
                #expect(rows.contains(row), "\(row) is not in \(tool.output)")
            }
        }
    }

    @Test func fdiskWrites4096ByteSectorsThatWeRead() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("disk")
        try Data().write(to: URL(filePath: path))
        #expect(truncate(path, 16 << 20) == 0)
        let script = "printf 'g\\nn\\n2\\n512\\n+4M\\nw\\n' | fdisk -b 4096 '\(path)'"
        let tool = try runTool("sh", "-c", script)
        #expect(tool.status == 0, "\(tool.output)")
        let parsed = try PartitionTable.parse(ByteSource(file: path))
        #expect(parsed.findings == [])
        #expect(parsed.table.sectorSize == .bytes4096)
        #expect(parsed.table.partitions.map(\.offset) == [2 << 20])
        #expect(parsed.table.partitions.map(\.size) == [4 << 20])
        #expect(parsed.table[2]?.type == .linuxGeneric)
    }

    @Test func whatSgdiskWritesIsRead() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("disk")
        try Data().write(to: URL(filePath: path))
        #expect(truncate(path, 16 << 20) == 0)
        let guid = "11112222-3333-4444-5555-666677778888"
        let tool = try runTool(
            "sgdisk",
            "-U",
            Sample.disk,
            "-n",
            "1:2048:+1M",
            "-t",
            "1:ef00",
            "-c",
            "1:EFI system ünïcode",
            "-n",
            "128:0:+2M",
            "-t",
            "128:8304",
            "-u",
            "128:\(guid)",
            "-A",
            "128:set:60",
            path
        )
        #expect(tool.status == 0, "\(tool.output)")
        let parsed = try PartitionTable.parse(ByteSource(file: path))
        #expect(parsed.findings == [])
        #expect(parsed.copyUsed == .primary)
        let table = parsed.table
        #expect(table.diskGUID.description == Sample.disk)
        #expect(table.sectorSize == .bytes512)
        #expect(table[1]?.type == .esp)
        #expect(table[1]?.label == "EFI system ünïcode")
        #expect(table[1]?.size == 1 << 20)
        #expect(table[128]?.type == .root(.amd64))
        #expect(table[128]?.guid.description == guid)
        #expect(table[128]?.attributes == .readOnly)
        // Written again it must still be sgdisk's own table.
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let encoded = try table.encoded()
        #expect(Array(bytes[512..<34 * 512]) == encoded.primary.bytes)
        #expect(Array(bytes[Int(encoded.backup.offset)...]) == encoded.backup.bytes)
    }

    @Test func sgdiskRestoresFromOurBackup() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("disk")
        let table = try Sample.layout(.bytes512).table(diskSize: 32 << 20)
        try table.write(to: path)
        let handle = try FileHandle(forWritingTo: URL(filePath: path))
        try handle.seek(toOffset: 512)
        try handle.write(contentsOf: Data(repeating: 0, count: 4096))
        try handle.close()
        let parsed = try PartitionTable.parse(ByteSource(file: path))
        #expect(parsed.copyUsed == .backup)
        #expect(parsed.findings == [.damaged(.primary, .noSignature)])
        #expect(parsed.table == table)
        let repair = try runTool("sgdisk", "-e", path)
        #expect(repair.status == 0, "\(repair.output)")
        #expect(try PartitionTable.parse(ByteSource(file: path)).findings == [])
    }
}
