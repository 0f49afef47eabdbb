/// Memory of fixed size whose parts are written by several threads, each its own.
final class SharedBuffer: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    /// Zeroed memory of a number of bytes.
    init(byteCount: Int) {
        bytes = .allocate(byteCount: byteCount, alignment: VerityFormat.blockSize)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { bytes.deallocate() }

    /// A part of the memory.
    subscript(offset: Int, count: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }
}
