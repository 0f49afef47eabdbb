import Foundation
import TestSupport
import Testing
import Zstd

@Suite("zstd frames")
struct ZstdTests {
    static let text = Array(String(repeating: "blocks of a root file system, again and again; ", count: 500).utf8)

    @Test("The zstd program reads our frames, one or several behind each other")
    func programReads() throws {
        let folder = try TemporaryDirectory()
        let compressor = try ZstdCompressor(level: 19)
        let frames = try compressor.compress(Self.text) + compressor.compress([1, 2, 3])
        try Data(frames).write(to: folder.url.appending(path: "a.zst"))
        let result = try runTool("zstd", "-q", "-d", folder.file("a.zst"), "-o", folder.file("a"))
        #expect(result.status == 0, "\(result.output)")
        #expect(try [UInt8](Data(contentsOf: folder.url.appending(path: "a"))) == Self.text + [1, 2, 3])
    }

    @Test("We read the zstd program's frames, with and without a prefix")
    func weRead() throws {
        let folder = try TemporaryDirectory()
        let other = Array(Self.text.reversed())
        try Data(Self.text).write(to: folder.url.appending(path: "new"))
        try Data(other).write(to: folder.url.appending(path: "old"))
        _ = try runTool("zstd", "-q", "--no-check", folder.file("new"), "-o", folder.file("plain.zst"))
        let decompressor = try ZstdDecompressor()
        let plain = try [UInt8](Data(contentsOf: folder.url.appending(path: "plain.zst")))
        #expect(try decompressor.decompress(plain, byteCount: Self.text.count) == Self.text)
        let made = try runTool(
            "zstd", "-q", "--patch-from=\(folder.file("old"))", folder.file("new"), "-o", folder.file("patch.zst"))
        #expect(made.status == 0, "\(made.output)")
        let patch = try [UInt8](Data(contentsOf: folder.url.appending(path: "patch.zst")))
        #expect(try decompressor.decompress(patch, prefix: other, byteCount: Self.text.count) == Self.text)
    }

    @Test("A prefix makes a frame small, and belongs to one frame only")
    func prefix() throws {
        var generator = SystemRandomNumberGenerator()
        let old = (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        var new = old
        new[5000] ^= 1
        let compressor = try ZstdCompressor(level: 19, windowLog: 20)
        let decompressor = try ZstdDecompressor()
        let patch = try compressor.compress(new, prefix: old)
        #expect(patch.count < 200)
        #expect(try decompressor.decompress(patch, prefix: old, byteCount: new.count) == new)
        #expect(try compressor.compress(new).count > 99_000)
        #expect(throws: ZstdError.self) { try decompressor.decompress(patch, byteCount: new.count) }
        let refused = try? decompressor.decompress(patch, prefix: Array(old.reversed()), byteCount: new.count)
        #expect(refused != new)
    }

    @Test("The same bytes give the same frame, whatever the compressor did before")
    func deterministic() throws {
        let one = try ZstdCompressor(level: 12)
        _ = try one.compress([UInt8](repeating: 7, count: 9999))
        #expect(try one.compress(Self.text) == ZstdCompressor(level: 12).compress(Self.text))
        #expect(try ZstdDecompressor().decompress(one.compress([]), byteCount: 0) == [])
    }

    @Test("What is not exactly one frame of the expected size is refused")
    func refused() throws {
        let frame = try ZstdCompressor(level: 3).compress(Self.text)
        let decompressor = try ZstdDecompressor()
        let count = Self.text.count
        #expect(throws: ZstdError.notOneFrame(byteCount: frame.count + 1)) {
            try decompressor.decompress(frame + [0], byteCount: count)
        }
        #expect(throws: ZstdError.contentSize(found: UInt64(count), expected: count - 1)) {
            try decompressor.decompress(frame, byteCount: count - 1)
        }
        for length in 0..<frame.count {
            #expect(throws: ZstdError.self) {
                try decompressor.decompress(Array(frame[..<length]), byteCount: count)
            }
        }
        // A skippable frame is one, but without content.
        #expect(throws: ZstdError.self) {
            try decompressor.decompress([0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0], byteCount: count)
        }
        #expect(throws: ZstdError.self) { try ZstdCompressor(level: 3, windowLog: 99) }
    }

    @Test("Damaged frames give an error or other bytes, and never more than asked")
    func damaged() throws {
        let frame = try ZstdCompressor(level: 19).compress(Self.text)
        let decompressor = try ZstdDecompressor()
        for position in frame.indices {
            for bit in 0..<8 {
                var changed = frame
                changed[position] ^= 1 << bit
                let content = try? decompressor.decompress(changed, byteCount: Self.text.count)
                #expect(content == nil || content?.count == Self.text.count)
            }
        }
        #expect(try decompressor.decompress(frame, byteCount: Self.text.count) == Self.text)
    }
}
