import Bytes

/// Why a file could not be read as a unified kernel image, or an os-release text as one.
public enum UKIError: Error, Equatable, CustomStringConvertible {
    /// The bytes could not be read.
    case unreadable(ByteSourceError)
    /// The file is not a PE32+ file.
    case notPE(String)
    /// A header contradicts the format or the file's size.
    case malformed(String)
    /// A section leaves the file.
    case sectionOutside(name: String, offset: UInt64, size: UInt64, fileSize: UInt64)
    /// The file has no such section.
    case missingSection(String)
    /// A text section is larger than any real one.
    case sectionTooLarge(name: String, size: UInt64, limit: Int)
    /// A text section is not UTF-8.
    case notText(section: String)
    /// A line of an os-release text is not `KEY=value` with shell quoting; lines count from 1.
    case badOSRelease(line: Int, text: String)

    /// What is wrong and what to do about it.
    public var description: String {
        switch self {
        case .unreadable(let error): error.description
        case .notPE(let reason): "this is not a unified kernel image: \(reason)"
        case .malformed(let what): "the PE file is malformed: \(what); build or fetch it again"
        case .sectionOutside(let name, let offset, let size, let fileSize):
            "section '\(name)' (\(size) bytes at \(offset)) leaves the file of \(fileSize) bytes; "
                + "the file is truncated: copy it again"
        case .missingSection(let name):
            "there is no section '\(name)'; this is a PE file but not a complete unified kernel image"
        case .sectionTooLarge(let name, let size, let limit):
            "section '\(name)' has \(size) bytes, more than the \(limit) that are read; the file is corrupt"
        case .notText(let section): "section '\(section)' is not UTF-8 text; the file is corrupt"
        case .badOSRelease(let line, let text):
            "line \(line) of os-release, '\(text)', is not KEY=value; quote the value as in a shell script"
        }
    }
}
