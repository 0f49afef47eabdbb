import BlockDevices
import Bytes
import Foundation
import TestSupport
import Testing

@testable import FAT

/// A file system that mkfs.vfat made, on a disk in memory; independent tools see it through a file.
struct Drive {
    let sample: Sample
    let disk: RecordedDisk

    init(_ sample: Sample) throws {
        self.sample = sample
        disk = try RecordedDisk(file: sample.path)
    }

    private init(_ sample: Sample, _ disk: RecordedDisk) {
        self.sample = sample
        self.disk = disk
    }

    /// Another disk in the place of this one.
    func with(_ disk: RecordedDisk) -> Drive { Drive(sample, disk) }

    var writer: FATWriter { get throws { try FATWriter(disk) } }
    var volume: FATVolume { get throws { try FATVolume(disk.source) } }

    /// fsck.vfat has nothing to say, and mtools lists these files and reads these contents.
    func expect(_ files: [String: [UInt8]], _ comment: String = "") throws {
        try disk.save(to: sample.path)
        let check = try runTool("fsck.vfat", "-n", sample.path)
        #expect(check.status == 0, "\(comment) \(check.output)")
        let listed = try runTool("mdir", "-/", "-b", "-i", sample.path, "::/").output.split(separator: "\n")
            .map { String($0.drop { $0 == ":" || $0 == "/" }) }.filter { !$0.hasSuffix("/") }
        #expect(Set(listed) == Set(files.keys), "\(comment)")
        #expect(listed.count == files.count, "\(comment)")
        // Of many files, some.
        for (name, bytes) in files.sorted(by: { $0.key < $1.key }).enumerated()
            .filter({ $0.offset % max(1, files.count / 12) == 0 }).map(\.element)
        {
            let copy = sample.directory.file("copy")
            let result = try runTool("mcopy", "-n", "-o", "-i", sample.path, "::/\(name)", copy)
            #expect(result.status == 0, "\(comment) \(result.output)")
            #expect(try [UInt8](Data(contentsOf: URL(filePath: copy))) == bytes, "\(comment) \(name)")
        }
        #expect(try FATCheck.inspect(disk).repaired == [], "\(comment)")
        #expect(try FATCheck.inspect(disk).remaining == [], "\(comment)")
    }
}

extension FATWriter {
    func create(_ path: String, _ bytes: [UInt8], spareSlots: Int = 0) throws(FATError) {
        try create(path, contents: ByteSource(bytes: bytes), spareSlots: spareSlots)
    }
}

@Suite struct WriterTests {
    static let kinds: [(bits: Int, kibibytes: Int, options: [String])] = [
        (16, 16_384, []), (32, 40_960, ["-s", "1"]), (32, 300_000, ["-s", "8"]),
        (32, 300_000, ["-S", "4096", "-s", "1"]),
    ]

    @Test(arguments: kinds)
    func whatIsWrittenIsWhatOthersRead(_ bits: Int, _ kibibytes: Int, _ options: [String]) throws {
        let sample = try Sample(bits, kibibytes: kibibytes, options: options)
        try sample.makeFolder("EFI")
        try sample.add("EFI/first.efi", Sample.pattern(70_001))
        let drive = try Drive(sample)
        let writer = try drive.writer
        let free = try writer.freeBytes()
        try writer.makeFolder("EFI/Linux")
        try writer.makeFolder("loader")
        var files = ["EFI/first.efi": Sample.pattern(70_001)]
        let long = "loader/" + String(repeating: "long name ", count: 25) + "é漢"
        for (index, name) in [
            "EFI/Linux/vm_1.0+3.efi", "EFI/Linux/VM_1.0~.efi", "BOOTX64.EFI", "loader/loader.conf", "empty",
            long,
            "a b.c", "+,;=.txt", ".hidden", "x.y.z",
        ].enumerated() {
            let bytes = Sample.pattern([0, 1, 511, 512, 4096, 100_001][(index + 1) % 6], seed: index)
            try writer.create(name, bytes)
            files[name] = bytes
        }
        try drive.expect(files)
        try writer.rename("EFI/Linux/vm_1.0+3.efi", to: "vm_1.0.efi")
        files["EFI/Linux/vm_1.0.efi"] = files.removeValue(forKey: "EFI/Linux/vm_1.0+3.efi")
        try writer.rename(long, to: "short")
        try writer.rename("loader/short", to: "SHORT")
        files["loader/SHORT"] = files.removeValue(forKey: long)
        try drive.expect(files, "renamed")
        for name in files.keys.filter({ $0 != "EFI/first.efi" }) {
            try writer.remove(name)
            files[name] = nil
        }
        try drive.expect(files, "removed")
        try writer.remove("EFI/linux")
        try writer.remove("loader")
        try drive.expect(files, "folders removed")
        // A root folder of FAT32 never shrinks.
        let grown = UInt64(try drive.volume.geometry.clusterSize) * 2
        let remaining = try writer.freeBytes()
        #expect(free - remaining <= (bits == 32 ? grown : 0))
    }

