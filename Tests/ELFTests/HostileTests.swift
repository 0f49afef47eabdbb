import Bytes
import ELF
import Foundation
import Testing

/// Files that are damaged by chance or on purpose: the reader answers, and never traps.
@Suite struct HostileTests {
    /// A small shared object: one loaded segment, a dynamic segment and a note.
    private func object(needed: [UInt64] = [1], note: String = "[]") -> [UInt8] {
        let strings = Array("\0libc.so.6\0/lib\0".utf8)
        let text = Array(note.utf8) + [0]
        var dynamic: [UInt8] = []
        let dynamicStart: UInt64 = 64 + 4 * 56
        let entries = UInt64(needed.count + 3)
        let stringsStart = dynamicStart + entries * 16
        let table: [(UInt64, UInt64)] = [(5, 0x1000 + stringsStart), (10, UInt64(strings.count)), (0, 0)]
        for (tag, value) in needed.map({ (UInt64(1), $0) }) + table {
            dynamic.appendLittleEndian(tag)
            dynamic.appendLittleEndian(value)
        }
        var noteBytes: [UInt8] = []
        for value in [4, UInt32(text.count), 0x407c_0c0a] { noteBytes.appendLittleEndian(value) }
        noteBytes += Array("FDO\0".utf8) + text
        while noteBytes.count % 4 != 0 { noteBytes.append(0) }
        let noteStart = stringsStart + UInt64(strings.count)
        let total = noteStart + UInt64(noteBytes.count)
        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
        for value in [UInt16(3), 183] { bytes.appendLittleEndian(value) }
        bytes.appendLittleEndian(UInt32(1))
        for value in [UInt64(0), 64, 0] { bytes.appendLittleEndian(value) }
        bytes.appendLittleEndian(UInt32(0))
        for value in [UInt16(64), 56, 4, 64, 0, 0] { bytes.appendLittleEndian(value) }
        let segments: [(UInt32, UInt64, UInt64, UInt64)] = [
            (1, 0, total, 0x1000), (2, dynamicStart, entries * 16, 8),
            (4, noteStart, UInt64(noteBytes.count), 4),
            (3, stringsStart + 11, 5, 1),
        ]
        for (type, offset, size, alignment) in segments {
            bytes.appendLittleEndian(type)
            bytes.appendLittleEndian(UInt32(4))
            for value in [offset, 0x1000 + offset, 0, size, size, alignment] {
                bytes.appendLittleEndian(value)
            }
        }
        return bytes + dynamic + strings + noteBytes
    }

    @Test func theSampleIsRead() throws {
        let file = try ELFFile(object(note: #"[{"soname":["libz.so.1"]}]"#))
        #expect(file.machine == .arm64)
        #expect(file.needed == ["libc.so.6"])
        #expect(file.interpreter == "/lib")
        #expect(file.dlopen == [DlopenNote(sonames: ["libz.so.1"], priority: .recommended)])
    }

    @Test func everyTruncationIsAnError() {
        let bytes = object()
        for length in 0..<bytes.count {
            #expect(throws: ELFError.self, "\(length)") { try ELFFile(Array(bytes.prefix(length))) }
        }
    }

    @Test func everyByteCanBeAnything() {
        let bytes = object(note: #"[{"soname":["libz.so.1"],"priority":"required"}]"#)
        for index in bytes.indices {
            for value: UInt8 in [0, 1, 0x7f, 0x80, 0xff, bytes[index] ^ 0x20] {
                var broken = bytes
                broken[index] = value
                _ = try? ELFFile(broken)
            }
        }
    }

    @Test func wordsOfOnesAreNotATrap() {
        let bytes = object()
        for index in 4..<bytes.count - 8 {
            var broken = bytes
            broken.replaceSubrange(index..<index + 8, with: [UInt8](repeating: 0xff, count: 8))
            _ = try? ELFFile(broken)
        }
    }

    @Test func otherClassesAndOrdersAreRefused() {
        #expect(throws: ELFError.notELF) { try ELFFile([]) }
        #expect(throws: ELFError.notELF) { try ELFFile(Array("#!/bin/sh\n".utf8)) }
        for (index, value) in [(4, UInt8(1)), (5, 2), (6, 0)] {
            var bytes = object()
            bytes[index] = value
            #expect(throws: ELFError.unsupported(class: bytes[4], byteOrder: bytes[5], version: bytes[6])) {
                try ELFFile(bytes)
            }
        }
        #expect(ELFFile.isELF([0x7f, 0x45, 0x4c, 0x46]))
        #expect(!ELFFile.isELF([0x7f, 0x45, 0x4c]))
    }

    @Test func namesOutsideOfTheStringTableAreRefused() {
        #expect(throws: ELFError.malformed("a name lies outside of the string table")) {
            try ELFFile(object(needed: [16]))
        }
        #expect(throws: ELFError.malformed("a name lies outside of the string table")) {
            try ELFFile(object(needed: [.max]))
        }
        #expect(throws: ELFError.malformed("more than 4096 names in the dynamic segment")) {
            try ELFFile(object(needed: [UInt64](repeating: 1, count: 4097)))
        }
    }

    @Test(arguments: [
        "{}", "[", "[{}]", #"[{"soname":"x"}]"#, #"[{"soname":[1]}]"#,
        #"[{"soname":["x]"#, #"[{"soname":["\u12"]}]"#, #"[{"soname":["\q"]}]"#, "[] x", #"[{"soname":[]},]"#,
        "\u{1}",
        String(repeating: "[", count: 100_000), #"[{"soname" ["x"]}]"#, "nul",
    ])
    func malformedNotesAreRefused(_ text: String) {
        #expect(throws: ELFError.self) { try ELFFile(object(note: text)) }
    }

    @Test(arguments: [
        "", "[]", " [ ] ", #"[{"soname":[],"x":[1,-2.5e3,true,false,null,{}]}]"#,
        #"[{"soname":[],"priority":"a later word"}]"#,
    ])
    func harmlessNotesAreRead(_ text: String) throws {
        #expect(try ELFFile(object(note: text)).dlopen.allSatisfy { $0.sonames.isEmpty })
    }
}
