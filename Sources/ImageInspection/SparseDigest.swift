import Glibc
import Hashing

// lseek(2); the headers have these only with _GNU_SOURCE, which Swift does not define.
private let seekData: Int32 = 3
private let seekHole: Int32 = 4

extension SHA256Digest {
    /// The digest of a whole file whose holes are not read.
    ///
    /// A disk image is mostly holes: reading them takes longer than hashing their zeros.
    /// - Throws: `HashingError` when the file cannot be opened or read, or shrinks meanwhile.
    init(hashingSparseFile path: String) throws(HashingError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .open(path: path, errno: errno) }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0 else { throw .read(path: path, errno: errno) }
        var hasher = SHA256Hasher()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        var position: off_t = 0
        while position < size {
            // Where a file system knows no holes, all is data.
            var data = lseek(descriptor, position, seekData)
            if data < 0 { data = errno == ENXIO ? size : position }
            data = min(max(data, position), size)
            while position < data {
                let count = min(off_t(zeros.count), data - position)
                zeros.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<Int(count)])) }
                position += count
            }
            guard position < size else { break }
            let hole = lseek(descriptor, position, seekHole)
            let end = hole > position ? min(hole, size) : size
            while position < end {
                let wanted = Int(min(off_t(buffer.count), end - position))
                let count = buffer.withUnsafeMutableBytes {
                    pread(descriptor, $0.baseAddress, wanted, position)
                }
                if count < 0 {
                    if errno == EINTR { continue }
                    throw .read(path: path, errno: errno)
                }
                guard count > 0 else { throw .read(path: path, errno: EIO) }
                buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
                position += off_t(count)
            }
        }
        self = hasher.finish()
    }
}
