/// Random access to the bytes of a disk, a partition, a file or an array.
///
/// Parsers of large things (disks, file systems, kernel images) read through this type, so that they need not
/// hold them in memory and know nothing of files. Every read is checked against `size` before it happens.
public struct ByteSource: Sendable {
    /// Number of bytes that can be read.
    public let size: UInt64
    private let readAt: @Sendable (UInt64, Int) throws -> [UInt8]

    /// Reads through a closure, which is given an offset and a number of bytes inside `size`.
    ///
    /// The closure returns exactly that many bytes or throws.
    public init(size: UInt64, read: @escaping @Sendable (_ offset: UInt64, _ count: Int) throws -> [UInt8]) {
        self.size = size
        self.readAt = read
    }

    /// Reads from memory.
    public init(bytes: [UInt8]) {
        self.init(size: UInt64(bytes.count)) { offset, count in
            Array(bytes[Int(offset)..<Int(offset) + count])
        }
    }

    /// The bytes of a range.
    ///
    /// - Throws: `ByteSourceError` if the range leaves the source, the closure fails or returns another number
    ///   of bytes.
    public func read(at offset: UInt64, count: Int) throws(ByteSourceError) -> [UInt8] {
        guard count >= 0, offset <= size, UInt64(count) <= size - offset else {
            throw .outOfBounds(offset: offset, count: count, size: size)
        }
        if count == 0 { return [] }
        let bytes: [UInt8]
        do {
            bytes = try readAt(offset, count)
        } catch let error as ByteSourceError {
            throw error
        } catch {
            throw .failed(offset: offset, count: count, reason: String(describing: error))
        }
        guard bytes.count == count else {
            throw .shortRead(offset: offset, count: count, got: bytes.count)
        }
        return bytes
    }

    /// A part of this source as a source of its own, whose offset 0 is `offset` here.
    ///
    /// - Throws: `ByteSourceError.outOfBounds` if the part leaves the source.
    public func slice(at offset: UInt64, size length: UInt64) throws(ByteSourceError) -> ByteSource {
        guard offset <= size, length <= size - offset else {
            throw .outOfBounds(offset: offset, count: Int(clamping: length), size: size)
        }
        let whole = self
        return ByteSource(size: length) { inner, count in
            try whole.read(at: offset + inner, count: count)
        }
    }
}

/// Why bytes could not be read from a `ByteSource`.
public enum ByteSourceError: Error, Equatable, CustomStringConvertible {
    /// The range does not lie inside the source.
    case outOfBounds(offset: UInt64, count: Int, size: UInt64)
    /// Fewer bytes came than were asked for.
    case shortRead(offset: UInt64, count: Int, got: Int)
    /// The medium below refused.
    case failed(offset: UInt64, count: Int, reason: String)
    /// The file could not be opened or measured.
    case open(path: String, errno: Int32)

    /// What is wrong and what to do about it.
    public var description: String {
        switch self {
        case .outOfBounds(let offset, let count, let size):
            return "\(count) bytes at offset \(offset) lie outside of the \(size) bytes there are; "
                + "the data is truncated or a field in it is corrupt: fetch or build it again"
        case .shortRead(let offset, let count, let got):
            return "only \(got) of \(count) bytes at offset \(offset) could be read; "
                + "the file shrank while it was read: make sure that nothing else writes to it"
        case .failed(let offset, let count, let reason):
            return "reading \(count) bytes at offset \(offset) failed: \(reason); check the medium"
        case .open(let path, let errno):
            return
                "cannot open '\(path)' for reading: \(describeErrno(errno)); check the path and its permissions"
        }
    }
}