    @Test(arguments: [(16, 16_384), (32, 40_960)])
    func foldersGrowAndTheirSlotsAreUsedAgain(_ bits: Int, _ kibibytes: Int) throws {
        let sample = try Sample(bits, kibibytes: kibibytes, options: bits == 32 ? ["-s", "1"] : [])
        let drive = try Drive(sample)
        let writer = try drive.writer
        try writer.makeFolder("many")
        var files: [String: [UInt8]] = [:]
        for index in 0..<200 {
            let name = "many/" + String(repeating: "n", count: index % 60) + "ame of file \(index).config"
            try writer.create(name, [UInt8(index)])
            files[name] = [UInt8(index)]
        }
        try drive.expect(files)
        let geometry = try drive.volume.geometry
        let survey = try FATSurvey(drive.disk, table: AllocationTable(drive.disk, geometry, copy: 0))
        for item in survey.items where !item.entry.isFolder {
            let slots = item.entry.slots
            let perSector = geometry.slotsPerSector
            #expect(slots.lowerBound / perSector == (slots.upperBound - 1) / perSector, "\(item.path)")
        }
        let unused = try writer.unusedSlots(in: "many")
        for name in files.keys.sorted().enumerated().filter({ $0.offset % 3 != 0 }).map(\.element) {
            try writer.remove(name)
            files[name] = nil
        }
        for index in 0..<40 {
            try writer.create("many/again \(index)", [1])
            files["many/again \(index)"] = [1]
        }
        #expect(try writer.unusedSlots(in: "many") == unused)
        try drive.expect(files, "used again")
        try writer.compact("many")
        try drive.expect(files, "compacted")
        #expect(try writer.unusedSlots(in: "many") > 0)
        drive.disk.beginLog()
        try writer.compact("MANY")
        #expect(drive.disk.events == [])
    }

