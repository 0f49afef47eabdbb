internal import CZstd

/// Compresses byte strings into zstd frames (RFC 8878), each on its own or with references into a prefix.
///
/// The frames carry the size of their content and no checksum. The same library, settings and bytes give the same
/// frame. A value is used by one thread at a time, and keeps libzstd's memory between frames.
public final class ZstdCompressor {
    private let context: OpaquePointer

    /// A compressor of a level.
    ///
    /// - Parameters:
    ///   - level: 1 (fast) to 22 (small).
    ///   - windowLog: the base-2 logarithm of how far back references reach, 10 to 27; it must cover prefix and
    ///     content together where there is a prefix. Without it the level decides.
    /// - Throws: `ZstdError.refused` or `.outOfMemory`.
    public init(level: Int, windowLog: Int? = nil) throws(ZstdError) {
        guard let context = ZSTD_createCCtx() else { throw .outOfMemory }
        self.context = context
        try set(ZSTD_c_compressionLevel, level)
        if let windowLog {
            try set(ZSTD_c_windowLog, windowLog)
            // What makes references into a large prefix worth while; both must be able to hold all of it.
            try set(ZSTD_c_enableLongDistanceMatching, 1)
        }
    }

    deinit { ZSTD_freeCCtx(context) }

    /// One frame with all of the bytes.
    ///
    /// - Parameters:
    ///   - bytes: the content.
    ///   - prefix: bytes that the frame may refer to; decompressing needs the same.
    /// - Throws: `ZstdError.refused` or `.outOfMemory`.
    public func compress(_ bytes: UnsafeRawBufferPointer, prefix: [UInt8] = []) throws(ZstdError) -> [UInt8] {
        var failure: ZstdError?
        let limit = ZSTD_compressBound(bytes.count)
        let frame = prefix.withUnsafeBytes { prefix in
            [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
                do throws(ZstdError) {
                    let refused = { (reason: String) in ZstdError.refused(reason: reason) }
                    // An empty prefix takes away that of the frame before, were it unused.
                    _ = try ZstdError.check(
                        ZSTD_CCtx_refPrefix(context, prefix.baseAddress, prefix.count),
                        else: refused
                    )
                    filled = try ZstdError.check(
                        ZSTD_compress2(context, buffer.baseAddress, limit, bytes.baseAddress, bytes.count),
                        else: refused
                    )
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
        return frame
    }

    /// One frame with all of the bytes.
    ///
    /// - Throws: As the other form.
    public func compress(_ bytes: [UInt8], prefix: [UInt8] = []) throws(ZstdError) -> [UInt8] {
        var failure: ZstdError?
        let frame = bytes.withUnsafeBytes { bytes -> [UInt8] in
            do throws(ZstdError) { return try compress(bytes, prefix: prefix) } catch { failure = error }
            return []
        }
        if let failure { throw failure }
        return frame
    }

    private func set(_ parameter: ZSTD_cParameter, _ value: Int) throws(ZstdError) {
        _ = try ZstdError.check(
            ZSTD_CCtx_setParameter(context, parameter, Int32(clamping: value)),
            else: { .refused(reason: "value \(value): \($0)") }
        )
    }
}
