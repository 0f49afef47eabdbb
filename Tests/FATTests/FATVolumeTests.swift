import Bytes
import FAT
import Foundation
import TestSupport
import Testing

/// A file system made by mkfs.vfat and filled by mtools.
final class Sample {
    let directory: TemporaryDirectory
    let path: String

    init(_ bits: Int, kibibytes: Int, options: [String] = []) throws {
        directory = try TemporaryDirectory()
        path = directory.file("esp.fat")
        let arguments = ["-F", String(bits), "-n", "BULKHEAD", "-i", "1234abcd"] + options
        try run("mkfs.vfat", arguments + ["-C", path, String(kibibytes)])
    }

    func run(_ tool: String, _ arguments: [String]) throws {
        let result = try runTool(tool, arguments)
        guard result.status == 0 else {
            throw CocoaError(.executableLoad, userInfo: ["output": result.output])
        }
    }

    func add(_ name: String, _ bytes: [UInt8]) throws {
        let file = directory.file("source")
        try Data(bytes).write(to: URL(filePath: file))
        try run("mcopy", ["-i", path, "-o", file, "::/\(name)"])
    }

    func makeFolder(_ name: String) throws { try run("mmd", ["-i", path, "::/\(name)"]) }

    func bytes() throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path))) }

    func volume() throws -> FATVolume { try FATVolume(ByteSource(file: path)) }

    static func pattern(_ count: Int, seed: Int = 1) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ seed) }
    }
}

extension FATVolume {
    fileprivate func data(_ path: String) throws -> [UInt8] {
        let source = try contents(path)
        return try source.read(at: 0, count: Int(source.size))
    }
}

@Suite struct FATVolumeTests {
    static let kinds: [(bits: Int, kibibytes: Int, options: [String])] = [
        (12, 2048, []), (16, 16_384, []), (32, 40_960, ["-s", "1"]), (32, 300_000, ["-s", "8"]),
    ]

