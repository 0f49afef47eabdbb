import Foundation
import Hashing
import TestSupport
import Testing

@Suite struct DigestTests {
    @Test func emptyInputHasTheKnownDigest() {
        #expect(
            SHA256Digest(hashing: "").hex
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        )
    }

    @Test func fileDigestEqualsSha256sum() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("data")
        let bytes = (0..<3_000_017).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
        try Data(bytes).write(to: URL(filePath: path))
        let tool = try runTool("sha256sum", path)
        let digest = try SHA256Digest(hashingFile: path)
        #expect(tool.output.hasPrefix(digest.hex))
        #expect(digest == SHA256Digest(hashing: bytes))
    }

    @Test func copyOfAHasherGoesOnAlone() {
        var salted = SHA256Hasher()
        salted.update("salt")
        var first = salted
        first.update("a")
        var second = salted
        second.update("b")
        #expect(first.finish() == SHA256Digest(hashing: "salta"))
        #expect(second.finish() == SHA256Digest(hashing: "saltb"))
        #expect(salted.finish() == SHA256Digest(hashing: "salt"))
    }

    @Test(arguments: ["", "0", "zz", "e3b0", String(repeating: "0", count: 65)])
    func malformedHexIsRefused(_ text: String) {
        #expect(SHA256Digest(hex: text) == nil)
    }

    @Test func missingFileIsNamed() {
        #expect(throws: HashingError.open(path: "/nonexistent/file", errno: ENOENT)) {
            try SHA256Digest(hashingFile: "/nonexistent/file")
        }
    }
}
