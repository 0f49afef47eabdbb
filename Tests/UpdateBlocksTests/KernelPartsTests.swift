import Bytes
import Hashing
import ReleaseManifest
import TestSupport
import Testing
import UpdateBlocks

@Suite("Parts of a kernel image") struct KernelPartsTests {
    private static func image(_ command: String, _ kernel: UInt8, isSwapped: Bool = false) -> [UInt8] {
        let sections: [(name: String, bytes: [UInt8])] = [
            (".linux", [UInt8](repeating: kernel, count: 50_000)),
            (".initrd", [UInt8](repeating: 9, count: 60_000)),
        ]
        return smallPEFile([(".cmdline", Array(command.utf8))] + (isSwapped ? sections.reversed() : sections))
    }

    @Test("The table has size and digest of each part, and they make up the file")
    func table() throws {
        let bytes = Self.image("quiet", 1)
        let table = try KernelParts.table(of: ByteSource(bytes: bytes))
        #expect(table.map(\.size).reduce(0, +) == UInt64(bytes.count))
        #expect(table.map(\.size).suffix(2) == [50_000, 60_000])
        #expect(table.last?.sha256 == SHA256Digest(hashing: [UInt8](repeating: 9, count: 60_000)))
        #expect(try KernelParts.table(of: ByteSource(bytes: [1, 2, 3])).map(\.size) == [3])
        let broken = ByteSource(size: 10) { _, _ in
            throw ByteSourceError.shortRead(offset: 0, count: 1, got: 0)
        }
        #expect(throws: ByteSourceError.self) { try KernelParts.table(of: broken) }
    }

    @Test("What a range costs is counted as for the root: adjacent ones are one")
    func byteCount() {
        #expect(KernelParts.byteCount(of: []) == 0)
        #expect(KernelParts.byteCount(of: [0..<0]) == 0)
        #expect(KernelParts.byteCount(of: [10..<20]) == 10 + 160 + 600)
        #expect(KernelParts.byteCount(of: [20..<30, 10..<20]) == 20 + 160 + 600)
        let many = (0..<65).map { (number: UInt64) in number * 10..<number * 10 + 1 }
        #expect(KernelParts.byteCount(of: many) == 65 + 65 * 160 + 2 * 600)
    }
}
