/// Why a file could not be read as an ELF object.
public enum ELFError: Error, Equatable, CustomStringConvertible {
    /// The file does not start with the ELF signature.
    case notELF
    /// The file is not 64-bit, not little-endian or of an unknown ELF version.
    case unsupported(class: UInt8, byteOrder: UInt8, version: UInt8)
    /// A part that the headers name does not lie inside the file.
    case truncated(part: String, offset: UInt64, size: UInt64, fileSize: Int)
    /// A part contradicts the format.
    case malformed(String)

    /// What is wrong and what to do about it.
    public var description: String {
        switch self {
        case .notELF:
            "this is not an ELF file; it lacks the signature 7f 45 4c 46"
        case .unsupported(let kind, let byteOrder, let version):
            "ELF class \(kind), byte order \(byteOrder), version \(version) is not supported; "
                + "only 64-bit little-endian files are: take the package of such an architecture"
        case .truncated(let part, let offset, let size, let fileSize):
            "the \(part) (\(size) bytes at \(offset)) leaves the file of \(fileSize) bytes; "
                + "the file is truncated or corrupt: fetch its package again"
        case .malformed(let what):
            "the ELF file is malformed: \(what); fetch its package again"
        }
    }
}
