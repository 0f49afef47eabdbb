import BlockDevices
import TestSupport

@testable import FAT

extension Drive {
    /// What `withTwoFiles` has.
    static let twoFiles = [
        "EFI/a long name.efi": Sample.pattern(5000), "EFI/another name.efi": Sample.pattern(3000),
    ]

    /// A file system with a folder and two files in it, for tests that damage it.
    static func withTwoFiles(_ bits: Int) throws -> Drive {
        let sample = try Sample(
            bits,
            kibibytes: bits == 32 ? 40_960 : 8192,
            options: ["-s", bits == 32 ? "1" : "2"]
        )
        try sample.makeFolder("EFI")
        for (name, bytes) in twoFiles.sorted(by: { $0.key < $1.key }) { try sample.add(name, bytes) }
        return try Drive(sample)
    }
}

/// Changes what a cluster leads to, in some copies of the table.
func setTable(_ disk: RecordedDisk, copies: [Int] = [0, 1], _ cluster: UInt32, to value: UInt32) throws {
    let geometry = try FATGeometry(disk.source)
    for copy in copies {
        var table = try AllocationTable(disk, geometry, copy: copy)
        let before = table
        table.set(cluster, to: value)
        try table.write(before.differences(from: table), to: disk, copy: copy)
    }
}

/// The first cluster of a file or folder.
func cluster(_ path: String, _ disk: RecordedDisk) throws -> UInt32 {
    try FATVolume(disk.source).entry(path).firstCluster
}
