import BlockDevices
import Bytes
import Foundation
import TestSupport
import Testing

@testable import FAT

/// What power cuts, other systems and enemies leave.
@Suite struct CheckTests {
    @Test(arguments: [16, 32])
    func lostChainsDifferentTablesAndDirtyFlagsAreRepaired(_ bits: Int) throws {
        let drive = try Drive.withTwoFiles(bits)
        #expect(try FATCheck.repair(drive.disk).repaired == [])
        #expect(drive.disk.events == [])
        let geometry = try drive.volume.geometry
        let last = geometry.lastCluster
        let end: UInt32 = bits == 32 ? 0x0fff_ffff : 0xffff
        try setTable(drive.disk, last - 1, to: last)
        try setTable(drive.disk, copies: [0], last, to: end)
        var sector = try drive.disk.read(at: 0, count: 512)
        sector[Int(geometry.stateOffset)] |= 1
        try drive.disk.write(sector, at: 0)
        #expect(throws: FATError.needsRepair(.tablesDiffer)) { try drive.writer.create("EFI/new", [1]) }
        let inspected = try FATCheck.inspect(drive.disk)
        let check = try FATCheck.repair(drive.disk)
        #expect(inspected.repaired == check.repaired)
        #expect(check.repaired.contains(.tablesDiffer))
        #expect(check.repaired.contains(.markedDirty))
        #expect(check.repaired.contains(.lostClusters(count: 2)))
        #expect(check.remaining == [])
        try drive.expect(Drive.twoFiles)
    }

