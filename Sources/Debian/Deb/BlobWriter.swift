import Archive
import FileTree
import Foundation
import Hashing

/// Writes contents one after the other, and hashes each.
struct BlobWriter: ~Copyable {
    private let descriptor: Int32
    private let path: String
    private let buffer: UnsafeMutableRawBufferPointer
    private var used = 0
    /// Bytes taken so far.
    private(set) var size: Int64 = 0

    /// Makes a new file.
    init(path: String) throws(DebError) {
        let opened = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard opened >= 0 else { throw .system(operation: "create", path: path, errno: errno) }
        descriptor = opened
        self.path = path
        buffer = .allocate(byteCount: 1 << 20, alignment: 4096)
    }

    deinit {
        close(descriptor)
        buffer.deallocate()
    }

    /// Takes all data of the member at which a reader stands; `size` is what its header promises.
    mutating func append(
        _ reader: inout ArchiveReader,
        size promised: Int64,
        member: String,
        at finalPath: String
    ) throws -> Content {
        let start = size
        var hasher = SHA256Hasher()
        while true {
            if used == buffer.count { try flush() }
            let free = UnsafeMutableRawBufferPointer(rebasing: buffer[used...])
            let count = try reader.read(into: free)
            if count == 0 { break }
            hasher.update(UnsafeRawBufferPointer(rebasing: free[..<count]))
            used += count
            size += Int64(count)
        }
        guard size - start == promised else {
            let reason = "'\(member)' ends after \(size - start) of \(promised) bytes"
            throw ArchiveError.corrupt(file: reader.name, reason: reason)
        }
        return .blob(path: finalPath, offset: start, length: promised, digest: hasher.finish())
    }

    /// Takes bytes.
    mutating func append(_ bytes: [UInt8]) throws(DebError) {
        var start = 0
        while start < bytes.count {
            if used == buffer.count { try flush() }
            let count = min(bytes.count - start, buffer.count - used)
            UnsafeMutableRawBufferPointer(rebasing: buffer[used..<used + count])
                .copyBytes(from: bytes[start..<start + count])
            used += count
            start += count
        }
        size += Int64(bytes.count)
    }

    /// Writes everything out, to the medium.
    mutating func finish() throws(DebError) {
        try flush()
        guard fsync(descriptor) == 0 else {
            throw .system(operation: "write to disk", path: path, errno: errno)
        }
    }

    private mutating func flush() throws(DebError) {
        var done = 0
        while done < used {
            let count = write(descriptor, buffer.baseAddress.map { $0 + done }, used - done)
            if count < 0 {
                if errno == EINTR { continue }
                throw .system(operation: "write", path: path, errno: errno)
            }
            done += count
        }
        used = 0
    }
}
