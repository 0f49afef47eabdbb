import BlockDevices
import Glibc
import Synchronization

/// A disk in front of another one, with places that can't be read or written, or do not keep what is written.
public final class FaultyDisk: BlockDevice {
    /// What is wrong with one byte, and so with every read or write that contains it.
    public enum Fault: Sendable {
        /// Reads fail with EIO, until the byte is written.
        case unreadable(at: UInt64)
        /// Writes fail with EIO.
        case unwritable(at: UInt64)
        /// The first writes are lost without a word, whole.
        case losing(at: UInt64, times: Int)
        /// Everything is written, but this byte becomes another one.
        case altering(at: UInt64)
        /// All writes are lost without a word, wherever they go.
        case deaf
    }

    private let inner: any BlockDevice
    private let faults: [Fault]
    private let state = Mutex(State())

    private struct State {
        /// Places that were written.
        var written: Set<UInt64> = []
        /// Writes that were lost, by place.
        var losses: [UInt64: Int] = [:]
    }

    /// Another disk with faults.
    public init(_ inner: any BlockDevice, _ faults: [Fault]) {
        self.inner = inner
        self.faults = faults
    }

    /// What it is called in messages: as the disk behind it.
    public var name: String { inner.name }
    /// Its size in bytes.
    public var byteCount: UInt64 { inner.byteCount }

    /// Reads, unless a byte can't be read.
    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError) {
        try checkReadable(offset, buffer.count)
        try inner.read(at: offset, into: buffer)
    }

    /// Reads the medium, unless a byte can't be read.
    public func readMedium(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(BlockDeviceError)
    {
        try checkReadable(offset, buffer.count)
        try inner.readMedium(at: offset, into: buffer)
    }

    /// Writes, as far as the faults let it.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(BlockDeviceError) {
        let range = offset..<offset + UInt64(bytes.count)
        var altered: [UInt64] = []
        var isLost = false
        for fault in faults {
            switch fault {
            case .unwritable(let place) where range.contains(place):
                throw .write(device: name, offset: offset, count: bytes.count, errno: EIO)
            case .losing(let place, let times) where range.contains(place):
                isLost = isLost || loses(at: place, times: times)
            case .altering(let place) where range.contains(place): altered.append(place)
            case .deaf: isLost = true
            default: continue
            }
        }
        if isLost { return }
        try inner.write(bytes, at: offset)
        for place in altered { try inner.write([bytes[Int(place - offset)] ^ 1], at: place) }
        noteWritten(range)
    }

    /// Flushes the disk behind it.
    public func flush() throws(BlockDeviceError) { try inner.flush() }

    private func checkReadable(_ offset: UInt64, _ count: Int) throws(BlockDeviceError) {
        let range = offset..<offset + UInt64(count)
        for case .unreadable(let place) in faults where range.contains(place) {
            guard state.withLock({ $0.written.contains(place) }) else {
                throw .read(device: name, offset: offset, count: count, errno: EIO)
            }
        }
    }

    private func loses(at place: UInt64, times: Int) -> Bool {
        state.withLock { state in
            state.losses[place, default: 0] += 1
            return state.losses[place, default: 0] <= times
        }
    }

    private func noteWritten(_ range: Range<UInt64>) {
        for case .unreadable(let place) in faults where range.contains(place) {
            state.withLock { _ = $0.written.insert(place) }
        }
    }
}
