import Foundation
import Gzip
import TestSupport
import Testing

@Suite struct GzipTests {
    /// What gzip(1) makes of bytes.
    private func compressed(_ bytes: [UInt8], _ options: String...) throws -> [UInt8] {
        let folder = try TemporaryDirectory()
        defer { withExtendedLifetime(folder) {} }
        try Data(bytes).write(to: folder.url.appending(path: "data"))
        let result = try runTool("gzip", options + ["-k", folder.file("data")])
        try #require(result.status == 0, "\(result.output)")
        return Array(try Data(contentsOf: folder.url.appending(path: "data.gz")))
    }

    private let text = Array(String(repeating: "motd = \"hello\"\n", count: 20_000).utf8)

    @Test(arguments: ["-1", "-9", "-n"])
    func readsWhatGzipWrites(_ option: String) throws {
        let bytes = try compressed(text, option)
        #expect(Gzip.isGzip(bytes))
        #expect(try Gzip.decompress(bytes, limit: text.count) == text)
    }

    @Test func readsIncompressibleAndEmptyData() throws {
        var generator = SystemRandomNumberGenerator()
        let noise = (0..<200_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        #expect(try Gzip.decompress(compressed(noise), limit: 1 << 20) == noise)
        #expect(try Gzip.decompress(compressed([]), limit: 0) == [])
    }

    @Test func readsSeveralMembersAndPadding() throws {
        let first = try compressed(Array("one ".utf8))
        let second = try compressed(Array("two".utf8))
        let padding = [UInt8](repeating: 0, count: 512)
        #expect(try Gzip.decompress(first + second + padding, limit: 100) == Array("one two".utf8))
        // The limit counts all members together.
        #expect(throws: GzipError.tooLarge(limit: 6)) { try Gzip.decompress(first + second, limit: 6) }
    }

    @Test func refusesWhatFollowsTheLastMember() throws {
        let bytes = try compressed(text)
        #expect(throws: GzipError.trailingBytes(offset: bytes.count)) {
            try Gzip.decompress(bytes + Array("garbage".utf8), limit: 1 << 20)
        }
    }

    @Test func everyTruncationIsNoticed() throws {
        let bytes = try compressed(Array("settings.motd = 'a short text'".utf8))
        for count in 2..<bytes.count {
            #expect(throws: GzipError.truncated) { try Gzip.decompress(Array(bytes[..<count]), limit: 1000) }
        }
        #expect(throws: GzipError.notGzip) { try Gzip.decompress([0x1f], limit: 1000) }
        #expect(throws: GzipError.notGzip) { try Gzip.decompress([], limit: 1000) }
    }

    @Test func everyFlippedBitOfTheDataIsNoticed() throws {
        let plain = Array("settings.motd = 'a short text that is compressed'".utf8)
        let bytes = try compressed(plain, "-n")
        // The header's time, flags of the compressor and system (bytes 4 to 9) are not checked by anything.
        for index in bytes.indices where !(4...9).contains(index) {
            for bit in 0..<8 {
                var bad = bytes
                bad[index] ^= 1 << UInt8(bit)
                // A few bits mean nothing: that text is text, the padding of the last byte. The content is right then.
                let result = try? Gzip.decompress(bad, limit: 1000)
                #expect(result == nil || result == plain, "byte \(index), bit \(bit)")
            }
        }
    }

    @Test func aBombIsStoppedAtTheLimit() throws {
        let bomb = try compressed([UInt8](repeating: 0, count: 64 << 20), "-9")
        #expect(bomb.count < 100_000)
        #expect(throws: GzipError.tooLarge(limit: 1 << 20)) { try Gzip.decompress(bomb, limit: 1 << 20) }
    }

    @Test func otherFormatsAreNotGzip() {
        #expect(!Gzip.isGzip(Array("[settings]".utf8)))
        // zlib's own format.
        #expect(throws: GzipError.notGzip) { try Gzip.decompress([0x78, 0x9c, 0x03, 0x00], limit: 10) }
    }
}
