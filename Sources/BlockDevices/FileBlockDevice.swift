import Glibc

/// A block device or an image file of the system, open as long as this lives.
public final class FileBlockDevice: BlockDevice {
    /// Its path.
    public let name: String
    /// Its size in bytes, taken once.
    public let byteCount: UInt64
    private let descriptor: Int32
    /// The same past the page cache; nil where the file system has no such thing.
    private let direct: Int32?

    /// open(2)'s O_DIRECT, which the headers show to GNU programs only.
    #if arch(arm64)
        private static let directFlag: Int32 = 0o200000
    #else
        private static let directFlag: Int32 = 0o40000
    #endif
    /// The grid of memory for reads past the page cache; a page is enough for every disk.
    private static let directAlignment = 4096
    /// Bytes that are read at a time into memory off that grid.
    private static let bounceSize = 256 << 10

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
        let direct = open(path, O_RDONLY | O_CLOEXEC | Self.directFlag)
        guard direct >= 0 || errno == EINVAL || errno == EOPNOTSUPP else {
            let number = errno
            close(descriptor)
            throw .open(path: path, errno: number)
        }
        self.descriptor = descriptor
        self.direct = direct >= 0 ? direct : nil
        name = path
        byteCount = UInt64(end)
    }

    deinit {
        close(descriptor)
        if let direct { close(direct) }
    }

    /// Reads with pread(2).
    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError) {
        try check(offset, buffer.count)
        try fill(buffer, from: descriptor, at: offset)
    }

    private func fill(
        _ buffer: UnsafeMutableRawBufferPointer,
        from descriptor: Int32,
        at offset: UInt64
    ) throws(BlockDeviceError) {
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

    /// Reads with O_DIRECT; the kernel writes first what is dirty of the range.
    ///
    /// Where the file or the range has no O_DIRECT, what the page cache holds of it is dropped (posix_fadvise(2)) and read
    /// again: that is no more than advice, of which the kernel takes nothing for a part of a large folio or for dirty
    /// pages.
    public func readMedium(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(BlockDeviceError)
    {
        try check(offset, buffer.count)
        if try fillDirectly(buffer, at: offset) { return }
        let result = posix_fadvise(descriptor, off_t(offset), off_t(buffer.count), POSIX_FADV_DONTNEED)
        guard result == 0 else {
            throw .read(device: name, offset: offset, count: buffer.count, errno: result)
        }
        try fill(buffer, from: descriptor, at: offset)
    }

    /// Returns whether the file has O_DIRECT, and the range is on the grid of the medium's sectors, which the kernel knows.
    private func fillDirectly(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        throws(BlockDeviceError) -> Bool
    {
        guard let direct else { return false }
        do throws(BlockDeviceError) {
            if Int(bitPattern: buffer.baseAddress).isMultiple(of: Self.directAlignment) {
                try fill(buffer, from: direct, at: offset)
                return true
            }
            let bounce = UnsafeMutableRawBufferPointer.allocate(
                byteCount: min(buffer.count, Self.bounceSize),
                alignment: Self.directAlignment
            )
            defer { bounce.deallocate() }
            var done = 0
            while done < buffer.count {
                let size = min(bounce.count, buffer.count - done)
                let part = UnsafeMutableRawBufferPointer(rebasing: bounce[..<size])
                try fill(part, from: direct, at: offset + UInt64(done))
                UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + size])
                    .copyMemory(from: UnsafeRawBufferPointer(part))
                done += size
            }
            return true
        } catch {
            if case .read(_, _, _, EINVAL) = error { return false }
            throw error
        }
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
