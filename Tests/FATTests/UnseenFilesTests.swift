import BlockDevices
import Bytes
import Foundation
import TestSupport
import Testing

@testable import FAT

/// A repair never frees or overwrites what it only could not see.
@Suite struct UnseenFilesTests {
    /// The only cluster of the folder is free, bad or leads nowhere in both copies of the table: a firmware that reads
    /// the folder up to its end mark never looks at that entry.
    @Test(arguments: [16, 32])
    func filesInAFolderThatCannotBeEnteredKeepTheirChains(_ bits: Int) throws {
        let drive = try Drive.withTwoFiles(bits)
        let folder = try cluster("EFI", drive.disk)
        let bad: UInt32 = bits == 32 ? 0x0fff_fff7 : 0xfff7
        for value in [0, bad, 1] as [UInt32] {
            let disk = drive.disk.copy()
            try setTable(disk, folder, to: value)
            disk.beginLog()
            let check = try FATCheck.repair(disk)
            #expect(check.repaired == [], "\(value)")
            let isReported = check.remaining.contains {
                if case .brokenFolder("EFI", _, _) = $0 { true } else { false }
            }
            #expect(isReported, "\(value) \(check.remaining)")
            #expect(throws: FATError.self) { try FATWriter(disk).create("new", [1]) }
            #expect(disk.events == [], "\(value)")
            // Whoever puts the entry right has all files again.
            try setTable(disk, folder, to: bits == 32 ? 0x0fff_ffff : 0xffff)
            try drive.with(disk).expect(Drive.twoFiles)
        }
    }

    /// The folder goes on in a cluster that is free, and what is named there must stay.
    @Test func aFolderIsNotCutInFrontOfNames() throws {
        let drive = try Drive.withTwoFiles(32)
        var files = Drive.twoFiles
        // Two clusters of 16 slots: 2 for each name, so that the later ones are in the second one.
        for index in 0..<8 {
            files["EFI/file number \(index)"] = Sample.pattern(700, seed: index)
            try drive.writer.create("EFI/file number \(index)", Sample.pattern(700, seed: index))
        }
        let folder = try cluster("EFI", drive.disk)
        let geometry = try drive.volume.geometry
        let table = try AllocationTable(drive.disk, geometry, copy: 0)
        let second = table.value(folder)
        let after = table.value(second)
        let whole = drive.disk.copy()
        try setTable(drive.disk, second, to: 0)
        drive.disk.beginLog()
        let check = try FATCheck.repair(drive.disk)
        #expect(check.repaired == [])
        #expect(check.remaining.contains(.brokenFolder(path: "EFI", cluster: folder, next: second)))
        #expect(drive.disk.events == [])
        // With nothing lost, but names behind the cut.
        let empty = whole.copy()
        for index in 0..<8 { try FATWriter(empty).remove("EFI/file number \(index)") }
        let long = String(repeating: "a name that has no place in the first cluster ", count: 3) + "of it"
        try FATWriter(empty).create("EFI/\(long)", [])
        #expect(table.isEnd(after))
        try setTable(empty, second, to: 0)
        empty.beginLog()
        _ = try FATCheck.repair(empty)
        #expect(empty.events == [])
    }

    /// One copy of the table has two files wrong, the other one hides all files.
    @Test(arguments: [0, 1])
    func aCopyOfTheTableThatHidesAFolderIsNotTaken(_ hiding: Int) throws {
        let drive = try Drive.withTwoFiles(32)
        let folder = try cluster("EFI", drive.disk)
        let files = try Drive.twoFiles.keys.map { try cluster($0, drive.disk) }
        try setTable(drive.disk, copies: [hiding], folder, to: 0)
        for file in files { try setTable(drive.disk, copies: [1 - hiding], file, to: 0x0fff_ffff) }
        let check = try FATCheck.repair(drive.disk)
        #expect(check.repaired == [.tablesDiffer])
        let fault = FATFault.wrongLength(path: "EFI/a long name.efi", size: 5000, clusters: 1)
        #expect(check.remaining.contains(fault))
        #expect(try drive.volume.folder("EFI").entries.count == 2)
    }

