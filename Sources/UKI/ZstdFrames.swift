import Bytes

/// Finds the ends of consecutive zstd frames (RFC 8878) without decompressing them.
///
/// Only headers count, a few bytes for each block; they are read in windows, because a read of a medium has a price of its
/// own. Between frames there may be zeros up to the next multiple of 4, as
/// an initramfs has them (Linux, Documentation/driver-api/early-userspace/buffer-format.rst); they belong to the frame
/// before.
struct ZstdFrames {
    private static let magic: UInt32 = 0xFD2F_B528
    private static let maximumBlockSize: UInt32 = 128 << 10
    /// Blocks that are looked at in one file: 4 GiB of content, in blocks of the usual size.
    private static let blockLimit = 32_768
    /// Bytes that are read at a time, of several blocks.
    private static let windowSize: UInt64 = 256 << 10

    private let source: ByteSource
    private var blocksLeft = blockLimit
    private var window: [UInt8] = []
    private var windowStart: UInt64 = 0

    /// The offsets behind each frame, as far as there is one frame behind the other; none if there is none at the start.
    static func ends(in source: ByteSource) -> [UInt64] {
        var frames = ZstdFrames(source: source)
        var ends: [UInt64] = []
        var position: UInt64 = 0
        while position < source.size, ends.count < KernelImageCut.maximumCount,
            let end = frames.end(ofFrameAt: position)
        {
            position = frames.end(ofZerosAt: end)
            ends.append(position)
        }
        return ends
    }

    private init(source: ByteSource) { self.source = source }

    /// Where a frame ends; nil if there is none, or not all of it.
    private mutating func end(ofFrameAt start: UInt64) -> UInt64? {
        guard let head = read(at: start, count: 5).map(Array.init),
            head.littleEndian(UInt32.self, at: 0) == Self.magic
        else { return nil }
        let descriptor = head[4]
        guard descriptor & 0x08 == 0 else { return nil }
        let isSingleSegment = descriptor & 0x20 != 0
        let contentSizeLength: UInt64 =
            switch descriptor >> 6 {
            case 0: isSingleSegment ? 1 : 0
            case 1: 2
            case 2: 4
            default: 8
            }
        let dictionaryLength: UInt64 = [0, 1, 2, 4][Int(descriptor & 3)]
        // Where it runs over the end, the next read says so.
        var position = start + 5 + (isSingleSegment ? 0 : 1) + dictionaryLength + contentSizeLength
        while blocksLeft > 0 {
            blocksLeft -= 1
            guard let bytes = read(at: position, count: 3).map(Array.init) else { return nil }
            let header = UInt32(bytes[0]) | UInt32(bytes[1]) << 8 | UInt32(bytes[2]) << 16
            let size = header >> 3
            guard size <= Self.maximumBlockSize else { return nil }
            switch header >> 1 & 3 {
            case 0, 2: position += 3 + UInt64(size)
            // One byte that is repeated.
            case 1: position += 3 + 1
            default: return nil
            }
            guard header & 1 == 1 else { continue }
            let end = position + (descriptor & 0x04 == 0 ? 0 : 4)
            return end <= source.size ? end : nil
        }
        return nil
    }

    /// The next multiple of 4, if there are only zeros until then.
    private mutating func end(ofZerosAt start: UInt64) -> UInt64 {
        let end = min((start + 3) & ~3, source.size)
        guard end > start, let bytes = read(at: start, count: Int(end - start)), bytes.allSatisfy({ $0 == 0 })
        else { return start }
        return end
    }

    /// A few bytes; nil where they do not lie in the source or can't be read.
    private mutating func read(at offset: UInt64, count: Int) -> ArraySlice<UInt8>? {
        guard offset <= source.size, UInt64(count) <= source.size - offset else { return nil }
        let end = windowStart + UInt64(window.count)
        if offset < windowStart || offset >= end || end - offset < UInt64(count) {
            let size = min(Self.windowSize, source.size - offset)
            guard let bytes = try? source.read(at: offset, count: Int(size)) else { return nil }
            (window, windowStart) = (bytes, offset)
        }
        return window[Int(offset - windowStart)...].prefix(count)
    }
}
