import Bytes
import EROFS
import Foundation
import TestSupport
import Testing

/// Zstandard, which the mkfs.erofs of Debian 12 cannot write, and features that are refused by name.
@Suite struct FeatureTests {
    private func image(_ bytes: [UInt8]) throws -> EROFSImage { try EROFSImage(ByteSource(bytes: bytes)) }

    /// An image with one file, without a checksum over the superblock.
    private func oneFile(_ contents: [UInt8], options: String) throws -> (bytes: [UInt8], file: EROFSEntry) {
        let directory = try TemporaryDirectory()
        let tree = directory.file("tree")
        try FileManager.default.createDirectory(atPath: tree, withIntermediateDirectories: true)
        try Data(contents).write(to: URL(filePath: tree + "/f"))
        var bytes = try SampleTree.makeImage(of: tree, at: directory.file("x.erofs"), options: options)
        bytes[1024 + 8] &= ~1
        return (bytes, try #require(try image(bytes).entry(at: "/f")))
    }

    private func compressionHeader(_ file: EROFSEntry) -> Int { Int((file.metadata.upperBound + 7) & ~7) }

    /// An image whose file is one extent of Zstandard: that of LZ4 is replaced, and with it the number of blocks
    /// in the second entry of the full index, the algorithm, and the feature of padding in front.
    private func zstandardImage(_ contents: [UInt8]) throws -> (bytes: [UInt8], file: EROFSEntry) {
        let directory = try TemporaryDirectory()
        try Data(contents).write(to: URL(filePath: directory.file("plain")))
        let run = try runTool(
            "zstd",
            ["-q", "-19", "--no-check", directory.file("plain"), "-o", directory.file("packed")]
        )
        guard run.status == 0 else { throw ToolFailure(output: run.output) }
        let packed = try [UInt8](Data(contentsOf: URL(filePath: directory.file("packed"))))

        var (bytes, file) = try oneFile(contents, options: "-zlz4hc -C65536 -Elegacy-compress")
        let extents = try image(bytes).extents(of: file)
        let extent = try #require(extents.first)
        let blocks = (packed.count + 4095) / 4096
        try #require(extents.count == 1 && blocks * 4096 <= extent.imageLength)
        let header = compressionHeader(file)
        bytes[1024 + 80] |= 1
        bytes[header + 6] = 3
        let count = header + 8 + 8 + 8 + 4
        try #require(bytes[count] == UInt8(extent.imageLength / 4096) && bytes[count + 1] == 0x08)
        bytes[count] = UInt8(blocks)
        let start = Int(extent.imageOffset)
        bytes.replaceSubrange(
            start..<start + blocks * 4096,
            with: [UInt8](repeating: 0, count: blocks * 4096 - packed.count) + packed
        )
        return (bytes, file)
    }

    /// Contents that themselves start like a .gz, .zst or .xz file must not be unpacked twice.
    @Test(arguments: [
        [], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], [0x28, 0xb5, 0x2f, 0xfd], [0xfd] + Array("7zXZ\0".utf8),
    ])
    func readsZstandard(_ start: [UInt8]) throws {
        let contents = start + SampleTree.text(100_000)
        let (bytes, file) = try zstandardImage(contents)
        let extents = try image(bytes).extents(of: file)
        #expect(extents.map(\.encoding) == [.compressed(algorithm: 3)])
        #expect(try image(bytes).contents(of: file, limit: contents.count) == contents)
    }

