import Bytes

/// The strings of a dynamic segment.
struct DynamicSection {
    var soname: String?
    var needed: [String] = []
    var rpath: [String] = []
    var runpath: [String] = []
}

/// A file's bytes and the program headers that say where things are in them.
struct ELFImage {
    let machine: UInt16
    let kind: UInt16
    private let bytes: [UInt8]
    private let segments: [Segment]

    // PATH_MAX, and far more names than any program needs: without limits a small file could ask for quadratic work.
    private static let maximumStringLength = 4096
    private static let maximumStrings = 4096
    private static let maximumNotes = 1024

    private struct Segment {
        static let size = 56
        let type: UInt32
        let offset: UInt64
        let address: UInt64
        let fileSize: UInt64
        let alignment: UInt64
    }

    private enum SegmentType {
        static let load: UInt32 = 1
        static let dynamic: UInt32 = 2
        static let interpreter: UInt32 = 3
        static let note: UInt32 = 4
    }

    private enum Tag {
        static let null: UInt64 = 0
        static let needed: UInt64 = 1
        static let stringTable: UInt64 = 5
        static let stringTableSize: UInt64 = 10
        static let soname: UInt64 = 14
        static let rpath: UInt64 = 15
        static let runpath: UInt64 = 29
    }

    init(_ bytes: [UInt8]) throws(ELFError) {
        let fileSize = bytes.count
        func field<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type, _ index: Int) throws(ELFError) -> T
        {
            guard let value = bytes.littleEndian(type, at: index) else {
                throw .truncated(part: "ELF header", offset: 0, size: 64, fileSize: fileSize)
            }
            return value
        }
        let identity = (try field(UInt8.self, 4), try field(UInt8.self, 5), try field(UInt8.self, 6))
        guard identity == (2, 1, 1) else {
            throw .unsupported(class: identity.0, byteOrder: identity.1, version: identity.2)
        }
        kind = try field(UInt16.self, 16)
        machine = try field(UInt16.self, 18)
        let start = try field(UInt64.self, 32)
        let entrySize = try field(UInt16.self, 54)
        let count = Int(try field(UInt16.self, 56))
        self.bytes = bytes
        guard count > 0 else {
            segments = []
            return
        }
        guard entrySize == Segment.size else {
            throw .malformed("program headers have \(entrySize) bytes, not 56")
        }
        // 0xffff says that the number is elsewhere; nothing but memory dumps has that many.
        guard count < 0xffff else { throw .malformed("more than 65534 program headers") }
        let size = count * Segment.size
        guard let table = Int(exactly: start).flatMap({ bytes.bounded(at: $0, count: size) }) else {
            throw .truncated(
                part: "program headers",
                offset: start,
                size: UInt64(size),
                fileSize: bytes.count
            )
        }
        segments = stride(from: table.startIndex, to: table.endIndex, by: Segment.size).map { base in
            Segment(
                type: bytes.littleEndian(UInt32.self, at: base) ?? 0,
                offset: bytes.littleEndian(UInt64.self, at: base + 8) ?? 0,
                address: bytes.littleEndian(UInt64.self, at: base + 16) ?? 0,
                fileSize: bytes.littleEndian(UInt64.self, at: base + 32) ?? 0,
                alignment: bytes.littleEndian(UInt64.self, at: base + 48) ?? 0
            )
        }
    }

    func interpreter() throws(ELFError) -> String? {
        guard let segment = segments.first(where: { $0.type == SegmentType.interpreter }) else { return nil }
        let content = try content(of: segment, "interpreter")
        guard let end = content.prefix(Self.maximumStringLength).firstIndex(of: 0) else {
            throw .malformed("the interpreter's path does not end")
        }
        return String(decoding: content[..<end], as: UTF8.self)
    }

    func dynamicSection() throws(ELFError) -> DynamicSection? {
        guard let segment = segments.first(where: { $0.type == SegmentType.dynamic }) else { return nil }
        let content = try content(of: segment, "dynamic segment")
        var strings: [(tag: UInt64, offset: UInt64)] = []
        var table: UInt64?
        var tableSize: UInt64?
        for base in stride(from: content.startIndex, to: content.endIndex, by: 16) {
            // An entry that is cut off ends the list, as DT_NULL does.
            guard base + 16 <= content.endIndex, let tag = bytes.littleEndian(UInt64.self, at: base),
                let value = bytes.littleEndian(UInt64.self, at: base + 8), tag != Tag.null
            else { break }
            switch tag {
            case Tag.stringTable: table = value
            case Tag.stringTableSize: tableSize = value
            case Tag.needed, Tag.soname, Tag.rpath, Tag.runpath:
                guard strings.count < Self.maximumStrings else {
                    throw .malformed("more than \(Self.maximumStrings) names in the dynamic segment")
                }
                strings.append((tag, value))
            default: break
            }
        }
        var section = DynamicSection()
        guard !strings.isEmpty else { return section }
        guard let table, let tableSize else { throw .malformed("the dynamic segment has no string table") }
        let names = try stringTable(address: table, size: tableSize)
        for (tag, offset) in strings {
            let name = try string(in: names, at: offset)
            switch tag {
            case Tag.needed: section.needed.append(name)
            case Tag.soname: section.soname = name
            case Tag.rpath: section.rpath = name.split(separator: ":").map(String.init)
            default: section.runpath = name.split(separator: ":").map(String.init)
            }
        }
        return section
    }

    func dlopenNotes() throws(ELFError) -> [DlopenNote] {
        var notes: [DlopenNote] = []
        var seen = 0
        for segment in segments where segment.type == SegmentType.note {
            let content = try content(of: segment, "note segment")
            // GNU property notes are aligned to 8 bytes, in segments of their own.
            let alignment = segment.alignment == 8 ? 8 : 4
            var position = content.startIndex
            while content.endIndex - position >= 12 {
                seen += 1
                guard seen <= Self.maximumNotes else {
                    throw .malformed("more than \(Self.maximumNotes) notes")
                }
                let nameSize = Int(bytes.littleEndian(UInt32.self, at: position) ?? 0)
                let textSize = Int(bytes.littleEndian(UInt32.self, at: position + 4) ?? 0)
                let type = bytes.littleEndian(UInt32.self, at: position + 8) ?? 0
                let nameStart = position + 12
                let textStart = nameStart + Self.roundUp(nameSize, alignment, from: nameStart - position)
                let end = textStart + textSize
                guard end <= content.endIndex else { throw .malformed("a note leaves its segment") }
                let name = bytes[nameStart..<nameStart + nameSize]
                if type == DlopenNote.noteType, name.elementsEqual(DlopenNote.noteName) {
                    notes += try DlopenNote.parse(bytes[textStart..<end])
                }
                position = textStart + Self.roundUp(textSize, alignment, from: textStart - position)
            }
        }
        return notes
    }

    /// A length that, added to a start, ends at a multiple of the alignment.
    private static func roundUp(_ length: Int, _ alignment: Int, from start: Int) -> Int {
        (start + length + alignment - 1) / alignment * alignment - start
    }

    private func content(of segment: Segment, _ part: String) throws(ELFError) -> ArraySlice<UInt8> {
        guard let offset = Int(exactly: segment.offset), let size = Int(exactly: segment.fileSize),
            let content = bytes.bounded(at: offset, count: size)
        else {
            throw .truncated(
                part: part,
                offset: segment.offset,
                size: segment.fileSize,
                fileSize: bytes.count
            )
        }
        return content
    }

    /// The string table is named by its address in memory; a loaded segment says where that is in the file.
    private func stringTable(address: UInt64, size: UInt64) throws(ELFError) -> ArraySlice<UInt8> {
        for segment in segments where segment.type == SegmentType.load {
            guard address >= segment.address, address - segment.address < segment.fileSize else { continue }
            let (start, overflow) = segment.offset.addingReportingOverflow(address - segment.address)
            guard !overflow, let offset = Int(exactly: start), let count = Int(exactly: size),
                let table = bytes.bounded(at: offset, count: count)
            else { break }
            return table
        }
        throw .truncated(part: "string table", offset: address, size: size, fileSize: bytes.count)
    }

    private func string(in table: ArraySlice<UInt8>, at offset: UInt64) throws(ELFError) -> String {
        guard let offset = Int(exactly: offset), offset < table.count else {
            throw .malformed("a name lies outside of the string table")
        }
        let rest = table.dropFirst(offset).prefix(Self.maximumStringLength)
        guard let end = rest.firstIndex(of: 0) else {
            throw .malformed("a name in the string table does not end or is longer than 4095 bytes")
        }
        return String(decoding: rest[..<end], as: UTF8.self)
    }
}
