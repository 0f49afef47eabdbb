import Glibc

/// Why a hash tree could not be written, read or checked.
///
/// Corruption that a check finds is not an error but a `VerityReport`.
public enum VerityError: Error, Equatable, CustomStringConvertible {
    /// What is wrong with a superblock.
    public enum SuperblockDefect: Equatable, Sendable, CustomStringConvertible {
        /// There are fewer than 512 bytes.
        case tooShort(Int)
        /// The first bytes are not "verity".
        case signature
        /// The superblock version is not 1.
        case version(UInt64)
        /// The hash type is not 1.
        case hashType(UInt64)
        /// The hash algorithm is not sha256.
        case algorithm
        /// A block size is not 4096.
        case blockSize(data: UInt64, hash: UInt64)
        /// The number of data blocks is zero or beyond the limit.
        case dataBlocks(UInt64)
        /// The salt is said to be longer than 256 bytes.
        case saltSize(Int)
        /// Bytes that are reserved, or lie behind the salt, are not zero.
        case padding

        /// What is wrong, with the value found.
        public var description: String {
            switch self {
            case .tooShort(let count): "it has \(count) bytes, 512 are needed"
            case .signature: "it does not begin with the signature 'verity'"
            case .version(let value): "its version is \(value), only 1 is known"
            case .hashType(let value): "its hash type is \(value), only 1 is supported"
            case .algorithm: "its hash algorithm is not sha256"
            case .blockSize(let data, let hash):
                "its block sizes are \(data) (data) and \(hash) (hash), only 4096 is supported"
            case .dataBlocks(let value):
                "its number of data blocks is \(value), allowed are 1 to \(VerityFormat.maximumDataBlockCount)"
            case .saltSize(let value): "its salt has \(value) bytes, at most 256 are allowed"
            case .padding: "reserved bytes in it are not zero"
            }
        }
    }

    /// The data's size in bytes is zero or not a multiple of 4096.
    case dataSize(UInt64)
    /// The number of data blocks is zero or beyond `VerityFormat.maximumDataBlockCount`.
    case dataBlockCount(UInt64)
    /// The salt has more than 256 bytes.
    case saltSize(Int)
    /// The UUID has not 16 bytes.
    case uuidSize(Int)
    /// The superblock cannot be used.
    case superblock(SuperblockDefect)
    /// A file or partition is smaller than its superblock or parameters say, in bytes.
    case truncated(name: String, byteCount: UInt64, needed: UInt64)
    /// A file could not be opened or made.
    case open(path: String, errno: Int32)
    /// Reading failed at a byte offset; `errno` 0 means that the file ended.
    case read(path: String, offset: UInt64, errno: Int32)
    /// Writing failed at a byte offset.
    case write(path: String, offset: UInt64, errno: Int32)
    /// A reader or writer that the caller gave was told to stop.
    case cancelled

    /// What is wrong, with which value, and what to do about it.
    public var description: String {
        switch self {
        case .dataSize(let size):
            "dm-verity needs data of a multiple of 4096 bytes and at least 4096, not \(size): pad the file system image"
        case .dataBlockCount(let count):
            "\(count) data blocks cannot be protected: 1 to \(VerityFormat.maximumDataBlockCount) are allowed"
        case .saltSize(let count):
            "a dm-verity salt has at most 256 bytes, not \(count): use a shorter one, such as a SHA-256 digest"
        case .uuidSize(let count):
            "a UUID has 16 bytes, not \(count)"
        case .superblock(let defect):
            "this is not a usable dm-verity superblock: \(defect); make the hash tree again"
        case .truncated(let name, let byteCount, let needed):
            "'\(name)' has \(byteCount) bytes, \(needed) are needed: it was cut short, copy or build it again"
        case .open(let path, let errno):
            "cannot open '\(path)': \(Self.text(errno))"
        case .read(let path, let offset, 0):
            "'\(path)' ends at byte \(offset) while it is being read: it changed meanwhile, try again"
        case .read(let path, let offset, let errno):
            "cannot read '\(path)' at byte \(offset): \(Self.text(errno)); check the medium"
        case .write(let path, let offset, let errno):
            "cannot write '\(path)' at byte \(offset): \(Self.text(errno)); check the free space and the medium"
        case .cancelled:
            "the work on the hash tree was cancelled: begin it again"
        }
    }

    private static func text(_ errno: Int32) -> String {
        strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
    }
}
