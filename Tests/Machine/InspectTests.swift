import Foundation
import Hashing
import ReleaseManifest
import TestSupport
import Testing

/// `bulkhead inspect` on the real image, as it was built and with one byte changed.
@Suite(.ownThreads, .enabled(if: BuiltImage.isExpected, BuiltImage.skipComment))
struct InspectTests {
    private func inspect(_ path: String) throws -> (status: Int32, output: String) {
        try runTool(builtProgram("bulkhead"), "inspect", path)
    }

    @Test func nothingIsWrongWithTheImage() throws {
        let image = try BuiltImage()
        for path in [image.folder, image.disk] {
            let (status, output) = try inspect(path)
            #expect(status == 0, "\(output)")
            #expect(output.contains(image.release.root.hash.hex))
            #expect(output.contains(/verified +yes, every block/))
        }
    }

    /// A byte of a file's data, in the middle of the root, where no boot may ever look.
    @Test func aChangedByteIsNamedWithItsBlockAndFile() throws {
        let image = try BuiltImage()
        let directory = try TemporaryDirectory()
        let path = directory.file("changed.raw")
        try copySparse(image.disk, to: path)
        let disk = try RawDisk(path: path, sectorSize: image.release.sectorSize)
        let root = try #require(disk.partitions.dropFirst().first)
        let block = image.release.root.dataBlocks / 2
        try flipBit(of: path, at: disk.offset(root) + block * image.release.root.blockSize + 77)
        let (status, output) = try inspect(path)
        #expect(status == 1)
        #expect(output.contains("Findings: 1 error"), "\(output)")
        #expect(output.contains("block \(block), at byte"), "\(output)")
        #expect(output.contains(/it belongs to \/usr\//), "\(output)")
    }
}
