import Bytes
import Glibc

/// The file that a kernel image is put together in, part by part; where nothing was written yet it is a hole.
///
/// Closed with the value's end, which is why it is a class.
final class StagedKernel {
    /// Its bytes.
    let source: ByteSource
    /// Whether an earlier attempt left something in it.
    let isBegun: Bool
    private let path: String
    private let descriptor: Int32
    private static let block: UInt64 = 4096

    /// Opens or makes a file in a folder, and removes those of other kernel images.
    ///
    /// - Parameters:
    ///   - name: the file's name, which ends in `.efi`.
    ///   - size: the number of bytes that it will have.
    /// - Throws: `UpdaterError.record`.
    init(_ name: String, in folder: String, size: UInt64) throws(UpdaterError) {
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw Self.failure("make the folder", folder)
        }
        path = "\(folder)/\(name)"
        removeFiles(in: folder, ending: [".efi"], except: [name])
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.failure("open", path) }
        self.descriptor = descriptor
        let end = lseek(descriptor, 0, SEEK_END)
        isBegun = end > 0 && end <= off_t(clamping: size)
        // There is no deinit for a value that was not made.
        do throws(ByteSourceError) {
            guard isBegun || ftruncate(descriptor, 0) == 0, ftruncate(descriptor, off_t(clamping: size)) == 0
            else { throw .open(path: path, errno: errno) }
            source = try ByteSource(file: path)
        } catch {
            close(descriptor)
            throw .record(path: path, reason: "could not be prepared: \(error)")
        }
    }

    deinit { close(descriptor) }

    /// Removes the file; what was opened of it can still be read.
    func remove() { unlink(path) }

    /// Writes bytes.
    ///
    /// - Throws: `UpdaterError.record`.
    func write(_ bytes: some Collection<UInt8>, at offset: UInt64) throws(UpdaterError) {
        let bytes = ContiguousArray(bytes)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(
                    descriptor,
                    buffer.baseAddress.map { $0 + done },
                    buffer.count - done,
                    off_t(clamping: offset) + off_t(done)
                )
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw Self.failure("write", path)
            }
            done += count
        }
    }

    /// The bytes of a range that did not come yet, as far as zeros tell.
    ///
    /// A block of zeros may be a hole, and one beside it may have come only in part. So it finds what a kill has left, and
    /// nearly nothing else; what a loss of power has left may be anything. Either way only a digest is proof.
    /// - Returns: Ranges inside of this one; all of it where no zeros are found.
    /// - Throws: `UpdaterError.record`.
    func unwritten(in range: Range<UInt64>) throws(UpdaterError) -> [Range<UInt64>] {
        var holes: [Range<UInt64>] = []
        var position = range.lowerBound / Self.block * Self.block
        while position < range.upperBound {
            let end = min(position + Self.block, range.upperBound)
            let bytes = try read(position..<end)
            if bytes.allSatisfy({ $0 == 0 }) {
                let start = position < Self.block ? 0 : position - Self.block
                let hole = (start..<end + Self.block).clamped(to: range)
                if let last = holes.last, hole.lowerBound <= last.upperBound {
                    holes[holes.count - 1] = last.lowerBound..<hole.upperBound
                } else {
                    holes.append(hole)
                }
            }
            position = end
        }
        return holes.isEmpty ? [range] : holes
    }

    /// Reads bytes.
    ///
    /// - Throws: `UpdaterError.record`.
    func read(_ range: Range<UInt64>) throws(UpdaterError) -> [UInt8] {
        do throws(ByteSourceError) {
            return try source.read(at: range.lowerBound, count: Int(range.upperBound - range.lowerBound))
        } catch {
            throw unreadable(error)
        }
    }

    /// The error that says that it can't be read.
    func unreadable(_ error: ByteSourceError) -> UpdaterError {
        .record(path: path, reason: "could not be read: \(error)")
    }

    private static func failure(_ operation: String, _ path: String) -> UpdaterError {
        .record(path: path, reason: "could not \(operation): \(String(cString: strerror(errno)))")
    }
}
