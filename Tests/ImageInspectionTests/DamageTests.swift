import Bytes
import Foundation
import GPT
import Hashing
import TestSupport
import Testing

@testable import ImageInspection

/// One damage at a time: each must be named, and the rest still read.
@Suite struct DamageTests {
    private let sample: SampleImage

    init() throws { sample = try SampleImage() }

    private func inspect() throws -> InspectionReport { try Inspection.run(path: sample.disk) }

    @Test func aByteOfAFileIsNamedWithBlockOffsetAndPath() throws {
        // Bytes that cannot be compressed are stored as they are.
        let pattern = Array(SampleImage.noise(150_000, seed: 1)[90_000..<90_032])
        let inRoot = try #require(try SampleImage.find(pattern, in: sample.file("root.erofs")))
        let offset = sample.partitions[1].offset + inRoot
        try SampleImage.flip(sample.disk, at: offset)
        let report = try inspect()
        let damage = try #require(report.roots.first?.damage)
        #expect(report.roots.first?.verification == .damaged)
        #expect(damage.dataBlockCount == 1)
        #expect(damage.treeBlockCount == 0)
        #expect(damage.dataBlocks.first?.block == inRoot / 4096)
        #expect(damage.dataBlocks.first?.byteOffset == offset / 4096 * 4096)
        #expect(damage.dataBlocks.first?.files == ["/usr/bin/containerd"])
        #expect(report.errors.count == 1)
        let error = try #require(report.errors.first)
        #expect(error.contains("block \(inRoot / 4096), at byte \(offset / 4096 * 4096)"))
        #expect(error.contains("it belongs to /usr/bin/containerd"))
        // The rest is still read.
        #expect(report.roots.first?.osRelease["IMAGE_ID"] == "vm-test")
        #expect(report.packages.count == 2)
    }

    @Test func aByteOfTheRootFileIsRefusedByVeritysetupToo() throws {
        let pattern = Array(SampleImage.noise(60_000, seed: 2)[30_000..<30_032])
        let offset = try #require(try SampleImage.find(pattern, in: sample.file("root.erofs")))
        try SampleImage.flip(sample.file("root.erofs"), at: offset)
        let report = try Inspection.run(path: sample.folder.path)
        #expect(report.roots.map(\.verification) == [.intact, .damaged])
        #expect(report.roots.last?.damage?.dataBlocks.map(\.files) == [["/usr/bin/runc"]])
        #expect(report.files.first { $0.name == "root.erofs" }?.status == .differs)
        #expect(report.errors.contains { $0.hasPrefix("checksum | root.erofs") })
        let tool = try runTool(
            "veritysetup",
            "verify",
            sample.file("root.erofs"),
            sample.file("root.verity"),
            sample.rootHash
        )
        #expect(tool.status != 0)
        #expect(tool.output.contains("\(offset / 4096 * 4096)"), "\(tool.output)")
    }

    @Test func inodesInADamagedBlockAreNamed() throws {
        // Small files lie behind their inodes; of many, most are not in the superblock's own block.
        let files = Dictionary(
            uniqueKeysWithValues: (100..<400).map { ("etc/many/file\($0)", "content of \($0)\n") }
        )
        let sample = try SampleImage(.init(files: files))
        let pattern = Array("content of 250\n".utf8)
        let inRoot = try #require(try SampleImage.find(pattern, in: sample.file("root.erofs")))
        try #require(inRoot >= 4096)
        try SampleImage.flip(sample.disk, at: sample.partitions[1].offset + inRoot)
        let report = try Inspection.run(path: sample.disk)
        let block = try #require(report.roots.first?.damage?.dataBlocks.first)
        #expect(block.files.contains("/etc/many/file250"))
        #expect(block.inodes.contains("/etc/many/file250"))
        #expect(report.errors.first?.contains("inodes") == true)
    }

    @Test func aByteOfTheHashTreeIsNotTakenForData() throws {
        let offset = sample.partitions[2].offset + 4096 + 33
        try SampleImage.flip(sample.disk, at: offset)
        let report = try inspect()
        let damage = try #require(report.roots.first?.damage)
        #expect(damage.dataBlockCount == 0)
        #expect(damage.treeBlocks.map(\.byteOffset) == [offset / 4096 * 4096])
        #expect(report.errors.count == 1)
        #expect(report.errors.first?.contains("partition 3") == true)
        #expect(report.errors.first?.contains("byte \(offset / 4096 * 4096)") == true)
    }

