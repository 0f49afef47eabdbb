public import Bytes

/// A disk, a partition or an image file: bytes that can be read and written at any place, and flushed.
///
/// A write is durable after the next `flush` and not before: until then the medium may hold all of it, part of it (in
/// whole sectors) or nothing, and writes may reach it in any order. What is written to a host's disk goes through this
/// protocol, so that a test can record it and try every state that a loss of power may leave.
public protocol BlockDevice: Sendable {
    /// What it is called in messages: its path.
    var name: String { get }
    /// Its size in bytes.
    var byteCount: UInt64 { get }

    /// Fills the buffer with the bytes at an offset.
    ///
    /// - Throws: `BlockDeviceError`.
    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError)

    /// Fills the buffer with what the medium itself holds, past every cache of the system.
    ///
    /// Offset and size are multiples of 4096. What was written and not flushed is either still in a cache and comes from
    /// there, or reaches the medium first.
    ///
    /// - Throws: `BlockDeviceError`.
    func readMedium(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError)

    /// Writes all bytes of the buffer at an offset.
    ///
    /// - Throws: `BlockDeviceError`.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(BlockDeviceError)

    /// Returns when everything written before is on the medium.
    ///
    /// - Throws: `BlockDeviceError`.
    func flush() throws(BlockDeviceError)
}

extension BlockDevice {
    /// The bytes of a range.
    ///
    /// - Throws: `BlockDeviceError`.
    public func read(at offset: UInt64, count: Int) throws(BlockDeviceError) -> [UInt8] {
        try check(offset, count)
        var failure: BlockDeviceError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(BlockDeviceError) {
                let bytes = UnsafeMutableRawBufferPointer(buffer)
                try read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]))
                filled = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Writes bytes at an offset.
    ///
    /// - Throws: `BlockDeviceError`.
    public func write(_ bytes: [UInt8], at offset: UInt64) throws(BlockDeviceError) {
        var failure: BlockDeviceError?
        bytes.withUnsafeBytes { buffer in
            do throws(BlockDeviceError) { try write(buffer, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// The device as what parsers read from.
    public var source: ByteSource {
        ByteSource(size: byteCount) { offset, count in try self.read(at: offset, count: count) }
    }

    /// A part of the device as a device of its own, whose offset 0 is `offset` here.
    ///
    /// - Throws: `BlockDeviceError.outOfBounds` if the part leaves the device.
    public func slice(at offset: UInt64, size: UInt64, name: String) throws(BlockDeviceError)
        -> BlockDeviceSlice
    {
        guard offset <= byteCount, size <= byteCount - offset else {
            throw .outOfBounds(device: self.name, offset: offset, count: Int(clamping: size), size: byteCount)
        }
        return BlockDeviceSlice(whole: self, offset: offset, byteCount: size, name: name)
    }

    /// Makes sure that a range lies inside the device.
    ///
    /// - Throws: `BlockDeviceError.outOfBounds`.
    public func check(_ offset: UInt64, _ count: Int) throws(BlockDeviceError) {
        guard count >= 0, offset <= byteCount, UInt64(count) <= byteCount - offset else {
            throw .outOfBounds(device: name, offset: offset, count: count, size: byteCount)
        }
    }
}
