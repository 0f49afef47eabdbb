import Glibc

// lseek(2); the headers have these only with _GNU_SOURCE, which Swift does not define.
private let seekData: Int32 = 3
private let seekHole: Int32 = 4

extension SHA256Digest {
    /// The digest of a whole file, read in pieces of 1 MiB; its holes are not read.
    ///
    /// A disk image is mostly holes: reading them takes longer than hashing their zeros.
    /// - Throws: `HashingError` when the file cannot be opened or read, or shrinks meanwhile.
    public init(hashingFile path: String) throws(HashingError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .open(path: path, errno: errno) }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0 else { throw .read(path: path, errno: errno) }
        var hasher = SHA256Hasher()
        var position: off_t = 0
        while position < size {
            // Where a file system knows no holes, all is data.
            var data = lseek(descriptor, position, seekData)
            if data < 0 { data = errno == ENXIO ? size : position }
            data = min(max(data, position), size)
            hasher.updateZeros(Int(data - position))
            position = data
            guard position < size else { break }
            let hole = lseek(descriptor, position, seekHole)
            let end = hole > position ? min(hole, size) : size
            try hasher.update(descriptor, position..<end, path: path)
            position = end
        }
        self = hasher.finish()
    }
}

extension SHA256Hasher {
    private static let zeros = [UInt8](repeating: 0, count: 1 << 20)

    /// Adds a number of zero bytes.
    fileprivate mutating func updateZeros(_ count: Int) {
        var left = count
        while left > 0 {
            let piece = min(left, Self.zeros.count)
            Self.zeros.withUnsafeBytes { update(UnsafeRawBufferPointer(rebasing: $0[..<piece])) }
            left -= piece
        }
    }

    /// Adds a range of a file.
    fileprivate mutating func update(_ descriptor: Int32, _ range: Range<off_t>, path: String)
        throws(HashingError)
    {
        var buffer = [UInt8](repeating: 0, count: min(1 << 20, range.count))
        var position = range.lowerBound
        while position < range.upperBound {
            let wanted = min(buffer.count, Int(range.upperBound - position))
            let count = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, wanted, position) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .read(path: path, errno: count < 0 ? errno : EIO) }
            buffer.withUnsafeBytes { update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            position += off_t(count)
        }
    }
}

/// Why a file could not be hashed.
public enum HashingError: Error, Equatable, CustomStringConvertible {
    /// The file could not be opened.
    case open(path: String, errno: Int32)
    /// The file could not be read.
    case read(path: String, errno: Int32)

    /// What failed, on which file, and why.
    public var description: String {
        switch self {
        case .open(let path, let errno):
            return "cannot open '\(path)' to hash it: \(String(cString: strerror(errno)))"
        case .read(let path, let errno):
            return
                "cannot read '\(path)' to hash it: \(String(cString: strerror(errno))); check the disk and try again"
        }
    }
}