    @Test func damagedZstandardIsAnError() throws {
        let contents = SampleTree.text(50_000)
        let (original, file) = try zstandardImage(contents)
        let extent = try #require(try image(original).extents(of: file).first)
        var random = Random(seed: 5)
        for _ in 0..<200 {
            var bytes = original
            bytes[Int(extent.imageOffset + random.next() % extent.imageLength)] ^=
                1 << UInt8(random.next() % 8)
            do throws(EROFSError) {
                let found = try EROFSImage(ByteSource(bytes: bytes)).contents(of: file, limit: contents.count)
                #expect(found.count == contents.count)
            } catch {
                guard case .damaged(_, .compressedData) = error else {
                    Issue.record("\(error)")
                    continue
                }
            }
        }
        var bytes = original
        bytes[1024 + 80] &= ~1
        #expect(throws: EROFSError.unsupported(.unpaddedCompression, nid: file.nid)) {
            _ = try image(bytes).contents(of: file, limit: contents.count)
        }
    }

    @Test func refusesFeaturesOfTheImage() throws {
        let (original, _) = try oneFile([1], options: "")
        let cases: [(Int, UInt8, EROFSFeature)] = [
            (80, 0x80, .wideAddresses), (81, 0x01, .metabox), (81, 0x02, .unknown(bits: 0x200)),
            (83, 0x80, .unknown(bits: 0x8000_0000)), (86, 1, .multipleDevices),
            (90, 1, .largeDirectoryBlocks),
        ]
        for (field, value, feature) in cases {
            var bytes = original
            bytes[1024 + field] = value
            let error = EROFSError.unsupported(feature, nid: nil)
            #expect(throws: error) { try image(bytes) }
            #expect(error.description.contains(feature.description))
        }
    }

    /// What belongs to one file is refused where that is read; listing goes on.
    @Test func refusesFeaturesOfFiles() throws {
        let contents = SampleTree.text(100_000)
        for (layout, bit) in [("", UInt8(0x10)), ("", 0x20), ("", 0x08), (" -Elegacy-compress", 0x01)] {
            let (original, file) = try oneFile(contents, options: "-zlz4hc -C65536" + layout)
            var bytes = original
            bytes[compressionHeader(file) + 4] |= bit
            let features: [UInt8: EROFSFeature] = [
                0x01: .extentTable, 0x08: .inlineCompressedTails, 0x10: .interlacedClusters, 0x20: .fragments,
            ]
            let error = try EROFSError.unsupported(#require(features[bit]), nid: file.nid)
            #expect(throws: error) { _ = try image(bytes).contents(of: file, limit: contents.count) }
            #expect(throws: error) { _ = try image(bytes).extents(of: file) }
            #expect(try image(bytes).tree().count == 2)
        }
        let (original, file) = try oneFile(contents, options: "-zlz4hc -C65536")
        for algorithm: UInt8 in [1, 2, 9] {
            var bytes = original
            bytes[compressionHeader(file) + 6] = algorithm
            #expect(throws: EROFSError.unsupported(.compression(algorithm: algorithm), nid: file.nid)) {
                _ = try image(bytes).contents(of: file, limit: contents.count)
            }
            #expect(try !image(bytes).extents(of: file).isEmpty)
        }
        var bytes = original
        bytes[compressionHeader(file) + 7] |= 1
        #expect(throws: EROFSError.unsupported(.largeClusters, nid: file.nid)) {
            _ = try image(bytes).extents(of: file)
        }
        // A reference to a part of another extent's data.
        let (full, fullFile) = try oneFile(contents, options: "-zlz4hc -C65536 -Elegacy-compress")
        bytes = full
        bytes[compressionHeader(fullFile) + 16 + 1] |= 0x80
        #expect(throws: EROFSError.unsupported(.deduplication, nid: fullFile.nid)) {
            _ = try image(bytes).extents(of: fullFile)
        }
    }

    /// The same as above, as mkfs.erofs makes it.
    @Test func refusesFeaturesThatMkfsUsed() throws {
        for (options, size, feature) in [
            ("--chunksize=65536", 150_000, EROFSFeature.chunkedFiles),
            ("-zlz4hc -C65536 -Eztailpacking", 5000, .inlineCompressedTails),
        ] {
            let (bytes, file) = try oneFile(SampleTree.text(size), options: options)
            #expect(throws: EROFSError.unsupported(feature, nid: file.nid)) {
                _ = try image(bytes).contents(of: file, limit: 1 << 20)
            }
        }
    }
}
