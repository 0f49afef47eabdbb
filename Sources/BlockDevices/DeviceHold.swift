import Glibc

/// Keeps others from mounting a partition, or from holding it too, as long as this lives.
///
/// Linux keeps the pages of a whole disk and those of its partitions apart: who writes a partition through its disk, as
/// the update engine does, must be alone with it. The whole disk itself cannot be held, because its other partitions
/// are in use. So the partition's own device file is opened with O_EXCL and nothing is read or written through it:
///
/// ```swift
/// let hold = try DeviceHold(path: rootDisk.path(ofPartition: slots.esp.number))
/// try withExtendedLifetime(hold) { ... change the ESP through a FileBlockDevice of /dev/vda ... }
/// ```
///
/// It fails while the partition is mounted, and mounting it fails (EBUSY) while it is held. It does not keep others from
/// opening the device without O_EXCL.
public final class DeviceHold: Sendable {
    private let descriptor: Int32

    /// Holds a block device.
    ///
    /// - Throws: `BlockDeviceError.inUse` if it is mounted or held by another, `.open`.
    public init(path: String) throws(BlockDeviceError) {
        let descriptor = open(path, O_RDONLY | O_EXCL | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw errno == EBUSY ? .inUse(path: path) : .open(path: path, errno: errno)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFBLK else {
            close(descriptor)
            // Of anything else O_EXCL would say nothing.
            throw .open(path: path, errno: ENOTBLK)
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
