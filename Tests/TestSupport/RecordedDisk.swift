import BlockDevices
import Synchronization

/// A disk in memory that keeps a log of every write and flush, and makes from it the disks that a loss of power leaves.
///
/// Bytes that were never written are 0, and pages of them take no memory, so a disk may have the size of a real one.
public final class RecordedDisk: BlockDevice {
    /// What was done to the disk, in order.
    public enum Event: Sendable, Equatable {
        case write(offset: UInt64, bytes: [UInt8])
        case flush
    }

    /// What it is called in messages.
    public let name: String
    /// Its size in bytes.
    public let byteCount: UInt64
    private let state: Mutex<State>

    private struct State {
        var pages: [UInt64: [UInt8]] = [:]
        var events: [Event] = []
        var failures: [(event: Int, errno: Int32)] = []
        /// Whether anything of the log was written after its last flush.
        var isUnflushed = false
    }

    private static let pageSize: UInt64 = 4096

    /// An empty disk.
    public init(name: String = "disk", byteCount: UInt64) {
        self.name = name
        self.byteCount = byteCount
        state = Mutex(State())
    }

    private init(name: String, byteCount: UInt64, pages: [UInt64: [UInt8]]) {
        self.name = name
        self.byteCount = byteCount
        state = Mutex(State(pages: pages))
    }

    /// What was written and flushed since the log was begun.
    public var events: [Event] { state.withLock { $0.events } }

    /// Forgets the log, but not the bytes: the disk as it is now is where a later log begins.
    public func beginLog() {
        state.withLock {
            $0.events = []
            $0.isUnflushed = false
        }
    }

    /// Lets one of the next events fail with an error number: 0 is the next write or flush.
    public func fail(event: Int, errno: Int32) {
        state.withLock { $0.failures.append((event: $0.events.count + event, errno: errno)) }
    }

    /// The disk with the bytes it has now and an empty log.
    public func copy() -> RecordedDisk {
        RecordedDisk(name: name, byteCount: byteCount, pages: state.withLock { $0.pages })
    }

    /// Another disk: this one after events of a log that began with the bytes it has now.
    public func applying(_ events: some Sequence<Event>) -> RecordedDisk {
        var pages = state.withLock { $0.pages }
        for case .write(let offset, let bytes) in events {
            bytes.withUnsafeBytes { Self.store($0, at: offset, in: &pages) }
        }
        return RecordedDisk(name: name, byteCount: byteCount, pages: pages)
    }

    /// All pages that are not empty, by offset: what a test writes into a sparse file for an independent tool.
    public var pages: [(offset: UInt64, bytes: [UInt8])] {
        state.withLock { $0.pages }.sorted { $0.key < $1.key }.map { ($0.key * Self.pageSize, $0.value) }
    }

    /// Reads what was written last.
    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError) {
        try check(offset, buffer.count)
        state.withLock { state in
            var done = 0
            while done < buffer.count {
                let place = offset + UInt64(done)
                let inside = Int(place % Self.pageSize)
                let count = min(buffer.count - done, Int(Self.pageSize) - inside)
                let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
                if let page = state.pages[place / Self.pageSize] {
                    target.copyBytes(from: page[inside..<inside + count])
                } else {
                    target.initializeMemory(as: UInt8.self, repeating: 0)
                }
                done += count
            }
        }
    }

    /// Reads what was written last: there is no cache.
    public func readMedium(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(BlockDeviceError)
    {
        try read(at: offset, into: buffer)
    }

    /// Writes and records, unless the event is to fail.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(BlockDeviceError) {
        try check(offset, bytes.count)
        let failure = state.withLock { state -> Int32? in
            if let failure = Self.takeFailure(&state) { return failure }
            state.events.append(.write(offset: offset, bytes: Array(bytes)))
            state.isUnflushed = true
            Self.store(bytes, at: offset, in: &state.pages)
            return nil
        }
        if let failure { throw .write(device: name, offset: offset, count: bytes.count, errno: failure) }
    }

    /// Records, unless the event is to fail; a flush after which nothing was written does nothing.
    public func flush() throws(BlockDeviceError) {
        let failure = state.withLock { state -> Int32? in
            guard state.isUnflushed else { return nil }
            if let failure = Self.takeFailure(&state) { return failure }
            state.events.append(.flush)
            state.isUnflushed = false
            return nil
        }
        if let failure { throw .flush(device: name, errno: failure) }
    }

    private static func takeFailure(_ state: inout State) -> Int32? {
        let next = state.events.count
        guard let index = state.failures.firstIndex(where: { $0.event == next }) else { return nil }
        return state.failures.remove(at: index).errno
    }

    private static func store(
        _ bytes: UnsafeRawBufferPointer,
        at offset: UInt64,
        in pages: inout [UInt64: [UInt8]]
    ) {
        var done = 0
        while done < bytes.count {
            let place = offset + UInt64(done)
            let inside = Int(place % pageSize)
            let count = min(bytes.count - done, Int(pageSize) - inside)
            // In one piece: element by element a disk of a machine takes long without optimisation.
            let part = UnsafeRawBufferPointer(rebasing: bytes[done..<done + count])
            pages[place / pageSize, default: [UInt8](repeating: 0, count: Int(pageSize))]
                .withUnsafeMutableBytes {
                    UnsafeMutableRawBufferPointer(rebasing: $0[inside..<inside + count]).copyMemory(
                        from: part
                    )
                }
            done += count
        }
    }
}