    @Test(arguments: kinds)
    func slackIsBehindTheEndAndTouchesNoFile(_ bits: Int, _ kibibytes: Int, _ options: [String]) throws {
        let sample = try Sample(bits, kibibytes: kibibytes, options: options)
        let contents = [
            "one": Sample.pattern(1), "page": Sample.pattern(8 * 4096), "odd": Sample.pattern(70_001),
        ]
        for (name, bytes) in contents.sorted(by: { $0.key < $1.key }) { try sample.add(name, bytes) }
        let volume = try sample.volume()
        let file = try FileHandle(forUpdating: URL(filePath: sample.path))
        for (name, bytes) in contents {
            let slack = try volume.slack(of: volume.entry(name))
            let unit = volume.geometry.clusterSize
            #expect(slack.count == (unit - bytes.count % unit) % unit, "\(name)")
            try file.seek(toOffset: slack.lowerBound)
            try file.write(contentsOf: Data(repeating: 0xFF, count: slack.count))
        }
        try file.close()
        for (name, bytes) in contents { #expect(try sample.volume().data(name) == bytes, "\(name)") }
        try sample.run("fsck.vfat", ["-n", sample.path])
    }

    @Test(arguments: kinds)
    func filesAndFoldersAreThoseOfMtools(_ bits: Int, _ kibibytes: Int, _ options: [String]) throws {
        let sample = try Sample(bits, kibibytes: kibibytes, options: options)
        try sample.makeFolder("EFI")
        try sample.makeFolder("EFI/Linux")
        let uki = Sample.pattern(300_001)
        try sample.add("EFI/Linux/vm-containerd_1.2.3+2-1.efi", uki)
        try sample.add("EFI/Linux/Größe – 測試 漢.efi", Sample.pattern(5000, seed: 9))
        try sample.add("startup.nsh", Sample.pattern(1))
        try sample.add("EMPTY.TXT", [])
        try sample.add("lower.txt", Sample.pattern(512))
        let long = String(repeating: "0123456789", count: 24) + ".config"
        try sample.add(long, Sample.pattern(4096))
        let volume = try sample.volume()
        #expect(volume.geometry.kind.rawValue == bits)
        #expect(volume.geometry.volumeID == 0x1234_abcd)
        #expect(volume.geometry.bootSectorLabel == "BULKHEAD")
        #expect(try volume.label() == "BULKHEAD")
        #expect(try !volume.isDirty())
        #expect(try volume.tablesAgree())
        let root = try volume.folder()
        #expect(root.orphanedLongNamePieces == 0)
        #expect(root.entries.map(\.name) == ["EFI", "startup.nsh", "EMPTY.TXT", "lower.txt", long])
        #expect(try volume.data("EFI/Linux/vm-containerd_1.2.3+2-1.efi") == uki)
        #expect(try volume.data("efi/LINUX/größe – 測試 漢.EFI") == Sample.pattern(5000, seed: 9))
        #expect(try volume.data("startup.nsh") == Sample.pattern(1))
        #expect(try volume.data("empty.txt") == [])
        #expect(try volume.data(long) == Sample.pattern(4096))
        let entry = try volume.entry("EFI/Linux/vm-containerd_1.2.3+2-1.efi")
        #expect(entry.longName == .valid)
        #expect(entry.shortName.hasSuffix("~1.EFI"))
        #expect(try volume.data("EFI/Linux/\(entry.shortName)") == uki)
        #expect(try volume.entry("EMPTY.TXT").longName == .none)
        #expect(try volume.folder("EFI/Linux").entries.count == 2)
        // mdir lists the same paths, mtype the same bytes.
        let listed = try runTool("mdir", "-/", "-b", "-i", sample.path, "::/").output.split(separator: "\n")
            .map { $0.drop { $0 == ":" || $0 == "/" } }.map { $0.hasSuffix("/") ? $0.dropLast() : $0 }
        #expect(try Set(listed.map(String.init)) == Set(volume.tree().map(\.path)))
        let source = try volume.contents("EFI/Linux/vm-containerd_1.2.3+2-1.efi")
        #expect(try source.read(at: 299_990, count: 11) == Array(uki.suffix(11)))
    }

    @Test(arguments: kinds)
    func geometryIsThatOfFsck(_ bits: Int, _ kibibytes: Int, _ options: [String]) throws {
        let sample = try Sample(bits, kibibytes: kibibytes, options: options)
        let geometry = try sample.volume().geometry
        let report = try runTool("fsck.vfat", "-n", "-v", sample.path).output
        #expect(report.contains("\(geometry.sectorSize) bytes per logical sector"), "\(report)")
        #expect(report.contains("\(geometry.clusterSize) bytes per cluster"))
        #expect(report.contains("Data area starts at byte \(geometry.dataOffset) "))
        #expect(report.contains("\(geometry.clusterCount) data clusters "))
    }

    @Test func sectorsOf4096BytesAreRead() throws {
        let sample = try Sample(32, kibibytes: 300_000, options: ["-S", "4096", "-s", "1"])
        try sample.add("a file.bin", Sample.pattern(10_000))
        let volume = try sample.volume()
        #expect(volume.geometry.sectorSize == 4096)
        #expect(try volume.data("a file.bin") == Sample.pattern(10_000))
    }

    @Test func scatteredFilesAreReadInOrder() throws {
        let sample = try Sample(16, kibibytes: 16_384)
        for index in 0..<40 { try sample.add("fill\(index).bin", Sample.pattern(60_000, seed: index)) }
        for index in stride(from: 0, to: 40, by: 2) {
            try sample.run("mdel", ["-i", sample.path, "::/fill\(index).bin"])
        }
        let fill = Sample.pattern(13_000_000, seed: 77)
        try sample.add("large file.bin", fill)
        let volume = try sample.volume()
        #expect(try volume.data("large file.bin") == fill)
        #expect(try volume.data("fill7.bin") == Sample.pattern(60_000, seed: 7))
        let source = try volume.contents("large file.bin")
        for offset in stride(from: 0, to: 12_900_000, by: 99_991) {
            #expect(
                try source.read(at: UInt64(offset), count: 70_000) == Array(fill[offset..<offset + 70_000])
            )
        }
    }

    @Test func missingPathsAreErrors() throws {
        let sample = try Sample(12, kibibytes: 2048)
        try sample.makeFolder("EFI")
        try sample.add("file", [1])
        let volume = try sample.volume()
        #expect(throws: FATError.notFound(path: "EFI/none")) { try volume.entry("EFI/none") }
        #expect(throws: FATError.notAFolder(path: "file")) { try volume.entry("file/x") }
        #expect(throws: FATError.notAFolder(path: "file")) { try volume.folder("file") }
        #expect(throws: FATError.notAFile(path: "EFI")) { try volume.contents("EFI") }
        #expect(throws: FATError.notAFile(path: "")) { try volume.entry("") }
    }
}
