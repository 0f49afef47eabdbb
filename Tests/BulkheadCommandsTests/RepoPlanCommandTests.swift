import Foundation
import TestSupport
import Testing

@testable import UpdateFixtures

/// `bulkhead repo plan` on two small builds.
@Suite struct RepoPlanCommandTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// Blocks that differ from each other and compress to about half.
    private static func blocks(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed
        var bytes: [UInt8] = []
        while bytes.count < count * 4096 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            bytes.append(UInt8(truncatingIfNeeded: state >> 56) & 15)
        }
        return bytes
    }

    /// A build folder whose release.json fits its root.
    private func build(_ version: String, variant: String = "vm", root: [UInt8]) throws -> String {
        let kernel = [UInt8](repeating: 7, count: 1_000_000)
        return try SampleRelease(version: version, root: root, sections: [(".linux", kernel)])
            .writeBuild(in: folder, variant: variant)
    }

    /// Runs the command with a temporary folder of its own, which must be empty again afterwards.
    private func plan(_ arguments: String...) throws -> (status: Int32, output: String) {
        let temporary = folder.file("tmp")
        try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
        let result = try runTool(
            "env",
            ["TMPDIR=\(temporary)", builtProgram("bulkhead"), "repo", "plan"] + arguments
        )
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary).isEmpty)
        return result
    }

    private struct Download: Decodable {
        let host: String
        let method: String
        let rootBytes: Int
        let kernelBytes: Int
        let parts: Int
        let blocks: Int
    }

    private struct Report: Decodable {
        let blocks: Int
        let rootSize: Int
        let kernelSize: Int
        let packSize: Int?
        let downloads: [Download]
    }

    private func report(_ old: String, _ new: String) throws -> Report {
        let (status, output) = try plan("--json", old, new)
        #expect(status == 0, "\(output)")
        return try JSONDecoder().decode(Report.self, from: Data(output.utf8))
    }

    @Test func onlyWhatIsNewIsDownloaded() throws {
        let zeros = [UInt8](repeating: 0, count: 10 * 4096)
        let (head, tail) = (Self.blocks(300, seed: 1), Self.blocks(200, seed: 2))
        let old = try build("1", root: head + Self.blocks(20, seed: 3) + tail)
        // The tail moves by 15 blocks; 25 blocks are new, and all but the first bytes of them were there.
        var changed = Self.blocks(25, seed: 3)
        for block in 0..<25 { changed[block * 4096] ^= 16 }
        let new = try build("2", root: head + zeros + changed + tail)
        let report = try report(old, new)
        #expect(report.blocks == 535 && report.rootSize == 535 * 4096)
        #expect(try report.kernelSize == Data(contentsOf: URL(filePath: "\(new)/vm_2.efi")).count)
        try #require(report.downloads.map(\.method) == ["pack", "ranges", "stream"])
        let (pack, ranges, all) = (report.downloads[0], report.downloads[1], report.downloads[2])
        #expect(pack.blocks == 25 && ranges.blocks == 25 && all.blocks == 525)
        #expect(pack.rootBytes == report.packSize)
        // 5 of the blocks have nothing to refer to.
        #expect(pack.rootBytes < 25 * 4096 / 2 && pack.rootBytes > 5 * 4096 / 3)
        #expect(ranges.rootBytes > 25 * 4096 / 3 && ranges.rootBytes < 50 * 4096)
        #expect(all.rootBytes > 525 * 4096 / 3 && all.rootBytes < 525 * 4096)
        #expect(all.parts == 2)
        // Headers, os-release and command line; the kernel is the same.
        #expect((65..<4096).contains(pack.kernelBytes) && ranges.kernelBytes == pack.kernelBytes)
        #expect(all.kernelBytes == report.kernelSize)
        let (status, text) = try plan(old, new)
        #expect(status == 0 && text.contains("1 to 2") && text.contains("runs OLD, with a pack"), "\(text)")
    }

    @Test func nothingNewIsNothingToDownload() throws {
        let root = Self.blocks(64, seed: 5)
        let report = try report(try build("1", root: root), try build("2", root: root))
        #expect(report.packSize == nil)
        #expect(report.downloads.first?.method == "none")
        #expect(report.downloads.first?.blocks == 0)
        // The version is in the kernel image, too.
        #expect((1..<4096).contains(try #require(report.downloads.first).kernelBytes))
    }

    @Test func whatIsWrongIsNamed() throws {
        let good = try build("1", root: Self.blocks(16, seed: 6))
        let other = try build("2", variant: "metal", root: Self.blocks(16, seed: 7))
        let damaged = try build("3", root: Self.blocks(16, seed: 8))
        try Data(Self.blocks(16, seed: 9)).write(to: URL(filePath: "\(damaged)/root.erofs"))
        let empty = try build("4", root: Self.blocks(16, seed: 10))
        try Data("{}".utf8).write(to: URL(filePath: "\(empty)/release.json"))
        for (old, new, part) in [
            (good, other, "from vm/amd64 to metal/amd64"), (good, damaged, "\(damaged)/root.erofs"),
            (damaged, good, "\(damaged)/root.erofs"), (empty, good, "\(empty)/release.json"),
            (good, "/nowhere", "'/nowhere' has no release.json"),
        ] {
            let (status, output) = try plan(old, new)
            #expect(status == 1, "\(output)")
            #expect(output.hasPrefix("bulkhead: ") && output.contains(part), "\(output)")
        }
        let usage = try plan(good)
        #expect(usage.status == 2 && usage.output.contains("Usage: bulkhead repo plan"), "\(usage.output)")
    }

    @Test func helpHasAnExample() throws {
        let (status, output) = try plan("--help")
        #expect(status == 0 && output.contains("  bulkhead repo plan "), "\(output)")
    }
}
