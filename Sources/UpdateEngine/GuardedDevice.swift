public import BlockDevices
import Glibc

/// A device that can be written in some ranges only.
///
/// The last line of defence of the active slot, of `state` and of `data`: whatever goes wrong above, a write that is
/// not wholly inside one of the ranges fails with `EPERM` and nothing reaches the device.
public struct GuardedDevice: BlockDevice {
    /// The device's name, with what may be written.
    public let name: String
    /// The device's size in bytes.
    public var byteCount: UInt64 { device.byteCount }
    private let device: any BlockDevice
    private let writable: [Range<UInt64>]

    /// Guards a device.
    ///
    /// - Parameters:
    ///   - device: What is read and written.
    ///   - writable: The ranges of bytes that may be written. A write must lie in one of them; it may not go on
    ///     into the next even if they touch.
    public init(_ device: any BlockDevice, writable: [Range<UInt64>]) {
        self.device = device
        self.writable = writable
        name = device.name
    }

    /// Reads from the device, anywhere.
    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError) {
        try device.read(at: offset, into: buffer)
    }

    /// Reads from the device's medium, anywhere.
    public func readMedium(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(BlockDeviceError)
    {
        try device.readMedium(at: offset, into: buffer)
    }

    /// Writes if all bytes lie in one of the ranges.
    ///
    /// - Throws: `BlockDeviceError.write` with `EPERM` if they do not.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(BlockDeviceError) {
        try check(offset, bytes.count)
        let end = offset + UInt64(bytes.count)
        guard writable.contains(where: { $0.lowerBound <= offset && end <= $0.upperBound }) else {
            throw .write(device: name, offset: offset, count: bytes.count, errno: EPERM)
        }
        try device.write(bytes, at: offset)
    }

    /// Flushes the device.
    public func flush() throws(BlockDeviceError) { try device.flush() }
}
