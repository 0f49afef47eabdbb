import Bytes

/// What a 64-bit little-endian ELF file says about how it is to be loaded.
///
/// System V ABI, chapters 4 and 5. Only program headers are used, as by the dynamic linker; section headers may be
/// stripped.
public struct ELFFile: Sendable, Equatable {
    /// The processor that a file is for.
    public enum Machine: Sendable, Equatable, Hashable {
        /// 64-bit x86 (62).
        case amd64
        /// 64-bit ARM (183).
        case arm64
        /// Any other, by its number.
        case other(UInt16)
    }

    /// What kind of object a file is.
    public enum Kind: Sendable, Equatable, Hashable {
        /// An object file or kernel module (1).
        case relocatable
        /// A program at fixed addresses (2).
        case executable
        /// A shared library or position-independent program (3).
        case shared
        /// A memory dump (4).
        case core
        /// Any other, by its number.
        case other(UInt16)
    }

    /// The processor the file is for.
    public let machine: Machine
    /// The kind of object.
    public let kind: Kind
    /// The program interpreter (`PT_INTERP`), which only dynamically linked programs have.
    public let interpreter: String?
    /// The name under which others need this library (`DT_SONAME`).
    public let soname: String?
    /// The libraries that the dynamic linker loads with this file (`DT_NEEDED`), in its order.
    public let needed: [String]
    /// The folders of `DT_RPATH`, with `$ORIGIN` as it stands.
    public let rpath: [String]
    /// The folders of `DT_RUNPATH`, with `$ORIGIN` as it stands.
    public let runpath: [String]
    /// The libraries that the file says it loads at run time (`.note.dlopen`).
    public let dlopen: [DlopenNote]

    /// Whether the file has a dynamic segment at all; static programs and kernel modules have none.
    public let isDynamic: Bool

    /// Whether bytes are the start of an ELF file of any kind; four are enough.
    public static func isELF(_ prefix: some Sequence<UInt8>) -> Bool {
        prefix.starts(with: [0x7f, 0x45, 0x4c, 0x46])
    }

    /// Reads a whole file.
    ///
    /// - Throws: `ELFError`.
    public init(_ bytes: [UInt8]) throws(ELFError) {
        guard Self.isELF(bytes) else { throw .notELF }
        let image = try ELFImage(bytes)
        machine =
            switch image.machine {
            case 62: .amd64
            case 183: .arm64
            default: .other(image.machine)
            }
        kind =
            switch image.kind {
            case 1: .relocatable
            case 2: .executable
            case 3: .shared
            case 4: .core
            default: .other(image.kind)
            }
        interpreter = try image.interpreter()
        dlopen = try image.dlopenNotes()
        let section = try image.dynamicSection()
        isDynamic = section != nil
        soname = section?.soname
        needed = section?.needed ?? []
        rpath = section?.rpath ?? []
        runpath = section?.runpath ?? []
    }
}
