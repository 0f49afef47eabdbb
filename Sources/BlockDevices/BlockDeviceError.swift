import Glibc

/// Why a block device could not be used.
public enum BlockDeviceError: Error, Equatable, CustomStringConvertible {
    /// It could not be opened or measured.
    case open(path: String, errno: Int32)
    /// It is mounted, or another program holds it.
    case inUse(path: String)
    /// The range does not lie inside the device.
    case outOfBounds(device: String, offset: UInt64, count: Int, size: UInt64)
    /// The system could not read.
    case read(device: String, offset: UInt64, count: Int, errno: Int32)
    /// The device ended early.
    case shortRead(device: String, offset: UInt64, count: Int)
    /// The system could not write.
    case write(device: String, offset: UInt64, count: Int, errno: Int32)
    /// What was written may not be on the medium.
    case flush(device: String, errno: Int32)

    /// What is wrong and what to do about it.
    public var description: String {
        switch self {
        case .open(let path, let number):
            "cannot open '\(path)': \(Self.text(number)); check the path and the permissions of this program"
        case .inUse(let path):
            "'\(path)' is mounted, or held by another program; unmount it, or wait until the other has finished"
        case .outOfBounds(let device, let offset, let count, let size):
            """
            \(count) bytes at offset \(offset) lie outside of the \(size) bytes of '\(device)'; the disk is smaller \
            than its partition table says, or the table is damaged
            """
        case .read(let device, let offset, let count, let number):
            """
            reading \(count) bytes at offset \(offset) of '\(device)' failed: \(Self.text(number)); the disk may be \
            failing: look at the kernel's messages
            """
        case .shortRead(let device, let offset, let count):
            """
            '\(device)' ended while \(count) bytes at offset \(offset) were read; make sure that nothing else \
            changes it
            """
        case .write(let device, let offset, let count, let number):
            """
            writing \(count) bytes at offset \(offset) of '\(device)' failed: \(Self.text(number)); the disk may be \
            full, write-protected or failing: look at the kernel's messages
            """
        case .flush(let device, let number):
            """
            flushing '\(device)' failed: \(Self.text(number)); what was written may be lost: try again, and replace \
            the disk if it fails again
            """
        }
    }

    private static func text(_ number: Int32) -> String {
        strerror(number).map { String(cString: $0) } ?? "error \(number)"
    }
}
