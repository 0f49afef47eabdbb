import BlockDevices
import Glibc
import Synchronization

/// A disk behind a cache, as Linux has one for each device file.
///
/// What was read or written stays in the cache, also when the medium is changed by another way; what was written
/// reaches the medium with a flush. A flush that fails leaves everything in the cache as if it had not.
public final class CachedDisk: BlockDevice {
    /// What is behind the cache.
    public let medium: RecordedDisk
    private let state = Mutex(State())

    private struct State {
        var pages: [UInt64: [UInt8]] = [:]
        var unflushed: Set<UInt64> = []
        var isFailing = false
    }

    private static let pageSize: UInt64 = 4096

    /// A disk with an empty cache; its size is a multiple of 4096.
    public init(_ medium: RecordedDisk) { self.medium = medium }

    /// What it is called in messages.
    public var name: String { medium.name }
    /// Its size in bytes.
    public var byteCount: UInt64 { medium.byteCount }

    /// Lets the next flush that has something to write fail, with nothing on the medium.
    public func failNextFlush() { state.withLock { $0.isFailing = true } }

    /// Reads from the cache, and into it.
    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError) {
        try check(offset, buffer.count)
        for number in Self.pages(offset, buffer.count) {
            let page = try page(number)
            let start = max(number * Self.pageSize, offset)
            let end = min((number + 1) * Self.pageSize, offset + UInt64(buffer.count))
            for place in start..<end { buffer[Int(place - offset)] = page[Int(place % Self.pageSize)] }
        }
    }

    /// Drops what the cache holds and was not written, and reads.
    public func readMedium(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(BlockDeviceError)
    {
        try check(offset, buffer.count)
        state.withLock { state in
            for number in Self.pages(offset, buffer.count) where !state.unflushed.contains(number) {
                state.pages[number] = nil
            }
        }
        try read(at: offset, into: buffer)
    }

    /// Writes into the cache.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(BlockDeviceError) {
        try check(offset, bytes.count)
        for number in Self.pages(offset, bytes.count) {
            var page = try page(number)
            let start = max(number * Self.pageSize, offset)
            let end = min((number + 1) * Self.pageSize, offset + UInt64(bytes.count))
            for place in start..<end { page[Int(place % Self.pageSize)] = bytes[Int(place - offset)] }
            state.withLock { state in
                state.pages[number] = page
                state.unflushed.insert(number)
            }
        }
    }

    /// Writes what is in the cache only, unless it is to fail.
    public func flush() throws(BlockDeviceError) {
        let (pages, isFailing) = state.withLock { state in
            let pages = state.unflushed.sorted().map { ($0, state.pages[$0] ?? []) }
            let isFailing = state.isFailing && !pages.isEmpty
            if isFailing { state.isFailing = false }
            state.unflushed = []
            return (pages, isFailing)
        }
        if isFailing { throw .flush(device: name, errno: EIO) }
        for (number, page) in pages { try medium.write(page, at: number * Self.pageSize) }
        try medium.flush()
    }

    private func page(_ number: UInt64) throws(BlockDeviceError) -> [UInt8] {
        if let page = state.withLock({ $0.pages[number] }) { return page }
        let page = try medium.read(at: number * Self.pageSize, count: Int(Self.pageSize))
        state.withLock { $0.pages[number] = page }
        return page
    }

    private static func pages(_ offset: UInt64, _ count: Int) -> Range<UInt64> {
        offset / pageSize..<(offset + UInt64(count) + pageSize - 1) / pageSize
    }
}
