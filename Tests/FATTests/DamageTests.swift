import Bytes
import FAT
import Foundation
import TestSupport
import Testing

/// File systems that are damaged by power cuts, by chance or on purpose.
@Suite struct DamageTests {
    private static let name = "vm-containerd_1.2.3+2-1.efi"

    private func sample(_ bits: Int = 16) throws -> Sample {
        let kibibytes = [12: 1024, 16: 8192, 32: 40_960][bits] ?? 1024
        let sample = try Sample(bits, kibibytes: kibibytes, options: ["-s", bits == 32 ? "1" : "2"])
        try sample.add(Self.name, Sample.pattern(10_000))
        return sample
    }

    /// The place of the short entry in the root folder, which has its long name's pieces in front of it.
    private func shortEntry(in bytes: [UInt8]) throws -> Int {
        let alias = Array("VM-CON~1EFI".utf8)
        return try #require(
            stride(from: 0, to: bytes.count - 32, by: 32).first { bytes[$0..<$0 + 11].elementsEqual(alias) }
        )
    }

    private func volume(_ bytes: [UInt8]) throws -> FATVolume { try FATVolume(ByteSource(bytes: bytes)) }

    @Test func everyDamageOfALongNameIsSeen() throws {
        let bytes = try sample().bytes()
        let short = try shortEntry(in: bytes)
        // 27 characters: 3 pieces. In each the mark, order, sum and padding matter.
        for piece in 1...3 {
            let start = short - 32 * piece
            for (offset, value) in [(0, UInt8(0x3f)), (13, bytes[start + 13] ^ 1), (0, bytes[start] ^ 0x40)] {
                var broken = bytes
                broken[start + offset] = value
                let root = try volume(broken).folder()
                #expect(root.entries.map(\.longName) == [.torn], "\(piece) \(offset)")
                #expect(root.entries.map(\.name) == ["VM-CON~1.EFI"])
                #expect(root.orphanedLongNamePieces > 0)
            }
            // A piece that was deleted but not the entry.
            var deleted = bytes
            deleted[start] = 0xe5
            let entry = try #require(try volume(deleted).folder().entries.first)
            #expect(entry.longName == (piece == 1 ? .missing : .torn))
            #expect(entry.name == "VM-CON~1.EFI")
        }
        var renamed = bytes
        renamed[short] = UInt8(ascii: "X")
        #expect(try volume(renamed).folder().entries.map(\.longName) == [.torn])
    }

    @Test func anAliasWithoutItsLongNameIsSeen() throws {
        var bytes = try sample().bytes()
        let short = try shortEntry(in: bytes)
        for piece in 1...3 { bytes[short - 32 * piece] = 0xe5 }
        let root = try volume(bytes).folder()
        #expect(root.entries.map(\.longName) == [.missing])
        #expect(root.orphanedLongNamePieces == 0)
        #expect(try volume(bytes).contents("vm-con~1.efi").size == 10_000)
    }

    @Test func piecesWithoutAnEntryAreCounted() throws {
        var bytes = try sample().bytes()
        let short = try shortEntry(in: bytes)
        bytes[short] = 0xe5
        let root = try volume(bytes).folder()
        #expect(root.entries.isEmpty)
        #expect(root.orphanedLongNamePieces == 3)
        bytes[short] = 0
        #expect(try volume(bytes).folder().orphanedLongNamePieces == 3)
    }

    @Test(arguments: [12, 16, 32])
    func dirtyFlagsAreSeen(_ bits: Int) throws {
        let sample = try sample(bits)
        var bytes = try sample.bytes()
        let state = bits == 32 ? 0x41 : 0x25
        #expect(try !volume(bytes).isDirty())
        bytes[state] |= 1
        #expect(try volume(bytes).isDirty())
        // fsck agrees about the flag in the first sector.
        try Data(bytes).write(to: URL(filePath: sample.path))
        #expect(try runTool("fsck.vfat", "-n", sample.path).output.contains("Dirty bit is set"))
        bytes[state] &= ~1
        guard bits != 12 else { return }
        let reserved = Int(bytes.littleEndian(UInt16.self, at: 14) ?? 0) * 512
        bytes[reserved + (bits == 16 ? 3 : 7)] &= bits == 16 ? 0x7f : 0xf7
        #expect(try volume(bytes).isDirty())
        #expect(try !volume(bytes).tablesAgree())
    }

    @Test(arguments: [12, 16, 32])
    func brokenChainsAreErrors(_ bits: Int) throws {
        let bytes = try sample(bits).bytes()
        let file = try volume(bytes).entry(Self.name)
        let reserved = Int(bytes.littleEndian(UInt16.self, at: 14) ?? 0) * 512
        let width = bits / 8
        func patched(_ value: UInt32) -> [UInt8] {
            var broken = bytes
            let cluster = Int(file.firstCluster)
            if bits == 12 {
                let at = reserved + cluster * 3 / 2
                if cluster % 2 == 0 {
                    broken[at] = UInt8(value & 0xff)
                    broken[at + 1] = broken[at + 1] & 0xf0 | UInt8(value >> 8 & 0x0f)
                } else {
                    broken[at] = broken[at] & 0x0f | UInt8(value & 0x0f) << 4
                    broken[at + 1] = UInt8(value >> 4 & 0xff)
                }
            } else {
                for index in 0..<width {
                    broken[reserved + cluster * width + index] = UInt8(
                        truncatingIfNeeded: value >> (8 * index)
                    )
                }
            }
            return broken
        }
        let last = UInt32(0x0fff_ffff) & (bits == 32 ? .max : (1 << UInt32(bits)) - 1)
        for value in [0, 1, last - 8, last - 15] as [UInt32] {
            #expect(throws: FATError.brokenChain(path: Self.name, cluster: file.firstCluster, next: value)) {
                try volume(patched(value)).contents(Self.name)
            }
        }
        #expect(throws: FATError.shortChain(path: Self.name, size: 10_000, clusters: 1)) {
            try volume(patched(last)).contents(Self.name)
        }
        #expect(throws: FATError.self) { try volume(patched(file.firstCluster)).contents(Self.name) }
    }

    @Test func foldersThatContainThemselvesAreErrors() throws {
        let sample = try sample()
        try sample.makeFolder("loop")
        try sample.makeFolder("loop/inner")
        var bytes = try sample.bytes()
        let tree = try volume(bytes).tree()
        #expect(tree.map(\.path) == [Self.name, "loop", "loop/inner"])
        let outer = try #require(tree.first { $0.path == "loop" }).entry.firstCluster
        let inner = try #require(tree.first { $0.path == "loop/inner" }).entry.firstCluster
        let innerName = Array("INNER      ".utf8)
        for index in stride(from: 0, to: bytes.count - 32, by: 32)
        where bytes[index..<index + 11].elementsEqual(innerName)
            && bytes.littleEndian(UInt16.self, at: index + 26) == UInt16(inner)
        {
            bytes.replaceSubrange(index + 26..<index + 28, with: [UInt8(outer & 0xff), UInt8(outer >> 8)])
        }
        #expect(throws: FATError.treeTooLarge(path: "loop/inner")) { try volume(bytes).tree() }
    }

    @Test func everyByteOfTheFirstSectorCanBeAnything() throws {
        for bits in [12, 16, 32] {
            let bytes = try sample(bits).bytes()
            let whole = ByteSource(bytes: bytes)
            for index in Array(0..<90) + [510, 511] {
                for value: UInt8 in [0, 1, 0x7f, 0x80, 0xff] {
                    let source = ByteSource(size: whole.size) { offset, count in
                        var part = try whole.read(at: offset, count: count)
                        if offset <= index, index < Int(offset) + count { part[index - Int(offset)] = value }
                        return part
                    }
                    guard let volume = try? FATVolume(source) else { continue }
                    _ = try? volume.isDirty()
                    _ = try? volume.label()
                    _ = try? volume.contents(Self.name).read(at: 0, count: 10)
                    _ = try? volume.tree()
                }
            }
        }
    }

    @Test func everyByteOfTheRootFolderCanBeAnything() throws {
        let bytes = try sample().bytes()
        let short = try shortEntry(in: bytes)
        for index in short - 96..<short + 32 {
            for value: UInt8 in [0, 1, 0x10, 0x7f, 0xe5, 0xff] {
                var broken = bytes
                broken[index] = value
                let volume = try volume(broken)
                for (path, entry) in (try? volume.tree()) ?? [] {
                    _ = try? volume.contents(of: entry, path: path).read(at: 0, count: 10)
                }
            }
        }
    }

    @Test func truncatedImagesAreErrors() throws {
        let bytes = try sample(12).bytes()
        for length in [0, 1, 511, 512, 513, 4096, bytes.count - 1] {
            #expect(throws: FATError.self, "\(length)") { try volume(Array(bytes.prefix(length))) }
        }
        #expect(throws: FATError.self) { try volume([UInt8](repeating: 0, count: 4096)) }
        #expect(throws: FATError.self) { try volume([UInt8](repeating: 0xff, count: 4096)) }
    }
}
