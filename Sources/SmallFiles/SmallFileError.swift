internal import Glibc

/// Why a small file can't be read.
///
/// The descriptions do not name the file, so that a caller can put them behind its own name for it.
public enum SmallFileError: Error, Equatable, CustomStringConvertible {
    /// The system did not open it: the error number of errno(3).
    case cannotOpen(errno: Int32)
    /// The system opened it, and did not read it.
    case cannotRead(errno: Int32)
    /// It is a folder, device, pipe or socket.
    case notRegular
    /// It has more bytes than the caller takes.
    case tooLong(limit: Int)
    /// Its writer did not close it in time.
    case didNotEnd

    /// Whether there is no file of the name.
    public var isMissing: Bool { self == .cannotOpen(errno: ENOENT) || self == .cannotOpen(errno: ENOTDIR) }

    /// What is wrong: the end of a sentence that begins with the file's name.
    public var description: String {
        switch self {
        case .cannotOpen(let errno), .cannotRead(let errno):
            "can't be read: \(String(cString: strerror(errno)))"
        case .notRegular: "is not a regular file"
        case .tooLong(let limit): "is longer than \(limit) bytes"
        case .didNotEnd: "was not closed by its writer in time"
        }
    }
}

/// Why a small file can't be written: the error number of errno(3), of the file, its replacement or its folder.
public struct SmallFileWriteError: Error, Equatable, CustomStringConvertible {
    /// The error number.
    public let errno: Int32

    /// What is wrong: the end of a sentence that begins with the file's name.
    public var description: String { "can't be written: \(String(cString: strerror(errno)))" }
}
