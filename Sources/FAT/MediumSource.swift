package import BlockDevices
package import Bytes

extension BlockDevice {
    /// The device as what parsers read from, past every cache.
    ///
    /// What was written and not flushed may come from the cache: flush first.
    package var mediumSource: ByteSource {
        ByteSource(size: byteCount) { offset, count in try self.readMedium(at: offset, count: count) }
    }

    /// Bytes of any range from the medium itself; more is read where the range is not on the grid of 4096 bytes.
    ///
    /// - Throws: `BlockDeviceError`.
    package func readMedium(at offset: UInt64, count: Int) throws(BlockDeviceError) -> [UInt8] {
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
        return skip == 0 && bytes.count == count ? bytes : Array(bytes[skip..<skip + count])
    }
}
