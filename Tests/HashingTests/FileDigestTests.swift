import Foundation
import Hashing
import TestSupport
import Testing

@Suite struct FileDigestTests {
    @Test(arguments: [0, 1, 4096, 3 << 20, (5 << 20) + 3])
    func holesAreZeros(_ size: UInt64) throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("sparse")
        try Data().write(to: URL(filePath: path))
        let file = try FileHandle(forUpdating: URL(filePath: path))
        try file.truncate(atOffset: size)
        if size > 2 << 20 {
            try file.seek(toOffset: 1 << 20)
            try file.write(contentsOf: Data((0..<9000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }))
        }
        if size > 4 << 20 {
            try file.seek(toOffset: size - 3)
            try file.write(contentsOf: Data([1, 2, 3]))
        }
        try file.close()
        let expected = try runTool("sha256sum", path).output.prefix(64)
        #expect(try SHA256Digest(hashingFile: path).hex == expected)
    }

    @Test func whatCannotBeReadIsNamed() {
        #expect(throws: HashingError.self) { try SHA256Digest(hashingFile: "/nowhere/file") }
        #expect(throws: HashingError.self) { try SHA256Digest(hashingFile: "/") }
    }
}