    @Test func aLostSuperblockIsReplacedByWhatReleaseSays() throws {
        try SampleImage.flip(sample.disk, at: sample.partitions[2].offset)
        let alone = try inspect()
        #expect(alone.roots.first?.verification == .impossible)
        #expect(alone.errors.count == 1)
        #expect(alone.errors.first?.contains("signature") == true)
        #expect(alone.roots.first?.osRelease["IMAGE_ID"] == "vm-test")
        let folder = try Inspection.run(path: sample.folder.path)
        #expect(folder.roots.first?.verification == .damaged)
        #expect(folder.roots.first?.computedRootHash == sample.rootHash)
    }

    @Test func anotherSaltMakesNothingFit() throws {
        try SampleImage.flip(sample.disk, at: sample.partitions[2].offset + 88)
        let report = try inspect()
        #expect(report.errors.count == 1)
        #expect(report.errors.first?.contains("nothing in it fits the root hash") == true)
        let folder = try Inspection.run(path: sample.folder.path)
        #expect(folder.errors.contains { $0.contains("release.json says cafe01") })
        #expect(folder.roots.first?.computedRootHash == sample.rootHash)
    }

    // MARK: Partition table

    @Test func aBadPrimaryTableMeansTheBackup() throws {
        try SampleImage.flip(sample.disk, at: 512 + 60)
        let report = try inspect()
        #expect(report.disk?.tableCopy == "backup")
        #expect(report.errors.count == 1)
        #expect(report.errors.first?.contains("primary copy") == true)
        #expect(report.texts(.note).contains { $0.contains("backup") })
        #expect(report.roots.map(\.verification) == [.intact])
        #expect(report.text().contains { $0.contains("BACKUP") })
        // gdisk's word for it.
        #expect(try runTool("sgdisk", "-v", sample.disk).output.lowercased().contains("main"))
    }

    @Test func aTableWithoutSignatureIsFoundByItsBackup() throws {
        try SampleImage.write([UInt8](repeating: 0, count: 34 * 512), to: sample.disk, at: 0)
        let report = try inspect()
        #expect(report.disk?.tableCopy == "backup")
        #expect(report.roots.map(\.verification) == [.intact])
    }

    @Test func twoBadTablesLeaveTheOtherFiles() throws {
        let size = try ByteSource(file: sample.disk).size
        try SampleImage.flip(sample.disk, at: 512 + 60)
        try SampleImage.flip(sample.disk, at: size - 512 + 60)
        let report = try Inspection.run(path: sample.folder.path)
        #expect(report.disk == nil)
        #expect(report.errors.contains { $0.contains("both copies") && $0.hasPrefix("gpt | disk.raw") })
        #expect(report.roots.map(\.name) == ["root.erofs"])
        #expect(report.roots.map(\.verification) == [.intact])
    }

    @Test func aTruncatedDiskIsNamed() throws {
        let size = try ByteSource(file: sample.disk).size
        let end = sample.partitions[2].offset + 4096
        try SampleImage.truncate(sample.disk, to: end)
        let report = try inspect()
        #expect(report.errors.contains { $0.contains("truncated") && $0.contains("\(size) bytes") })
        #expect(report.errors.contains { $0.contains("partition 3") && $0.contains("only 4096 of the") })
        #expect(report.boot?.entries.count == 1)
        #expect(report.roots.first?.verification == .impossible)
        #expect(report.roots.first?.osRelease["IMAGE_ID"] == "vm-test")
    }

    @Test(arguments: [0, 1, 511, 512, 600, 1024, 17_408, 1 << 20, (1 << 20) + 700, 9 << 20, 18 << 20])
    func everyTruncationIsAnErrorOrHasOne(_ size: UInt64) throws {
        try SampleImage.truncate(sample.disk, to: size)
        do {
            let report = try inspect()
            #expect(report.worst == .error)
        } catch let error as InspectionError {
            #expect(error == .unknownFormat(path: sample.disk, size: size))
        }
    }

    // MARK: EFI system partition

    @Test func aByteOfTheKernelIsFoundThroughTheOtherCopy() throws {
        let pattern = Array(SampleImage.noise(40_000, seed: 3)[20_000..<20_032])
        let offset = try #require(try SampleImage.find(pattern, in: sample.disk))
        try SampleImage.flip(sample.disk, at: offset)
        let report = try Inspection.run(path: sample.folder.path)
        #expect(report.errors.contains { $0.hasPrefix("boot-entry") && $0.contains("in section '.linux'") })
        #expect(report.errors.contains { $0.hasPrefix("checksum | disk.raw") })
        let file = try #require(try SampleImage.find(pattern, in: sample.file(sample.kernelImage)))
        #expect(report.errors.contains { $0.contains("byte \(file) is the first that differs") })
    }

