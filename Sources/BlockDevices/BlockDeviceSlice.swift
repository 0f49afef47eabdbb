/// A part of a block device: a partition.
public struct BlockDeviceSlice: BlockDevice {
    /// What it is called in messages.
    public let name: String
    /// Its size in bytes.
    public let byteCount: UInt64
    private let whole: any BlockDevice
    private let offset: UInt64

    init(whole: any BlockDevice, offset: UInt64, byteCount: UInt64, name: String) {
        self.whole = whole
        self.offset = offset
        self.byteCount = byteCount
        self.name = name
    }

    /// Reads from the whole device, inside of the part.
    public func read(at place: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError) {
        try check(place, buffer.count)
        try whole.read(at: offset + place, into: buffer)
    }

    /// Reads from the whole device's medium, inside of the part.
    public func readMedium(at place: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(BlockDeviceError)
    {
        try check(place, buffer.count)
        try whole.readMedium(at: offset + place, into: buffer)
    }

    /// Writes to the whole device, inside of the part.
    public func write(_ bytes: UnsafeRawBufferPointer, at place: UInt64) throws(BlockDeviceError) {
        try check(place, bytes.count)
        try whole.write(bytes, at: offset + place)
    }

    /// Flushes the whole device.
    public func flush() throws(BlockDeviceError) { try whole.flush() }
}
