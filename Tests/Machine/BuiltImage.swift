import Foundation
import ReleaseManifest
import TestSupport
import Testing

/// The image under test: the build folder that BULKHEAD_TEST_IMAGE names.
struct BuiltImage: Sendable {
    let folder: String
    let release: Release

    /// Whether tests of the image run: not without an image, but in CI they then fail instead of being skipped.
    static let isExpected = ProcessInfo.processInfo.environment["BULKHEAD_TEST_IMAGE"] != nil || isCI
    /// Whether nothing may be skipped for want of an image or a program.
    static let isCI = ProcessInfo.processInfo.environment["CI"] == "true"

    /// Whether the image brings host containers: packages of theirs are in its list.
    static let hasHostContainers: Bool = {
        guard let folder = ProcessInfo.processInfo.environment["BULKHEAD_TEST_IMAGE"],
            let list = try? Data(contentsOf: URL(filePath: "\(folder)/packages.json"))
        else { return false }
        return list.range(of: Data("\"containers/control/".utf8)) != nil
    }()

    /// Said when tests of host containers are skipped.
    static let noHostContainersComment: Comment = """
        SKIPPED: the image has no host containers; run 'make test-containers', or set BULKHEAD_TEST_IMAGE to the \
        build folder of a variant that extends the fragment 'host-containers'
        """

    /// Said when tests are skipped.
    static let skipComment: Comment =
        "SKIPPED: no image; run 'make test', or build one and set BULKHEAD_TEST_IMAGE to its build folder"

    init() throws {
        let environment = ProcessInfo.processInfo.environment
        try self.init(
            folder: try #require(
                environment["BULKHEAD_TEST_IMAGE"],
                "CI must set BULKHEAD_TEST_IMAGE to a build folder"
            )
        )
    }

    /// A build folder, whatever is in it.
    init(folder: String) throws {
        self.folder = folder
        release = try Release(decoding: [UInt8](Data(contentsOf: URL(filePath: "\(folder)/release.json"))))
    }

    func path(_ name: String) -> String { "\(folder)/\(name)" }

    /// The raw disk image.
    var disk: String { path(release.images["raw"]?.file ?? "disk.raw") }
    var root: String { path("root.erofs") }
    var tree: String { path("root.verity") }
    /// Path of the boot entry in the ESP, without "EFI/Linux" and ".efi".
    var entryName: String { String(release.uki.file.dropLast(".efi".count)) }
}

/// A raw disk as util-linux sees it.
struct RawDisk: Sendable {
    struct Partition: Sendable, Decodable {
        let node: String
        let start: UInt64
        let size: UInt64
        let type: String
        let uuid: String
        let name: String
    }
    let path: String
    let partitions: [Partition]
    let sectorSize: UInt64

    private struct Listing: Decodable {
        struct Table: Decodable {
            let label: String
            let partitions: [Partition]
        }
        let partitiontable: Table
    }

    init(path: String, sectorSize: UInt64) throws {
        self.path = path
        // util-linux 2.38 takes every file for a disk of 512-byte sectors.
        try #require(sectorSize == 512, "set BULKHEAD_TEST_IMAGE to an image with 512-byte sectors")
        let (status, output) = try runTool("sfdisk", "--json", path)
        try #require(status == 0, "sfdisk: \(output)")
        // Before its first boot a larger disk has the backup table in the middle, of which sfdisk warns.
        let json = output.drop { $0 != "{" }
        let table = try JSONDecoder().decode(Listing.self, from: Data(json.utf8)).partitiontable
        try #require(table.label == "gpt")
        partitions = table.partitions
        self.sectorSize = sectorSize
    }

    /// The first partition with a label.
    func partition(_ label: String) throws -> Partition {
        try #require(partitions.first { $0.name == label }, "no partition '\(label)' in \(path)")
    }

    func offset(_ partition: Partition) -> UInt64 { partition.start * sectorSize }

    /// How mtools name the ESP.
    func mtoolsImage() throws -> String { "\(path)@@\(offset(try partition("esp")))" }

    /// How e2fsprogs name a file system inside the disk.
    func ext4(_ label: String) throws -> String { "\(path)?offset=\(offset(try partition(label)))" }

    /// Copies a partition into a file of its own, with its holes.
    func extract(_ partition: Partition, to target: String) throws {
        let mebibyte: UInt64 = 1 << 20
        let (offset, size) = (offset(partition), partition.size * sectorSize)
        // GPT partitions of ours begin and end at whole mebibytes; dd is slow with anything smaller.
        try #require(offset % mebibyte == 0 && size % mebibyte == 0)
        let (status, output) = try runTool(
            "dd",
            "if=\(path)",
            "of=\(target)",
            "bs=1M",
            "skip=\(offset / mebibyte)",
            "count=\(size / mebibyte)",
            "conv=sparse",
            "status=none"
        )
        try #require(status == 0, "dd: \(output)")
        // A hole at the end is not written.
        try #require(try runTool("truncate", "-s", "\(size)", target).status == 0)
    }

    /// The names in a folder of the ESP, as mtools list them.
    func espNames(_ folder: String) throws -> [String] {
        let (status, output) = try runTool("mdir", "-b", "-i", try mtoolsImage(), "::\(folder)")
        try #require(status == 0, "mdir: \(output)")
        return output.split(separator: "\n").map { String($0.split(separator: "/").last ?? "") }.sorted()
    }
}

/// Copies a file with its holes.
func copySparse(_ source: String, to target: String) throws {
    let (status, output) = try runTool("cp", "--sparse=always", "--reflink=auto", source, target)
    try #require(status == 0, "cp: \(output)")
}

/// Changes one bit of a file.
func flipBit(of path: String, at offset: UInt64) throws {
    let handle = try FileHandle(forUpdating: URL(filePath: path))
    defer { try? handle.close() }
    try handle.seek(toOffset: offset)
    let byte = try #require(try handle.read(upToCount: 1)?.first, "\(path) ends before \(offset)")
    try handle.seek(toOffset: offset)
    try handle.write(contentsOf: [byte ^ 0x10])
}
