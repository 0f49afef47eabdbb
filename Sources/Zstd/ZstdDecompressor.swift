internal import CZstd

/// Decompresses zstd frames (RFC 8878) whose sizes are known beforehand.
///
/// A frame is decompressed in one step into memory of the caller, so what it says of itself decides nothing about
/// how much memory is taken. A value is used by one thread at a time.
public final class ZstdDecompressor {
    private let context: OpaquePointer

    /// A decompressor.
    ///
    /// - Throws: `ZstdError.outOfMemory`.
    public init() throws(ZstdError) {
        guard let context = ZSTD_createDCtx() else { throw .outOfMemory }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(context) }

    /// Decompresses exactly one frame, which fills the buffer exactly.
    ///
    /// - Parameters:
    ///   - frame: all bytes of the frame, and no more.
    ///   - prefix: what the frame was compressed with.
    ///   - target: where the content goes; after an error it holds anything.
    /// - Throws: `ZstdError`.
    public func decompress(
        _ frame: UnsafeRawBufferPointer,
        prefix: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        into target: UnsafeMutableRawBufferPointer
    ) throws(ZstdError) {
        let size = ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count)
        guard ZSTD_isError(size) == 0, size == frame.count else { throw .notOneFrame(byteCount: frame.count) }
        // Unknown and invalid are the two largest values.
        let content = ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
        guard content == UInt64(target.count) else {
            throw .contentSize(found: content < .max - 1 ? content : nil, expected: target.count)
        }
        let damaged = { (reason: String) in ZstdError.damaged(reason: reason) }
        _ = try ZstdError.check(ZSTD_DCtx_refPrefix(context, prefix.baseAddress, prefix.count), else: damaged)
        let filled = try ZstdError.check(
            ZSTD_decompressDCtx(context, target.baseAddress, target.count, frame.baseAddress, frame.count),
            else: damaged
        )
        guard filled == target.count else {
            throw .contentSize(found: UInt64(filled), expected: target.count)
        }
    }

    /// The content of exactly one frame, whose size is known.
    ///
    /// - Throws: As the other form.
    public func decompress(_ frame: [UInt8], prefix: [UInt8] = [], byteCount: Int) throws(ZstdError)
        -> [UInt8]
    {
        var failure: ZstdError?
        let content = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, filled in
            frame.withUnsafeBytes { frame in
                prefix.withUnsafeBytes { prefix in
                    do throws(ZstdError) {
                        let target = UnsafeMutableRawBufferPointer(
                            start: buffer.baseAddress,
                            count: byteCount
                        )
                        try decompress(frame, prefix: prefix, into: target)
                        filled = byteCount
                    } catch {
                        failure = error
                    }
                }
            }
        }
        if let failure { throw failure }
        return content
    }
}