    @Test func fullVolumesAreRefusedBeforeAnythingIsWritten() throws {
        let sample = try Sample(16, kibibytes: 8192, options: ["-s", "2"])
        let drive = try Drive(sample)
        let writer = try drive.writer
        let free = try writer.freeBytes()
        #expect(throws: FATError.full(needed: free + 1024, free: free)) {
            try writer.create("large", [UInt8](repeating: 1, count: Int(free) + 1))
        }
        #expect(drive.disk.events == [])
        let all = Sample.pattern(Int(free))
        try writer.create("large", all)
        try drive.expect(["large": all])
        drive.disk.beginLog()
        #expect(throws: FATError.self) { try writer.create("one", [1]) }
        #expect(throws: FATError.self) { try writer.makeFolder("folder") }
        #expect(drive.disk.events == [])
        try writer.create("empty", [])
        try drive.expect(["large": all, "empty": []])
        try writer.remove("large")
        #expect(try writer.freeBytes() == free)
    }

    @Test func fullFoldersAreErrors() throws {
        // The root folder of FAT16 has 512 slots here, of which the label has one.
        let drive = try Drive(Sample(16, kibibytes: 8192, options: ["-s", "2"]))
        let writer = try drive.writer
        var files: [String: [UInt8]] = [:]
        for index in 0..<511 {
            try writer.create("F\(index)", [])
            files["F\(index)"] = []
        }
        drive.disk.beginLog()
        #expect(throws: FATError.folderFull(path: "")) { try writer.create("ONE", []) }
        #expect(drive.disk.events == [])
        try drive.expect(files)
        try writer.remove("F7")
        try writer.create("ONE", [])
        files["F7"] = nil
        files["ONE"] = []
        try drive.expect(files)
    }

    @Test func spareSlotsAreBehindTheEntryInItsSector() throws {
        let drive = try Drive(Sample(32, kibibytes: 300_000, options: ["-s", "8"]))
        let writer = try drive.writer
        try writer.makeFolder("EFI")
        for index in 0..<3 { try writer.create("EFI/a first file \(index)", []) }
        try writer.create("EFI/vm-containerd_1.2.3+3.efi", [1], spareSlots: 12)
        let geometry = try drive.volume.geometry
        let survey = try FATSurvey(drive.disk, table: AllocationTable(drive.disk, geometry, copy: 0))
        let item = try survey.items[survey.item("EFI/vm-containerd_1.2.3+3.efi")]
        #expect(item.entry.slots.lowerBound % 16 == 0)
        #expect(survey.folders[item.folder].content.end == item.entry.slots.upperBound)
    }

    @Test func namesAndPathsAreChecked() throws {
        let drive = try Drive(Sample(16, kibibytes: 8192, options: ["-s", "2"]))
        let writer = try drive.writer
        try writer.makeFolder("EFI")
        try writer.create("EFI/Some File.efi", [1])
        drive.disk.beginLog()
        for name in ["a:b", "a*", "x.", "x ", "a\\b", "a\nb", "..", ".", String(repeating: "a", count: 256)] {
            #expect(throws: FATError.badName(name)) { try writer.create(name, [1]) }
            #expect(throws: FATError.badName(name)) { try writer.rename("EFI/some file.efi", to: name) }
        }
        #expect(throws: FATError.exists(path: "efi/SOME file.EFI")) {
            try writer.create("efi/SOME file.EFI", [1])
        }
        #expect(throws: FATError.exists(path: "efi/somefi~1.EFI")) {
            try writer.create("efi/somefi~1.EFI", [1])
        }
        #expect(throws: FATError.exists(path: "EFI")) { try writer.makeFolder("EFI") }
        #expect(throws: FATError.notFound(path: "none")) { try writer.create("none/file", [1]) }
        #expect(throws: FATError.notAFolder(path: "EFI/some file.efi")) {
            try writer.create("EFI/some file.efi/x", [1])
        }
        #expect(throws: FATError.notFound(path: "EFI/none")) { try writer.remove("EFI/none") }
        #expect(throws: FATError.folderNotEmpty(path: "EFI")) { try writer.remove("EFI") }
        #expect(throws: FATError.folderHeld(path: "")) {
            try writer.layOut(0, replacing: nil, of: writer.survey())
        }
        #expect(drive.disk.events == [])
    }

    @Test func failingDevicesAreErrorsAndNeverMakeAName() throws {
        let drive = try Drive(Sample(16, kibibytes: 8192, options: ["-s", "2"]))
        try drive.writer.create("old file", Sample.pattern(5000))
        let whole = drive.disk.copy()
        try FATWriter(whole).create("new file", Sample.pattern(9000))
        var failures = 0
        // Two more than there are: those do not come, and nothing fails.
        for event in 0..<whole.events.count + 2 {
            let disk = drive.disk.copy()
            disk.fail(event: event, errno: 5)
            guard
                let error = Self.failure({ () throws(FATError) in
                    try FATWriter(disk).create("new file", Sample.pattern(9000))
                })
            else { continue }
            failures += 1
            #expect("\(error)".contains("failed"), "\(error)")
            #expect(try FATVolume(disk.source).folder().entries.map(\.name).contains("old file"))
            _ = try FATCheck.repair(disk)
            try FATWriter(disk).remove("old file")
        }
        #expect(failures == whole.events.count && failures > 4)
    }

    private static func failure(_ body: () throws(FATError) -> Void) -> FATError? {
        do {
            try body()
            return nil
        } catch {
            return error
        }
    }
}
