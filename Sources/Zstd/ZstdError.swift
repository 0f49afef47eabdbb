internal import CZstd

/// Why bytes could not be compressed or decompressed.
public enum ZstdError: Error, Equatable, CustomStringConvertible {
    /// The bytes are not exactly one zstd frame.
    case notOneFrame(byteCount: Int)
    /// The frame says another size of its content than was expected, or none.
    case contentSize(found: UInt64?, expected: Int)
    /// The frame is damaged, or was made with another prefix.
    case damaged(reason: String)
    /// libzstd refused a setting or could not compress.
    case refused(reason: String)
    /// libzstd got no memory.
    case outOfMemory

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .notOneFrame(let count):
            "these \(count) bytes are not one whole zstd frame: fetch them again, or from another mirror"
        case .contentSize(let found, let expected):
            """
            the zstd frame holds \(found.map { "\($0)" } ?? "an unknown number of") bytes instead of \(expected): \
            fetch it again, or from another mirror
            """
        case .damaged(let reason):
            "the zstd frame cannot be decompressed (\(reason)): fetch it again, or from another mirror"
        case .refused(let reason): "libzstd refuses to compress: \(reason); choose a level from 1 to 22"
        case .outOfMemory: "there is not enough memory for zstd: give this program more"
        }
    }

    /// The size that a function of libzstd returned, or the error that stands for one.
    static func check(_ result: Int, else failure: (String) -> ZstdError) throws(ZstdError) -> Int {
        guard ZSTD_isError(result) != 0 else { return result }
        if ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation { throw .outOfMemory }
        throw failure(ZSTD_getErrorName(result).map { String(cString: $0) } ?? "unknown error")
    }
}
