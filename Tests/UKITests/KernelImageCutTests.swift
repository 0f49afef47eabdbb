import Bytes
import Foundation
import TestSupport
import Testing

@testable import UKI

/// Images of which the initrd is made by zstd(1).
@Suite("Where a kernel image is cut") struct KernelImageCutTests {
    private static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // Compresses to about half.
            return UInt8(truncatingIfNeeded: state >> 56) & 31
        }
    }

    /// A frame by zstd(1), from a file or, where its size is to be unknown, from a pipe.
    private static func frame(_ content: [UInt8], _ options: String, isPiped: Bool = false) throws -> [UInt8]
    {
        let folder = try TemporaryDirectory()
        let (input, output) = (folder.file("in"), folder.file("out"))
        try Data(content).write(to: URL(filePath: input))
        let source = isPiped ? "cat \(input) | zstd -q \(options) -c" : "zstd -q \(options) -c \(input)"
        let result = try runTool("sh", "-c", "\(source) > \(output)")
        try #require(result.status == 0, "\(result.output)")
        return Array(try Data(contentsOf: URL(filePath: output)))
    }

    private static func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
    }

    private func bounds(_ bytes: [UInt8]) -> [Int] {
        KernelImageCut.parts(of: ByteSource(bytes: bytes)).map { Int($0.upperBound) }
    }

    /// Whether parts cover a file, in order and without gaps.
    private func covers(_ parts: [Range<UInt64>], _ size: Int) -> Bool {
        let starts = [0] + parts.dropLast().map(\.upperBound)
        return parts.map(\.lowerBound) == starts && parts.last?.upperBound == UInt64(size)
            && parts.allSatisfy { !$0.isEmpty } && parts.count <= KernelImageCut.maximumCount
    }

    @Test("Frames of every kind that zstd makes are found, one behind the other")
    func frames() throws {
        let frames = try [
            Self.frame(Self.noise(300_000, seed: 1), "-19"),
            Self.frame(Self.noise(700_001, seed: 2), "-1 --no-check"),
            Self.frame(Self.noise(250_000, seed: 3), "-3", isPiped: true),
            Self.frame([UInt8](repeating: 0, count: 1 << 20), "-1"),
            Self.frame((0..<400_000).map { _ in UInt8.random(in: 0...255) }, "-5"),
            Self.frame([], "-5"), Self.frame([1], "-5"),
            Self.frame(Self.noise(1 << 20, seed: 4), "-19 --long=27"),
        ]
        var bytes: [UInt8] = []
        var ends: [UInt64] = []
        for frame in frames {
            bytes += Self.padded(frame)
            ends.append(UInt64(bytes.count))
        }
        #expect(ZstdFrames.ends(in: ByteSource(bytes: bytes)) == ends)
        // What follows and is no frame ends it, and so does a gap that is larger than padding.
        #expect(ZstdFrames.ends(in: ByteSource(bytes: bytes + [0, 0, 0, 0] + frames[0])) == ends)
        #expect(ZstdFrames.ends(in: ByteSource(bytes: Array("070701".utf8) + frames[0])) == [])
        let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0]
        #expect(ZstdFrames.ends(in: ByteSource(bytes: frames[1] + skippable)).count == 1)
    }

    @Test("Headers, sections and archives are parts; what is small lies with its neighbours")
    func image() throws {
        let frames = try (0..<4).map { Self.padded(try Self.frame(Self.noise(90_000, seed: $0), "-5")) }
        let linux = Self.noise(50_000, seed: 9)
        let file = smallPEFile([
            (".text", Self.noise(9000, seed: 8)), (".osrel", [1, 2, 3]), (".cmdline", [4, 5]),
            (".linux", linux),
            (".initrd", frames.flatMap { $0 } + [0, 0, 0]),
        ])
        let head = file.count - 9000 - 5 - linux.count - frames.reduce(3) { $0 + $1.count }
        var expected = [head, 9000, 5, linux.count] + frames.map(\.count) + [3]
        for index in expected.indices.dropFirst() { expected[index] += expected[index - 1] }
        #expect(bounds(file) == expected)
        // Another command line moves everything behind it, and leaves the same parts.
        let other = smallPEFile([
            (".text", Self.noise(9000, seed: 8)), (".osrel", [1, 2, 3]),
            (".cmdline", Self.noise(300, seed: 7)),
            (".linux", linux), (".initrd", frames.flatMap { $0 } + [0, 0, 0]),
        ])
        func contents(_ bytes: [UInt8]) -> Set<[UInt8]> {
            Set(
                KernelImageCut.parts(of: ByteSource(bytes: bytes)).map {
                    Array(bytes[Int($0.lowerBound)..<Int($0.upperBound)])
                }
            )
        }
        #expect(contents(file).subtracting(contents(other)).reduce(0) { $0 + $1.count } < 1000)
    }

    @Test("Whatever a file has, its parts cover it")
    func hostile() throws {
        let frame = Self.padded(try Self.frame(Self.noise(20_000, seed: 5), "-5"))
        let file = smallPEFile([(".linux", Self.noise(6000, seed: 6)), (".initrd", frame + frame)])
        #expect(KernelImageCut.parts(of: ByteSource(bytes: [])).isEmpty)
        for count in Array(1..<500) + Array(stride(from: 500, to: file.count, by: 97)) {
            let cut = Array(file.prefix(count))
            #expect(covers(KernelImageCut.parts(of: ByteSource(bytes: cut)), count))
        }
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<1000 {
            var bytes = file
            for _ in 0..<4 {
                // Headers more often than the rest.
                let index = Int.random(in: 0..<(Bool.random() ? 500 : bytes.count), using: &generator)
                bytes[index] = UInt8.random(in: 0...255, using: &generator)
            }
            #expect(covers(KernelImageCut.parts(of: ByteSource(bytes: bytes)), bytes.count))
        }
        // A medium that can't be read gives one part.
        let broken = ByteSource(size: 5000) { _, _ in
            throw ByteSourceError.shortRead(offset: 0, count: 1, got: 0)
        }
        #expect(KernelImageCut.parts(of: broken) == [0..<5000])
    }

    @Test("There are never more parts than a release may name, nor more blocks looked at than a limit")
    func limits() throws {
        // 5000 bytes as they are: magic, size in the header, one raw block, which is the last.
        let content = [UInt8](repeating: 3, count: 4995)
        let block = UInt32(content.count) << 3 | 1
        let frame: [UInt8] =
            [
                0x28, 0xB5, 0x2F, 0xFD, 0x60, UInt8((content.count - 256) & 255),
                UInt8((content.count - 256) >> 8),
            ]
            + [UInt8(block & 255), UInt8(block >> 8 & 255), UInt8(block >> 16)] + content
        let folder = try TemporaryDirectory()
        try Data(frame).write(to: URL(filePath: folder.file("frame")))
        #expect(try runTool("zstd", "-q", "-t", "--format=zstd", folder.file("frame")).status == 0)
        var initrd: [UInt8] = []
        for _ in 0..<1500 { initrd += Self.padded(frame) }
        let file = smallPEFile([(".initrd", initrd)])
        let parts = KernelImageCut.parts(of: ByteSource(bytes: file))
        #expect(parts.count == KernelImageCut.maximumCount && covers(parts, file.count))
        // A frame without an end: one byte that is repeated, again and again.
        let endless: [UInt8] =
            [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58]
            + (0..<1_000_000).flatMap { _ in [0x02, 0x00, 0x10, 0xAA] as [UInt8] }
        let reads = Counter()
        let source = ByteSource(size: UInt64(endless.count)) { offset, count in
            reads.add()
            return Array(endless[Int(offset)..<Int(offset) + count])
        }
        #expect(ZstdFrames.ends(in: source) == [])
        #expect(reads.value < 40_000)
    }

    private final class Counter: @unchecked Sendable {
        private let lock = NSLock()
        private var count = 0
        var value: Int { lock.withLock { count } }
        func add() { lock.withLock { count += 1 } }
    }
}
