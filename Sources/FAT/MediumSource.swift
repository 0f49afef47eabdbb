package import BlockDevices
package import Bytes

extension BlockDevice {
    /// The device as what parsers read from, past every cache.
    package var mediumSource: ByteSource {
        ByteSource(size: byteCount) { offset, count in
            let page: UInt64 = 4096
            let start = offset / page * page
            let end = (offset + UInt64(count) + page - 1) / page * page
            // A last page that is not whole cannot be read so.
            guard end <= byteCount else { return try read(at: offset, count: count) }
            var bytes = [UInt8](repeating: 0, count: Int(end - start))
            var failure: BlockDeviceError?
            bytes.withUnsafeMutableBytes { buffer in
                do throws(BlockDeviceError) {
                    try readMedium(at: start, into: buffer)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            return Array(bytes[Int(offset - start)..<Int(offset - start) + count])
        }
    }
}
