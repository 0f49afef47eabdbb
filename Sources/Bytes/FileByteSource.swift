import Glibc

extension ByteSource {
    /// Reads a file or a block device, which stays open as long as a copy of the source lives.
    ///
    /// The size is taken once, when the file is opened.
    /// - Throws: `ByteSourceError.open`.
    public init(file path: String) throws(ByteSourceError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .open(path: path, errno: errno) }
        let file = OpenFile(descriptor: descriptor)
        // lseek and not fstat: it also measures block devices.
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else { throw .open(path: path, errno: errno) }
        self.init(size: UInt64(end)) { offset, count in try file.read(at: offset, count: count) }
    }
}

/// Owns a file descriptor.
private final class OpenFile: Sendable {
    private let descriptor: Int32

    init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    func read(at offset: UInt64, count: Int) throws(ByteSourceError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                guard let base = buffer.baseAddress else { return }
                let got = pread(descriptor, base + filled, count - filled, off_t(offset) + filled)
                if got < 0 {
                    if errno == EINTR { continue }
                    failure = errno
                    return
                }
                if got == 0 { return }
                filled += got
            }
        }
        guard failure == 0 else {
            throw .failed(offset: offset, count: count, reason: describeErrno(failure))
        }
        return bytes
    }
}

/// The system's text for an error number.
func describeErrno(_ number: Int32) -> String {
    guard let text = strerror(number) else { return "error \(number)" }
    return String(cString: text)
}
