import Foundation

/// Files with holes: a disk image of 3 GiB takes the space of what is in it.
enum SparseFile {
    // lseek(2); the C library shows these only with _GNU_SOURCE.
    private static let seekData: Int32 = 3
    private static let seekHole: Int32 = 4

    /// Makes a file that is one hole.
    static func create(_ path: String, size: UInt64) throws {
        let descriptor = try FileSystem.open(path, O_WRONLY | O_CREAT | O_EXCL)
        defer { close(descriptor) }
        try setSize(descriptor, size, path)
    }

    /// Sets the length of an open file; what is added is a hole.
    static func setSize(_ descriptor: Int32, _ size: UInt64, _ path: String) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else {
            throw BuildError.file(operation: "set the size of", path: path, errno: errno)
        }
    }

    /// Copies a file with its holes to a new, flushed one.
    static func copy(_ source: String, to path: String) throws {
        let descriptor = try FileSystem.open(path, O_WRONLY | O_CREAT | O_EXCL)
        defer { close(descriptor) }
        try setSize(descriptor, try FileSystem.size(source), path)
        try copy(source, to: descriptor, at: 0, path: path)
        guard fchmod(descriptor, 0o644) == 0, fsync(descriptor) == 0 else {
            throw BuildError.file(operation: "flush", path: path, errno: errno)
        }
    }

    /// Copies what is not a hole of one file to an offset of another, which has holes there.
    ///
    /// - Throws: `BuildError`; `CancellationError` at the next mebibyte after the task was cancelled.
    static func copy(_ source: String, to descriptor: Int32, at offset: UInt64, path: String) throws {
        let input = try FileSystem.open(source, O_RDONLY)
        defer { close(input) }
        let size = off_t(try FileSystem.size(source))
        var position: off_t = 0
        while position < size {
            let data = lseek(input, position, seekData)
            if data < 0 {
                if errno == ENXIO { return }
                throw BuildError.file(operation: "read", path: source, errno: errno)
            }
            var hole = lseek(input, data, seekHole)
            if hole < 0 { hole = size }
            try copy(data..<hole, of: input, source, to: descriptor, at: offset, path)
            position = hole
        }
    }

    private static func copy(
        _ range: Range<off_t>,
        of input: Int32,
        _ source: String,
        to descriptor: Int32,
        at offset: UInt64,
        _ path: String
    ) throws {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var position = range.lowerBound
        while position < range.upperBound {
            try Task.checkCancellation()
            let wanted = min(buffer.count, Int(range.upperBound - position))
            let count = buffer.withUnsafeMutableBytes { pread(input, $0.baseAddress, wanted, position) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw BuildError.file(operation: "read", path: source, errno: count < 0 ? errno : EIO)
            }
            try buffer.withUnsafeBytes {
                try FileSystem.write(
                    UnsafeRawBufferPointer(rebasing: $0[..<count]),
                    to: descriptor,
                    at: offset + UInt64(position),
                    path: path
                )
            }
            position += off_t(count)
        }
    }
}
