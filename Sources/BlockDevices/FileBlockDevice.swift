import Glibc

/// A block device or an image file of the system, open as long as this lives.
public final class FileBlockDevice: BlockDevice {
    /// Its path.
    public let name: String
    /// Its size in bytes, taken once.
    public let byteCount: UInt64
    private let descriptor: Int32

    /// How a device is opened.
    public enum Access: Sendable {
        /// Every write fails.
        case readOnly
        /// Others may use it at the same time: see `DeviceHold`.
        case readWrite
    }

    /// Opens a device or a file that exists.
    ///
    /// - Throws: `BlockDeviceError.open`.
    public init(path: String, access: Access) throws(BlockDeviceError) {
        let flags =
            switch access {
            case .readOnly: O_RDONLY
            case .readWrite: O_RDWR
            }
        let descriptor = open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else { throw .open(path: path, errno: errno) }
        // lseek and not fstat: it also measures block devices.
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else {
            let number = errno
            close(descriptor)
            throw .open(path: path, errno: number)
        }
        self.descriptor = descriptor
        name = path
        byteCount = UInt64(end)
    }

    deinit { close(descriptor) }

    /// Reads with pread(2).
    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError) {
        try check(offset, buffer.count)
        var done = 0
        while done < buffer.count {
            guard let base = buffer.baseAddress else { return }
            let got = pread(descriptor, base + done, buffer.count - done, off_t(offset) + done)
            if got < 0 {
                if errno == EINTR { continue }
                throw .read(device: name, offset: offset, count: buffer.count, errno: errno)
            }
            if got == 0 { throw .shortRead(device: name, offset: offset, count: buffer.count) }
            done += got
        }
    }

    /// Drops what the page cache holds of the range (posix_fadvise(2)) and reads it.
    ///
    /// Pages that are still dirty stay in the cache: call `flush` first.
    public func readMedium(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(BlockDeviceError)
    {
        try check(offset, buffer.count)
        let result = posix_fadvise(descriptor, off_t(offset), off_t(buffer.count), POSIX_FADV_DONTNEED)
        guard result == 0 else {
            throw .read(device: name, offset: offset, count: buffer.count, errno: result)
        }
        try read(at: offset, into: buffer)
    }

    /// Writes with pwrite(2).
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(BlockDeviceError) {
        try check(offset, bytes.count)
        var done = 0
        while done < bytes.count {
            guard let base = bytes.baseAddress else { return }
            let written = pwrite(descriptor, base + done, bytes.count - done, off_t(offset) + done)
            if written < 0 {
                if errno == EINTR { continue }
                throw .write(device: name, offset: offset, count: bytes.count, errno: errno)
            }
            done += written
        }
    }

    /// Flushes with fsync(2).
    public func flush() throws(BlockDeviceError) {
        while fsync(descriptor) != 0 {
            guard errno == EINTR else { throw .flush(device: name, errno: errno) }
        }
    }
}
