import BlockDevices
import BootSlots
import Bytes
import FAT
import Foundation
import Hashing
import TestSupport

/// A small UKI with the sections that are read, and bytes of its own.
struct TestImage {
    let version: String
    let rootHash: SHA256Digest
    let bytes: [UInt8]

    /// - Parameter build: makes another root of the same version.
    init(_ version: String, size: Int = 3000, build: String = "") {
        self.version = version
        rootHash = SHA256Digest(hashing: "root of \(version)\(build)")
        let release = "ID=bulkhead\nPRETTY_NAME=\"vm \(version)\"\nIMAGE_ID=vm\nIMAGE_VERSION=\(version)\n"
        let kernel = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ version.utf8.count &+ $0 >> 8) }
        bytes = smallPEFile([
            (".osrel", Array(release.utf8)), (".cmdline", Array("quiet roothash=\(rootHash.hex)".utf8)),
            (".linux", kernel),
        ])
    }

    var staged: StagedImage {
        StagedImage(
            variant: "vm",
            version: version,
            size: UInt64(bytes.count),
            sha256: SHA256Digest(hashing: bytes),
            rootHash: rootHash
        )
    }

    var source: ByteSource { ByteSource(bytes: bytes) }
}

/// An ESP as a build makes it: by mkfs.vfat and mtools, with a loader and one good entry.
final class TestESP {
    let directory: TemporaryDirectory
    let path: String
    let disk: RecordedDisk
    let good = TestImage("1.0")
    let trial = TestImage("1.1")

    static let loader = [UInt8](repeating: 7, count: 2000)

    /// - Parameter options: of mkfs.vfat. The usual one is a small FAT16, so that thousands of states can be tried.
    init(
        kibibytes: Int = 2400,
        options: [String] = ["-F", "16", "-s", "1"],
        names: [(String, [UInt8])]? = nil
    ) throws {
        directory = try TemporaryDirectory()
        path = directory.file("esp.fat")
        let arguments = ["-n", "ESP", "--invariant", "-i", "1234abcd"] + options
        try Self.run("mkfs.vfat", arguments + ["-C", path, String(kibibytes)])
        for folder in ["EFI", "EFI/BOOT", "EFI/systemd", "loader", "EFI/Linux"] {
            try Self.run("mmd", ["-i", path, "::/\(folder)"])
        }
        let files = [
            ("EFI/BOOT/BOOTX64.EFI", Self.loader), ("EFI/systemd/systemd-bootx64.efi", Self.loader),
            ("loader/loader.conf", Array("timeout 0\n".utf8)),
        ]
        for (name, bytes) in files + (names ?? [("EFI/Linux/vm_1.0.efi", good.bytes)]) {
            let file = directory.file("source")
            try Data(bytes).write(to: URL(filePath: file))
            try Self.run("mcopy", ["-i", path, file, "::/\(name)"])
        }
        disk = try RecordedDisk(file: path)
    }

    var slots: BootSlots { BootSlots(disk) }
    /// What the slots carry.
    var installed: Set<SHA256Digest> { [good.rootHash, trial.rootHash] }
    var running: RunningBoot { RunningBoot(rootHash: good.rootHash, bootCountPath: nil) }

    func trialBoot(_ counter: String = "+2-1") -> RunningBoot {
        RunningBoot(rootHash: trial.rootHash, bootCountPath: "\\EFI\\Linux\\vm_1.1\(counter).efi")
    }

    /// As far as the machine that has begun its trial.
    func beginTrial() throws {
        try slots.stage(trial.staged, contents: trial.source)
        try slots.activate(trial.staged)
        try FATWriter(disk).rename("EFI/Linux/vm_1.1+3.efi", to: "vm_1.1+2-1.efi")
        disk.beginLog()
    }

    static func run(_ tool: String, _ arguments: [String]) throws {
        let result = try runTool(tool, arguments)
        guard result.status == 0 else {
            throw CocoaError(.executableLoad, userInfo: ["output": result.output])
        }
    }

    /// The names of all files by mtools, and whether fsck.vfat finds nothing to complain about.
    func judge(_ disk: RecordedDisk) throws -> (names: [String], isClean: Bool, output: String) {
        try disk.save(to: path)
        let check = try runTool("fsck.vfat", "-n", path)
        let names = try runTool("mdir", "-/", "-b", "-i", path, "::/EFI").output.split(separator: "\n")
            .map { String($0.drop { $0 == ":" || $0 == "/" }) }.filter { !$0.hasSuffix("/") }
        return (names, check.status == 0, check.output)
    }

    /// The bytes of a file by mtools, of the disk that was judged last.
    func bytes(_ name: String) throws -> [UInt8] {
        let copy = directory.file("copy")
        try Self.run("mcopy", ["-n", "-o", "-i", path, "::/\(name)", copy])
        return [UInt8](try Data(contentsOf: URL(filePath: copy)))
    }
}

extension BootSlots {
    /// Creates the entry of a UKI whose root is installed.
    func activate(_ image: StagedImage) throws(BootSlotsError) {
        try activate(image, installed: [image.rootHash])
    }

    var entryNames: [String] { get throws { try entries().map(\.fileName) } }
    var stagedNames: [String] { get throws { try staged().map(\.fileName) } }
}