    @Test func aCommandLineWithAnotherRootHashFindsNoSlot() throws {
        let offset = try #require(try SampleImage.find(Array("roothash=".utf8), in: sample.disk)) + 9
        try SampleImage.flip(sample.disk, at: offset)
        let report = try inspect()
        #expect(report.boot?.entries.first?.rootPartition == nil)
        #expect(report.boot?.entries.first?.treePartition == 3)
        #expect(report.packages.count == 2)
        #expect(report.errors.count == 1)
        #expect(report.errors.first?.hasPrefix("boot-entry") == true)
        #expect(report.errors.first?.contains("no partition has the PARTUUID") == true)
        #expect(report.roots.first?.rootHashFrom == "PARTUUIDs")
        #expect(report.roots.first?.verification == .intact)
    }

    @Test func anotherPARTUUIDIsNotTakenForDamagedContent() throws {
        var table = try PartitionTable.parse(ByteSource(file: sample.disk)).table
        var root = try #require(table[2])
        root.guid = try #require(GUID("12345678-0000-4000-8000-000000000002"))
        try table.set(root)
        for region in try table.encoded().regions {
            try SampleImage.write(region.bytes, to: sample.disk, at: region.offset)
        }
        let report = try inspect()
        #expect(report.errors.count == 1)
        #expect(report.errors.first?.contains("no partition has the PARTUUID") == true)
        #expect(report.roots.first?.rootHash == sample.rootHash)
        #expect(report.roots.first?.verification == .intact)
    }

    @Test func aBrokenKernelImageLeavesTheSlot() throws {
        let offset = try #require(try SampleImage.find(Array(".linux\0\0".utf8), in: sample.disk))
        try SampleImage.flip(sample.disk, at: offset + 1)
        let report = try inspect()
        #expect(report.errors.contains { $0.contains("vm-test_1.2.0.efi") && $0.contains("'.linux'") })
        #expect(report.roots.first?.rootHashFrom == "PARTUUIDs")
        #expect(report.roots.first?.verification == .intact)
    }

    @Test func tablesOfTheESPThatDifferAreNamed() throws {
        // mkfs.vfat reserves sectors in front of the first table; the byte is one of its first entries.
        let reserved = try ByteSource(file: sample.disk).read(at: sample.partitions[0].offset + 14, count: 2)
        let table = UInt64(reserved.littleEndian(UInt16.self, at: 0) ?? 0) * 512
        try SampleImage.flip(sample.disk, at: sample.partitions[0].offset + table + 4096)
        let report = try inspect()
        #expect(report.errors.contains { $0.hasPrefix("esp") && $0.contains("allocation table differ") })
        #expect(report.roots.map(\.verification) == [.intact])
    }

    @Test func anESPWithoutFileSystemLeavesTheRoot() throws {
        try SampleImage.write(
            [UInt8](repeating: 0, count: 512),
            to: sample.disk,
            at: sample.partitions[0].offset
        )
        let report = try inspect()
        #expect(report.boot == nil)
        #expect(report.errors.contains { $0.hasPrefix("esp | disk.raw, partition 1") })
        #expect(report.roots.map(\.verification) == [.intact])
        #expect(report.packages.count == 2)
    }

    // MARK: Root

    @Test func aRootWithoutFileSystemIsNamed() throws {
        try SampleImage.flip(sample.disk, at: sample.partitions[1].offset + 1024)
        let report = try inspect()
        #expect(report.errors.contains { $0.hasPrefix("root | disk.raw, partition 2") })
        #expect(report.roots.first?.verification == .damaged)
        #expect(report.roots.first?.damage?.dataBlocks.map(\.block) == [0])
    }

    @Test func whateverIsFlippedNothingTraps() throws {
        let size = try ByteSource(file: sample.disk).size
        // Where structures are, and not only data.
        let regions: [(start: UInt64, count: UInt64)] = [
            (512, 1024), (sample.partitions[0].offset, 512), (sample.partitions[0].offset + 512, 40_000),
            (sample.partitions[1].offset + 1024, 8192), (sample.partitions[2].offset, 512),
            (size - 17_000, 17_000),
        ]
        let noise = SampleImage.noise(4096, seed: 99)
        for round in 0..<60 {
            let copy = sample.directory.file("copy.raw")
            try? FileManager.default.removeItem(atPath: copy)
            try FileManager.default.copyItem(atPath: sample.disk, toPath: copy)
            for change in 0..<4 {
                let region = regions[(round + change) % regions.count]
                let index = (round * 4 + change) * 8
                let random = noise[index..<index + 4].reduce(0) { $0 << 8 | UInt64($1) }
                try SampleImage.write([noise[index + 5]], to: copy, at: region.start + random % region.count)
            }
            _ = try? Inspection.run(path: copy).text()
        }
    }
}
