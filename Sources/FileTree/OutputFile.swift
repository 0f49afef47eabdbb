import Foundation
import Hashing

/// A file written from front to back through a large buffer.
///
/// A file given by its path appears under its name only when `finish` has succeeded; until then it is a
/// temporary file beside it, which goes away with the value.
struct OutputFile: ~Copyable {
    static let bufferSize = 1 << 20

    private let descriptor: Int32
    private let path: String
    private let temporaryPath: String?
    private let buffer: UnsafeMutableRawBufferPointer
    private var used = 0
    private var isFinished = false
    /// Bytes written so far, buffered ones included.
    private(set) var position: Int64 = 0

    /// Writes to an open descriptor, which stays open.
    init(descriptor: Int32) {
        self.descriptor = descriptor
        path = "(descriptor \(descriptor))"
        temporaryPath = nil
        buffer = .allocate(byteCount: Self.bufferSize, alignment: 4096)
    }

    /// Writes a file that replaces what is at the path when it is complete.
    init(path: String) throws(FileTreeError) {
        var template = Array((path + ".XXXXXX").utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw .system(operation: "create", path: path, errno: errno) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        self.descriptor = descriptor
        self.path = path
        temporaryPath =
            template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } } ?? path
        buffer = .allocate(byteCount: Self.bufferSize, alignment: 4096)
    }

    deinit {
        buffer.deallocate()
        guard let temporaryPath else { return }
        close(descriptor)
        if !isFinished { unlink(temporaryPath) }
    }

    mutating func write(_ bytes: [UInt8]) throws(FileTreeError) {
        var start = 0
        while start < bytes.count {
            if used == buffer.count { try flush() }
            let count = min(bytes.count - start, buffer.count - used)
            UnsafeMutableRawBufferPointer(rebasing: buffer[used..<used + count])
                .copyBytes(from: bytes[start..<start + count])
            used += count
            start += count
        }
        position += Int64(bytes.count)
    }

    /// Copies content straight into the buffer, and compares it with its digest.
    mutating func write(_ content: Content, of member: String) throws(FileTreeError) {
        if case .bytes(let bytes) = content { return try write(bytes) }
        let size = content.size
        guard size > 0 else { return }
        let source = try ContentSource(content)
        var hasher = SHA256Hasher()
        var offset: Int64 = 0
        while offset < size {
            if used == buffer.count { try flush() }
            let count = Int(min(size - offset, Int64(buffer.count - used)))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[used..<used + count])
            try source.read(at: offset, into: piece)
            hasher.update(UnsafeRawBufferPointer(piece))
            used += count
            offset += Int64(count)
        }
        try content.check(hasher.finish(), of: member)
        position += size
    }

    /// Writes zeros up to the next multiple of `alignment`, a power of two.
    mutating func pad(to alignment: Int64) throws(FileTreeError) {
        let count = Int((alignment - position & (alignment - 1)) & (alignment - 1))
        if count > 0 { try write([UInt8](repeating: 0, count: count)) }
    }

    /// Writes out what is buffered and gives the file its name.
    mutating func finish() throws(FileTreeError) {
        try flush()
        guard let temporaryPath else { return }
        // Archives are intermediate files that can be made again, so the name is not forced to disk.
        guard fchmod(descriptor, 0o644) == 0, rename(temporaryPath, path) == 0 else {
            throw .system(operation: "put in place", path: path, errno: errno)
        }
        isFinished = true
    }

    private mutating func flush() throws(FileTreeError) {
        var done = 0
        while done < used {
            let count = Foundation.write(descriptor, buffer.baseAddress.map { $0 + done }, used - done)
            if count < 0 {
                if errno == EINTR { continue }
                throw .system(operation: "write", path: path, errno: errno)
            }
            done += count
        }
        used = 0
    }
}