    @Test(arguments: [0, 1])
    func aCopyOfTheTableThatCannotBeReadIsWrittenAgain(_ copy: Int) throws {
        let drive = try Drive.withTwoFiles(32)
        let geometry = try drive.volume.geometry
        let place = geometry.tableOffset + UInt64(copy) * geometry.tableSize + 5000
        let disk = FaultyDisk(drive.disk, [.unreadable(at: place)])
        #expect(throws: FATError.needsRepair(.tablesDiffer)) { try FATWriter(disk).create("new", [1]) }
        #expect(try FATCheck.repair(disk).repaired == [.tablesDiffer])
        try FATWriter(disk).create("new", [1])
        var files = Drive.twoFiles
        files["new"] = [1]
        try drive.expect(files)
        // Neither can be read: an error, and nothing is written.
        let lost = try Drive.withTwoFiles(32)
        let faults = (0...1).map {
            FaultyDisk.Fault.unreadable(at: geometry.tableOffset + UInt64($0) * geometry.tableSize + 5000)
        }
        #expect(throws: FATError.self) { try FATCheck.repair(FaultyDisk(lost.disk, faults)) }
        #expect(lost.disk.events == [])
    }

    /// Damage is looked through once, however much there is, and nothing is written.
    @Test func damageOfAnyExtentEnds() throws {
        let drive = try Drive.withTwoFiles(16)
        try drive.writer.makeFolder("MANY")
        let geometry = try drive.volume.geometry
        let table = try AllocationTable(drive.disk, geometry, copy: 0)
        let free = try #require(table.free(1, except: []).first)
        // A root folder of 512 slots, each for a file in a free cluster: all chains are broken.
        let root = geometry.fixedRoot
        for index in 20..<512 {
            let name = Array("F\(index)".utf8)
            let entry =
                name + [UInt8](repeating: 0x20, count: 11 - name.count)
                + FATWriter.entry(attributes: 0x20, cluster: free, size: 700).dropFirst(11)
            try drive.disk.write(Array(entry), at: root.lowerBound + UInt64(index) * 32)
        }
        for index in 3..<20 {
            try drive.disk.write([0xe5], at: root.lowerBound + UInt64(index) * 32)
        }
        drive.disk.beginLog()
        let check = try FATCheck.repair(drive.disk)
        #expect(check.remaining.count { if case .brokenChain = $0 { true } else { false } } == 492)
        #expect(drive.disk.events == [])
    }

    /// Folders as large as the file system: 2 MiB each, of deleted slots.
    @Test func foldersOfAnySizeAreNotKeptInMemory() throws {
        let drive = try Drive(Sample(32, kibibytes: 40_960, options: ["-s", "8"]))
        let geometry = try drive.volume.geometry
        var table = try AllocationTable(drive.disk, geometry, copy: 0)
        let before = table
        let perFolder = UInt32(FATVolume.maximumFolderSize / geometry.clusterSize)
        var entries: [UInt8] = []
        for number in 0..<10 as Range<UInt32> {
            let first = 3 + number * perFolder
            table.makeChain(Array(first..<first + perFolder))
            entries +=
                Array("FOLDER\(number)    ".utf8)
                + FATWriter.entry(attributes: 0x10, cluster: first, size: 0).dropFirst(11)
            for cluster in first..<first + perFolder {
                let slots = [UInt8](repeating: 0xe5, count: geometry.clusterSize)
                try drive.disk.write(slots, at: geometry.offset(ofCluster: cluster))
            }
        }
        for copy in 0...1 { try table.write(before.differences(from: table), to: drive.disk, copy: copy) }
        try drive.disk.write(entries, at: geometry.offset(ofCluster: geometry.rootCluster) + 32)
        #expect(throws: FATError.treeTooLarge(path: "FOLDER7")) { try drive.writer.freeBytes() }
    }
}
