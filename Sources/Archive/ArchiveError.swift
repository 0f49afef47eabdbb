/// Why an archive could not be read.
public enum ArchiveError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The archive could not be opened, or is of none of the expected formats.
    case open(file: String, reason: String)
    /// The archive is damaged or truncated; the reason is libarchive's.
    case corrupt(file: String, reason: String)
    /// A member's name or link target is not valid UTF-8; it is given with escapes.
    case name(file: String, name: String)
    /// A member is of a type that has no place in a package or image.
    case type(file: String, member: String, type: UInt32)
    /// A number in a member's header is out of range.
    case field(file: String, member: String, field: String, value: String)
    /// The archive is larger than the caller allows.
    case limit(file: String, what: String, limit: Int64)
    /// A stream that should be compressed is not, or with none of the supported methods.
    case notCompressed(file: String)
    /// The outer archive went on to another member while this one was still being read.
    case outOfOrder(file: String)

    /// What is wrong, in which file, and what to do about it.
    public var description: String {
        switch self {
        case .corrupt, .field: "\(problem); remove the file and fetch it again"
        case .limit: "\(problem); check that it is what you meant to read"
        default: problem
        }
    }

    /// What is wrong and in which file, for messages that say themselves what to do about it.
    public var problem: String {
        switch self {
        case .open(let file, let reason):
            return "cannot open '\(file)' as an archive: \(reason)"
        case .corrupt(let file, let reason):
            return "'\(file)' is damaged: \(reason)"
        case .name(let file, let name):
            return "'\(file)' has a member whose name or link target is not UTF-8: '\(name)'"
        case .type(let file, let member, let type):
            return "'\(file)': member '\(member)' has the unsupported file type 0\(String(type, radix: 8)); "
                + "files, directories, links, devices and fifos are supported"
        case .field(let file, let member, let field, let value):
            return "'\(file)': member '\(member)' has the \(field) \(value), which is out of range"
        case .limit(let file, let what, let limit):
            return "'\(file)' has more than \(limit) \(what), the limit for this use"
        case .notCompressed(let file):
            return "'\(file)' is not compressed with xz, zstd or gzip, as was expected"
        case .outOfOrder(let file):
            return "'\(file)' went on to another member while the previous one was still being read"
        }
    }
}
