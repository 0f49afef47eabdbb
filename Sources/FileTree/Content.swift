import Foundation
public import Hashing

/// The bytes of a regular file: in memory, or a range of a file in the cache.
///
/// Package contents are ranges, so that a tree of many hundred megabytes needs a few megabytes of memory.
public enum Content: Sendable, Equatable {
    /// Bytes in memory, for what stages generate.
    case bytes([UInt8])
    /// A range of a file on the build machine, which must not change while the tree lives, with its digest.
    case blob(path: String, offset: Int64, length: Int64, digest: SHA256Digest)

    /// Number of bytes.
    public var size: Int64 {
        switch self {
        case .bytes(let bytes): Int64(bytes.count)
        case .blob(_, _, let length, _): length
        }
    }

    /// The SHA-256 of the bytes; computed each time for bytes in memory.
    public var digest: SHA256Digest {
        switch self {
        case .bytes(let bytes): SHA256Digest(hashing: bytes)
        case .blob(_, _, _, let digest): digest
        }
    }

    /// All bytes; those of a blob are checked against the digest.
    ///
    /// - Throws: `FileTreeError` when there are more than `limit`, or the cache file cannot be read or is damaged.
    public func bytes(limit: Int) throws(FileTreeError) -> [UInt8] {
        switch self {
        case .bytes(let bytes):
            guard bytes.count <= limit else {
                throw .tooLarge(path: "(content in memory)", size: size, limit: Int64(limit))
            }
            return bytes
        case .blob(let path, _, let length, _):
            guard length <= Int64(limit) else {
                throw .tooLarge(path: path, size: length, limit: Int64(limit))
            }
            let bytes = try prefix(Int(length))
            try check(SHA256Digest(hashing: bytes))
            return bytes
        }
    }

    /// Compares the digest of all bytes that were read with the one that they must have.
    ///
    /// - Parameter member: whose content it is, for the message; its place in the blob where nobody knows.
    func check(_ found: SHA256Digest, of member: String? = nil) throws(FileTreeError) {
        guard case .blob(let path, let offset, let length, let digest) = self, found != digest else { return }
        throw .damagedContent(
            path: member ?? "(bytes \(offset) to \(offset + length))",
            blob: path,
            reason: "the SHA-256 of the bytes is not \(digest)"
        )
    }

    /// The first bytes, at most `count`; not checked against the digest.
    ///
    /// - Throws: `FileTreeError` when the cache file cannot be read.
    public func prefix(_ count: Int) throws(FileTreeError) -> [UInt8] {
        switch self {
        case .bytes(let bytes):
            return Array(bytes.prefix(max(0, count)))
        case .blob:
            let count = Int(min(Int64(max(0, count)), size))
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, count), alignment: 16)
            defer { buffer.deallocate() }
            let result = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            try ContentSource(self).read(at: 0, into: result)
            return Array(result)
        }
    }

    /// Hands out all bytes in pieces of at most 1 MiB, in order; the pieces are only valid inside the call.
    ///
    /// Those of a blob are compared with the digest when all were handed out.
    ///
    /// - Parameters:
    ///   - member: whose content it is, for messages.
    ///   - body: gets the pieces.
    /// - Throws: `FileTreeError` when the cache file cannot be read or is damaged, and what `body` throws.
    public func forEachChunk(
        of member: String? = nil,
        _ body: (UnsafeRawBufferPointer) throws(FileTreeError) -> Void
    ) throws(FileTreeError) {
        let source = try ContentSource(self)
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(max(1, min(size, 1 << 20))),
            alignment: 4096
        )
        defer { buffer.deallocate() }
        var hasher = SHA256Hasher()
        var offset: Int64 = 0
        while offset < size {
            let count = Int(min(Int64(buffer.count), size - offset))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            try source.read(at: offset, into: piece)
            hasher.update(UnsafeRawBufferPointer(piece))
            try body(UnsafeRawBufferPointer(piece))
            offset += Int64(count)
        }
        try check(hasher.finish(), of: member)
    }
}

/// Content opened for reading.
struct ContentSource: ~Copyable {
    private let content: Content
    private let descriptor: Int32

    init(_ content: Content) throws(FileTreeError) {
        if case .blob(let path, let offset, let length, _) = content {
            guard offset >= 0, length >= 0, !offset.addingReportingOverflow(length).overflow else {
                throw .damagedContent(
                    path: "(\(offset), \(length))",
                    blob: path,
                    reason: "the range is impossible"
                )
            }
            let opened = open(path, O_RDONLY | O_CLOEXEC)
            guard opened >= 0 else { throw .system(operation: "open the cached", path: path, errno: errno) }
            self.content = content
            descriptor = opened
        } else {
            self.content = content
            descriptor = -1
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Fills the buffer with the bytes from `position` on, which must exist.
    func read(at position: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(FileTreeError) {
        guard position >= 0, position <= content.size, Int64(buffer.count) <= content.size - position else {
            throw .damagedContent(path: "(byte \(position))", blob: "(content)", reason: "it ends before")
        }
        switch content {
        case .bytes(let bytes):
            buffer.copyBytes(from: bytes[Int(position)..<Int(position) + buffer.count])
        case .blob(let path, let offset, _, _):
            var done = 0
            while done < buffer.count {
                let count = pread(
                    descriptor,
                    buffer.baseAddress.map { $0 + done },
                    buffer.count - done,
                    off_t(offset + position + Int64(done))
                )
                if count < 0 {
                    if errno == EINTR { continue }
                    throw .system(operation: "read the cached", path: path, errno: errno)
                }
                guard count > 0 else {
                    throw .damagedContent(
                        path: "(byte \(offset + position + Int64(done)))",
                        blob: path,
                        reason: "the file ends before"
                    )
                }
                done += count
            }
        }
    }
}
