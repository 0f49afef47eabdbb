import BlockDevices
import Foundation

extension RecordedDisk {
    /// A disk with the bytes of a sparse file, of which only the parts with data are read.
    public convenience init(file path: String) throws {
        let device = try FileBlockDevice(path: path, access: .readOnly)
        self.init(byteCount: device.byteCount)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CocoaError(.fileReadUnknown) }
        defer { close(descriptor) }
        // SEEK_DATA and SEEK_HOLE.
        var start = lseek(descriptor, 0, 3)
        while start >= 0 {
            let end = lseek(descriptor, start, 4)
            try write(device.read(at: UInt64(start), count: Int(end - start)), at: UInt64(start))
            start = lseek(descriptor, end, 3)
        }
        beginLog()
    }

    /// Writes the disk into a sparse file, for independent tools.
    public func save(to path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0, ftruncate(descriptor, off_t(byteCount)) == 0 else {
            throw CocoaError(.fileWriteUnknown)
        }
        defer { close(descriptor) }
        for (offset, bytes) in pages {
            let count = min(bytes.count, Int(byteCount - offset))
            guard pwrite(descriptor, bytes, count, off_t(offset)) == count else {
                throw CocoaError(.fileWriteUnknown)
            }
        }
    }
}
