import Glibc
import Hashing

/// Bytes that can be read at any offset from several threads: a file, a part of a disk image, or memory.
public struct VeritySource: Sendable {
    /// Fills the whole buffer from a byte offset, or throws.
    public typealias Reader =
        @Sendable (_ offset: UInt64, _ buffer: UnsafeMutableRawBufferPointer) throws(VerityError) -> Void

    /// How its bytes come, which decides how they are best read.
    public enum Access: Sendable {
        /// From memory, the page cache among it: in small reads, so that the data are still in the processor's cache when
        /// they are hashed.
        case cached
        /// From a disk, for which every read waits: in large reads, and by more threads.
        case direct

        /// Bytes of one read.
        var readSize: Int {
            switch self {
            case .cached: 128 << 10
            case .direct: VerityFormat.blockSize * VerityFormat.digestsPerBlock
            }
        }

        /// Number of threads that read and hash, where the caller names none.
        var threads: Int { self == .direct ? WorkerThreads.readerCount : WorkerThreads.processorCount }
    }

    /// What the source is called in messages: usually its path.
    public let name: String
    /// Size in bytes.
    public let byteCount: UInt64
    /// How its bytes come.
    let access: Access
    private let reader: Reader

    /// A source behind a function, which is only asked for ranges inside `byteCount`.
    public init(name: String, byteCount: UInt64, access: Access = .cached, reader: @escaping Reader) {
        self.name = name
        self.byteCount = byteCount
        self.access = access
        self.reader = reader
    }

    /// A source in memory.
    public init(name: String, bytes: [UInt8]) {
        self.init(name: name, byteCount: UInt64(bytes.count)) { offset, buffer in
            let start = Int(offset)
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + buffer.count]))
            }
        }
    }

    /// A file or block device, or a part of one such as a partition in a disk image.
    ///
    /// The file is open for as long as a copy of the source exists. It is read with `pread`, never mapped: a
    /// medium error then is an error and not a signal.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - offset: Where the source begins in the file, in bytes.
    ///   - byteCount: The source's size in bytes; without it, everything up to the end of the file.
    /// - Throws: `VerityError.open`, `.read` and, when the file is too short, `.truncated`.
    public init(path: String, offset: UInt64 = 0, byteCount: UInt64? = nil) throws(VerityError) {
        let file = try OpenFile(path: path, flags: O_RDONLY)
        let end = lseek(file.descriptor, 0, SEEK_END)
        guard end >= 0 else { throw .read(path: path, offset: 0, errno: errno) }
        let fileSize = UInt64(end)
        let (needed, overflow) = offset.addingReportingOverflow(byteCount ?? 0)
        guard !overflow, needed <= fileSize else {
            throw .truncated(name: path, byteCount: fileSize, needed: overflow ? .max : needed)
        }
        self.init(name: path, byteCount: byteCount ?? fileSize - offset) {
            position,
            buffer throws(VerityError) in
            try file.read(at: offset + position, into: buffer)
        }
    }

    /// Fills the whole buffer from a byte offset.
    ///
    /// - Throws: `VerityError.truncated` outside the source, `.read` when the medium fails.
    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(VerityError) {
        let (end, overflow) = offset.addingReportingOverflow(UInt64(buffer.count))
        guard !overflow, end <= byteCount else {
            throw .truncated(name: name, byteCount: byteCount, needed: overflow ? .max : end)
        }
        try reader(offset, buffer)
    }

    /// Reads a number of bytes from a byte offset.
    func read(at offset: UInt64, count: Int) throws(VerityError) -> [UInt8] {
        var failure: VerityError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(VerityError) {
                try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
                initialized = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

/// An open descriptor that is closed when nobody refers to it any more.
final class OpenFile: Sendable {
    let path: String
    let descriptor: Int32

    init(path: String, flags: Int32, mode: mode_t = 0) throws(VerityError) {
        let descriptor = open(path, flags | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .open(path: path, errno: errno) }
        self.path = path
        self.descriptor = descriptor
    }

    /// Takes over a descriptor that is already open.
    init(path: String, adopting descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(VerityError) {
        var done = 0
        while done < buffer.count, let base = buffer.baseAddress {
            let position = offset + UInt64(done)
            let count = pread(descriptor, base + done, buffer.count - done, off_t(position))
            if count < 0 {
                if errno == EINTR { continue }
                throw .read(path: path, offset: position, errno: errno)
            }
            guard count > 0 else { throw .read(path: path, offset: position, errno: 0) }
            done += count
        }
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(VerityError) {
        var done = 0
        while done < buffer.count, let base = buffer.baseAddress {
            let position = offset + UInt64(done)
            let count = pwrite(descriptor, base + done, buffer.count - done, off_t(position))
            if count < 0 {
                if errno == EINTR { continue }
                throw .write(path: path, offset: position, errno: errno)
            }
            done += count
        }
    }

    func synchronize() throws(VerityError) {
        while fsync(descriptor) != 0 {
            if errno != EINTR { throw .write(path: path, offset: 0, errno: errno) }
        }
    }
}
