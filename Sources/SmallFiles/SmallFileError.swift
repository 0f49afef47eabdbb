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

    /// The nearest error number of errno(3), for errors that are made of one.
    public var errno: Int32 {
        switch self {
        case .cannotOpen(let errno), .cannotRead(let errno): errno
        case .notRegular, .didNotEnd: EINVAL
        case .tooLong: EFBIG
        }
    }

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

/// Why a small file can't be written, or its name not be changed durably.
public struct SmallFileWriteError: Error, Equatable, CustomStringConvertible {
    /// What the system was asked to do, as messages name it.
    public enum Operation: String, Sendable {
        /// The folder of the name, to flush it.
        case open
        /// A new file.
        case make
        /// A new folder.
        case makeFolder = "make the folder"
        /// Bytes into the new file.
        case write
        /// The new file's permissions.
        case setMode = "set the mode of"
        /// fsync(2) of a file or folder.
        case synchronize
        /// The new file to the old one's name.
        case rename
        /// A file, or what an earlier writer left.
        case remove
    }

    /// What failed.
    public let operation: Operation
    /// On what: the file, the new one that would have replaced it, or its folder.
    public let path: String
    /// The error number of errno(3).
    public let errno: Int32

    init(_ operation: Operation, _ path: String, _ errno: Int32 = Glibc.errno) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    /// What is wrong: the end of a sentence that begins with the file's name.
    public var description: String { "can't be written: \(String(cString: strerror(errno)))" }
}
