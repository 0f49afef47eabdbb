import BlockDevices
import Bytes
import Synchronization
import Verity

extension BlockDevice {
    /// The device for parsers, read past the caches of the system.
    var mediumSource: ByteSource {
        ByteSource(size: byteCount) { offset, count in try self.readMedium(at: offset, count: count) }
    }

    /// Bytes of any range from the medium itself; more is read where the range is not on the grid of 4096 bytes.
    func readMedium(at offset: UInt64, count: Int) throws(BlockDeviceError) -> [UInt8] {
        try check(offset, count)
        let grid: UInt64 = 4096
        let start = offset / grid * grid
        let end = min((offset + UInt64(count) + grid - 1) / grid * grid, byteCount)
        var bytes = [UInt8](repeating: 0, count: Int(end - start))
        var failure: BlockDeviceError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(BlockDeviceError) { try readMedium(at: start, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        let skip = Int(offset - start)
        return Array(bytes[skip..<skip + count])
    }

    /// The device for the hash tree's code, which stops when it is told to.
    func veritySource(fromMedium: Bool, stop: StopFlag) -> VeritySource {
        VeritySource(name: name, byteCount: byteCount) { offset, buffer throws(VerityError) in
            if stop.isSet { throw .cancelled }
            do throws(BlockDeviceError) {
                if fromMedium {
                    try self.readMedium(at: offset, into: buffer)
                } else {
                    try self.read(at: offset, into: buffer)
                }
            } catch {
                throw VerityError(error, reading: self.name, at: offset)
            }
        }
    }
}

extension VerityError {
    /// What a device reports while it is read, in the terms of the hash tree.
    init(_ error: BlockDeviceError, reading name: String, at offset: UInt64) {
        self =
            switch error {
            case .read(_, let offset, _, let errno): .read(path: name, offset: offset, errno: errno)
            default: .read(path: name, offset: offset, errno: 0)
            }
    }
}

/// Tells work on other threads to stop.
final class StopFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    var isSet: Bool { flag.load(ordering: .relaxed) }

    func set() { flag.store(true, ordering: .relaxed) }
}