    @Test func aWrongFreeCountIsRepaired() throws {
        let drive = try Drive.withTwoFiles(32)
        let actual = try #require(try drive.writer.recordedFreeCount())
        for wrong in [0, actual + 1, UInt32.max] {
            try drive.writer.writeSummary(free: wrong, hint: nil)
            #expect(
                try FATCheck.repair(drive.disk).repaired == [.wrongFreeCount(recorded: wrong, actual: actual)]
            )
            try drive.expect(Drive.twoFiles)
        }
    }

    @Test func theCopyOfTheTableThatIsSoundIsTaken() throws {
        let drive = try Drive.withTwoFiles(32)
        let first = try cluster("EFI/a long name.efi", drive.disk)
        for copy in 0...1 {
            try setTable(drive.disk, copies: [copy], first, to: 0)
            let check = try FATCheck.repair(drive.disk)
            #expect(check.repaired.contains(.tablesDiffer))
            #expect(check.remaining == [])
            try drive.expect(Drive.twoFiles)
        }
    }

    @Test func piecesOfLostNamesAreRemovedAndNamesThatLostThemReported() throws {
        let drive = try Drive.withTwoFiles(32)
        let survey = try drive.writer.survey()
        let item = try survey.items[survey.item("EFI/a long name.efi")]
        let folder = survey.folders[item.folder]
        // The piece next to the entry is gone, as if a firmware had been cut between two sectors.
        var bytes = folder.bytes
        bytes[(item.entry.slots.upperBound - 2) * 32] = 0xe5
        for (index, sector) in folder.sectors.enumerated() {
            try drive.disk.write(Array(bytes[index * 512..<index * 512 + 512]), at: sector)
        }
        #expect(throws: FATError.needsRepair(.orphanedLongName(folder: "EFI", pieces: 1))) {
            try drive.writer.create("EFI/x", [1])
        }
        let check = try FATCheck.repair(drive.disk)
        #expect(check.repaired == [.orphanedLongName(folder: "EFI", pieces: 1)])
        #expect(check.remaining == [.tornName(path: "EFI/ALONGN~1.EFI")])
        try drive.writer.rename("EFI/ALONGN~1.EFI", to: "a long name.efi")
        try drive.expect(Drive.twoFiles)
    }

    @Test func twoNamesOfOneFileAreReportedAndOneCanBeRemoved() throws {
        for kept in ["EFI/a long name.efi", "EFI/second name of it.efi"] {
            let drive = try Drive.withTwoFiles(32)
            try drive.writer.create("EFI/second name of it.efi", [])
            let entry = try drive.volume.entry("EFI/a long name.efi")
            try redirect("EFI/second name of it.efi", to: entry.firstCluster, size: entry.size, drive)
            let check = try FATCheck.repair(drive.disk)
            #expect(check.repaired == [])
            #expect(
                check.remaining == [
                    .twoNames(path: "EFI/a long name.efi", other: "EFI/second name of it.efi")
                ]
            )
            for name in ["EFI/a long name.efi", "EFI/second name of it.efi"] where name != kept {
                try drive.writer.remove(name)
            }
            var files = Drive.twoFiles
            files["EFI/a long name.efi"] = nil
            files[kept] = Sample.pattern(5000)
            try drive.expect(files)
        }
    }

    @Test func nothingIsWrittenWhileChainsAreShared() throws {
        let drive = try Drive.withTwoFiles(32)
        let other = try cluster("EFI/another name.efi", drive.disk)
        try drive.writer.create("EFI/new", Sample.pattern(2000))
        try setTable(drive.disk, cluster("EFI/new", drive.disk), to: other + 1)
        drive.disk.beginLog()
        let check = try FATCheck.repair(drive.disk)
        #expect(check.repaired == [])
        let fault = FATFault.crossLink(path: "EFI/new", other: "EFI/another name.efi", cluster: other + 1)
        #expect(check.remaining.contains(fault))
        #expect(throws: FATError.self) { try drive.writer.create("EFI/more", [1]) }
        #expect(throws: FATError.self) { try drive.writer.remove("EFI/new") }
        #expect(throws: FATError.self) { try drive.writer.rename("EFI/new", to: "old") }
        #expect(drive.disk.events == [])
    }

    @Test func damagedFilesAreReportedAndTheirClustersNotGivenAway() throws {
        let drive = try Drive.withTwoFiles(32)
        let first = try cluster("EFI/a long name.efi", drive.disk)
        // It leads to a cluster that is free.
        let free = try #require(drive.writer.survey().table.free(1, except: []).first)
        try setTable(drive.disk, first, to: free)
        let check = try FATCheck.repair(drive.disk)
        let fault = FATFault.brokenChain(path: "EFI/a long name.efi", cluster: first, next: free)
        // What follows the break may be the rest of the file: it is not freed before the file is gone.
        #expect(check.remaining == [fault, .lostClusters(count: 9)])
        #expect(check.repaired == [])
        try drive.writer.create("EFI/new", Sample.pattern(100_000))
        #expect(try FATCheck.inspect(drive.disk).remaining == check.remaining)
        try drive.writer.remove("EFI/a long name.efi")
        #expect(try FATCheck.repair(drive.disk).repaired.contains(.lostClusters(count: 9)))
        try drive.expect(["EFI/another name.efi": Sample.pattern(3000), "EFI/new": Sample.pattern(100_000)])
    }

    @Test func aFolderThatWasCutWhileItGrewEndsWhereItIsSound() throws {
        let drive = try Drive.withTwoFiles(32)
        let folder = try cluster("EFI", drive.disk)
        let free = try #require(drive.writer.survey().table.free(1, except: []).first)
        try setTable(drive.disk, folder, to: free)
        #expect(throws: FATError.needsRepair(.cutFolder(path: "EFI"))) {
            try drive.writer.create("EFI/x", [1])
        }
        #expect(try FATCheck.repair(drive.disk).repaired == [.cutFolder(path: "EFI")])
        try drive.expect(Drive.twoFiles)
    }

    @Test(arguments: [16, 32])
    func loopsAndWildChainsEndAndAreNotWritten(_ bits: Int) throws {
        let path = "EFI/a long name.efi"
        let drive = try Drive.withTwoFiles(bits)
        let first = try cluster(path, drive.disk)
        let folder = try cluster("EFI", drive.disk)
        let last = try drive.volume.geometry.lastCluster
        let bad: UInt32 = bits == 32 ? 0x0fff_fff7 : 0xfff7
        for (cluster, value) in [
            (first, first), (first, folder), (folder, folder), (folder, first), (first, last + 1),
            (folder, bad),
            (folder, 1), (first, 1),
        ] {
            let disk = drive.disk.copy()
            try setTable(disk, cluster, to: value)
            disk.beginLog()
            let check = try FATCheck.repair(disk)
            #expect(!check.remaining.isEmpty, "\(cluster) \(value)")
            #expect(disk.events == [], "\(cluster) \(value)")
            if cluster == folder {
                #expect(throws: FATError.self) { try FATWriter(disk).create("EFI/x", [1]) }
            }
            #expect(try FATVolume(disk.source).folder().entries.map(\.name) == ["EFI"])
        }
    }

    @Test func otherKindsAreRefused() throws {
        let sample = try Sample(12, kibibytes: 1024)
        let disk = try Drive(sample).disk
        #expect(throws: FATError.unsupported("it is FAT12")) { try FATWriter(disk) }
        #expect(throws: FATError.unsupported("it is FAT12")) { try FATCheck.repair(disk) }
        let drive = try Drive.withTwoFiles(32)
        var sector = try drive.disk.read(at: 0, count: 512)
        sector[40] = 0x80
        try drive.disk.write(sector, at: 0)
        #expect(throws: FATError.unsupported("only one copy of its table is kept")) {
            try drive.writer.create("x", [1])
        }
    }

    @Test func anyByteOfAFolderMayBeAnything() throws {
        let drive = try Drive.withTwoFiles(16)
        let survey = try drive.writer.survey()
        let start = try #require(survey.folders.last?.sectors.first)
        for index in stride(from: 0, to: 300, by: 3) {
            for value: UInt8 in [0, 1, 0x10, 0x7f, 0xe5, 0xff] {
                let disk = drive.disk.copy()
                try disk.write([value], at: start + UInt64(index))
                _ = try? FATCheck.repair(disk)
                _ = try? FATWriter(disk).create("EFI/new name", [1])
                _ = try? FATWriter(disk).remove("EFI/another name.efi")
                _ = try? FATWriter(disk).rename("EFI/a long name.efi", to: "b")
            }
        }
    }

    private func redirect(_ path: String, to cluster: UInt32, size: UInt32, _ drive: Drive) throws {
        let survey = try drive.writer.survey()
        let item = try survey.items[survey.item(path)]
        let folder = survey.folders[item.folder]
        let slot = (item.entry.slots.upperBound - 1) * 32
        let name = folder.bytes[slot..<slot + 11]
        let entry = name + FATWriter.entry(attributes: 0x20, cluster: cluster, size: size).dropFirst(11)
        try drive.disk.write(Array(entry), at: folder.sectors[slot / 512] + UInt64(slot % 512))
    }
}
