import Foundation
import Hashing
import TestSupport
import Testing

@testable import ImageBuilder

@Suite struct VMDKDescriptorTests {
    /// qemu-img writes a random CID with as many digits as it has.
    @Test(arguments: ["1", "1234567", "fffffffe"])
    func theIdentifierIsReplacedWhateverItsLength(_ random: String) throws {
        let text = "# Disk DescriptorFile\nversion=1\nCID=\(random)\nparentCID=ffffffff\n"
        let bytes = Array(text.utf8) + [UInt8](repeating: 0, count: 1024 - text.utf8.count)
        let settled = try VMDKDescriptor.settled(bytes, identifier: "00abcdef")
        #expect(settled.count == 1024)
        let wanted = "# Disk DescriptorFile\nversion=1\nCID=00abcdef\nparentCID=ffffffff\n"
        #expect(String(decoding: settled.prefix { $0 != 0 }, as: UTF8.self) == wanted)
    }

    @Test func aDescriptorWithoutIdentifierIsRefused() {
        #expect(throws: BuildError.self) {
            try VMDKDescriptor.settled(Array("# Disk DescriptorFile\n".utf8), identifier: "00abcdef")
        }
    }

    /// Two conversions of one disk differ only in what `settle` replaces, and qemu-img reads the result.
    @Test func conversionsOfTheSameDiskBecomeEqual() throws {
        let place = try TemporaryDirectory()
        let raw = place.file("disk.raw")
        try Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }).write(to: URL(filePath: raw))
        try #require(try runTool("truncate", "-s", "4M", raw).status == 0)
        let digest = SHA256Digest(hashing: "content")
        // The descriptor also holds the file's name.
        for name in ["one", "two"] {
            let path = place.file("\(name)/disk.vmdk")
            try FileManager.default.createDirectory(
                atPath: place.file(name),
                withIntermediateDirectories: true
            )
            let (status, output) = try runTool(
                "qemu-img",
                "convert",
                "-O",
                "vmdk",
                "-o",
                "subformat=streamOptimized",
                raw,
                path
            )
            try #require(status == 0, "\(output)")
            try VMDKDescriptor.settle(path, digest: digest)
        }
        #expect(try runTool("cmp", place.file("one/disk.vmdk"), place.file("two/disk.vmdk")).status == 0)
        #expect(try runTool("qemu-img", "compare", raw, place.file("one/disk.vmdk")).status == 0)
        #expect(throws: BuildError.self) { try VMDKDescriptor.settle(raw, digest: digest) }
    }
}
