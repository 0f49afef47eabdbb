import Bytes

/// The headers of a PE32+ file: for which processor it is, and where its sections are.
///
/// Microsoft PE Format. Contents are read on demand, so that a kernel image need not be held in memory.
public struct PEFile: Sendable {
    /// The processor that a file is for.
    public enum Machine: Sendable, Hashable {
        /// 64-bit x86 (0x8664).
        case amd64
        /// 64-bit ARM (0xaa64).
        case arm64
        /// Any other, by its number.
        case other(UInt16)
    }

    /// A section header.
    public struct Section: Sendable, Hashable {
        /// The name, at most 8 bytes.
        public let name: String
        /// Where the section is loaded, relative to the image's base.
        public let virtualAddress: UInt32
        /// Number of meaningful bytes.
        public let virtualSize: UInt32
        /// Number of bytes in the file, which alignment may make larger than `virtualSize`.
        public let rawSize: UInt32
        /// Where the section's bytes are in the file.
        public let fileOffset: UInt32

        /// Number of meaningful bytes that are in the file.
        public var contentSize: UInt64 {
            // Some linkers leave the virtual size 0.
            UInt64(virtualSize == 0 ? rawSize : min(virtualSize, rawSize))
        }
    }

    /// The processor the file is for.
    public let machine: Machine
    /// The sections in the order of their headers.
    public let sections: [Section]
    /// Whether the file is an EFI application (subsystem 10).
    public let isEFIApplication: Bool
    /// Whether an Authenticode signature is attached; not whether it is valid.
    public let isSigned: Bool
    private let source: ByteSource

    /// Windows' loader takes no more.
    private static let maximumSections = 96
    private static let sectionHeaderSize = 40
    private static let minimumOptionalHeaderSize = 112

    /// Reads the headers of a file and checks that its sections lie inside it.
    ///
    /// - Throws: `UKIError`.
    public init(_ source: ByteSource) throws(UKIError) {
        self.source = source
        guard source.size >= 64 else { throw .notPE("it has only \(source.size) bytes") }
        let dosHeader = try Self.read(source, at: 0, count: 64)
        guard dosHeader.starts(with: Array("MZ".utf8)),
            let start = dosHeader.littleEndian(UInt32.self, at: 60)
        else {
            throw .notPE("it does not start with 'MZ'")
        }
        let header = try Self.read(source, at: UInt64(start), count: 24)
        guard header.starts(with: Array("PE\0\0".utf8)) else { throw .notPE("it has no PE signature") }
        let machine = header.littleEndian(UInt16.self, at: 4) ?? 0
        self.machine =
            switch machine {
            case 0x8664: .amd64
            case 0xaa64: .arm64
            default: .other(machine)
            }
        let count = Int(header.littleEndian(UInt16.self, at: 6) ?? 0)
        let optionalSize = Int(header.littleEndian(UInt16.self, at: 20) ?? 0)
        guard count <= Self.maximumSections else {
            throw .malformed("it has \(count) sections, more than \(Self.maximumSections)")
        }
        guard optionalSize >= Self.minimumOptionalHeaderSize else {
            throw .notPE("its optional header has only \(optionalSize) bytes")
        }
        let optional = try Self.read(source, at: UInt64(start) + 24, count: optionalSize)
        guard optional.littleEndian(UInt16.self, at: 0) == 0x20b else {
            throw .notPE("it is not PE32+ (64-bit)")
        }
        isEFIApplication = optional.littleEndian(UInt16.self, at: 68) == 10
        // Data directory 4: the attribute certificate table.
        let directories = optional.littleEndian(UInt32.self, at: 108) ?? 0
        isSigned = directories > 4 && (optional.littleEndian(UInt32.self, at: 112 + 4 * 8 + 4) ?? 0) > 0
        let table = try Self.read(
            source,
            at: UInt64(start) + 24 + UInt64(optionalSize),
            count: count * Self.sectionHeaderSize
        )
        var sections: [Section] = []
        for base in stride(from: 0, to: table.count, by: Self.sectionHeaderSize) {
            let name = table[base..<base + 8].prefix { $0 != 0 }
            let section = Section(
                name: String(decoding: name, as: UTF8.self),
                virtualAddress: table.littleEndian(UInt32.self, at: base + 12) ?? 0,
                virtualSize: table.littleEndian(UInt32.self, at: base + 8) ?? 0,
                rawSize: table.littleEndian(UInt32.self, at: base + 16) ?? 0,
                fileOffset: table.littleEndian(UInt32.self, at: base + 20) ?? 0
            )
            if section.contentSize > 0, UInt64(section.fileOffset) + section.contentSize > source.size {
                throw .sectionOutside(
                    name: section.name,
                    offset: UInt64(section.fileOffset),
                    size: section.contentSize,
                    fileSize: source.size
                )
            }
            sections.append(section)
        }
        self.sections = sections
    }

    /// The first section with a name.
    public func section(_ name: String) -> Section? { sections.first { $0.name == name } }

    /// The contents of a section, without the padding behind it.
    ///
    /// - Throws: `UKIError.missingSection` or `.unreadable`.
    public func contents(of name: String) throws(UKIError) -> ByteSource {
        guard let section = section(name) else { throw .missingSection(name) }
        do {
            return try source.slice(at: UInt64(section.fileOffset), size: section.contentSize)
        } catch {
            throw .unreadable(error)
        }
    }

    private static func read(_ source: ByteSource, at offset: UInt64, count: Int) throws(UKIError) -> [UInt8]
    {
        do {
            return try source.read(at: offset, count: count)
        } catch {
            throw .unreadable(error)
        }
    }
}
