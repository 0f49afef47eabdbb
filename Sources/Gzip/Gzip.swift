internal import CZlib

/// Bounded decompression of the gzip format (RFC 1952) over zlib.
public enum Gzip {
    private static let pieceSize = 64 << 10
    private static let magic: [UInt8] = [0x1f, 0x8b]
    /// The window is zlib's largest; 16 more asks for the gzip format with its checksum.
    private static let windowBits: Int32 = 15 + 16

    /// Whether bytes begin as every gzip file does.
    public static func isGzip(_ bytes: some Sequence<UInt8>) -> Bool { bytes.starts(with: magic) }

    /// Decompresses all members of a gzip file.
    ///
    /// Zero bytes after the last member are padding, as gzip(1) takes them; anything else there is an error.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - limit: how many bytes the result may have; no more than one piece above it is ever held in memory.
    /// - Throws: `GzipError`.
    public static func decompress(_ bytes: [UInt8], limit: Int) throws(GzipError) -> [UInt8] {
        guard isGzip(bytes) else { throw .notGzip }
        guard bytes.count < Int(UInt32.max) else { throw .tooLarge(limit: limit) }
        var stream = z_stream()
        guard
            inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw .outOfMemory }
        defer { inflateEnd(&stream) }
        return try inflateMembers(&stream, bytes, limit: limit)
    }

    private static func inflateMembers(_ stream: inout z_stream, _ bytes: [UInt8], limit: Int)
        throws(GzipError)
        -> [UInt8]
    {
        var result: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: pieceSize)
        var position = 0
        while true {
            let (status, consumed, produced) = step(&stream, bytes[position...], &piece)
            position += consumed
            guard produced <= limit - result.count else { throw .tooLarge(limit: limit) }
            result += piece[..<produced]
            switch status {
            case Z_OK:
                break
            case Z_STREAM_END:
                let rest = bytes[position...]
                if rest.allSatisfy({ $0 == 0 }) { return result }
                guard isGzip(rest) else { throw .trailingBytes(offset: position) }
                guard inflateReset(&stream) == Z_OK else { throw .outOfMemory }
            case Z_BUF_ERROR:
                // There was room for output, so what is missing is input.
                throw .truncated
            case Z_MEM_ERROR:
                throw .outOfMemory
            default:
                throw .damaged(offset: position)
            }
        }
    }

    /// One call of inflate(): its status, how much it read and how much it wrote.
    private static func step(_ stream: inout z_stream, _ input: ArraySlice<UInt8>, _ output: inout [UInt8])
        -> (status: Int32, consumed: Int, produced: Int)
    {
        input.withUnsafeBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                let status = inflate(&stream, Z_NO_FLUSH)
                return (status, input.count - Int(stream.avail_in), output.count - Int(stream.avail_out))
            }
        }
    }
}

/// Why bytes could not be decompressed.
public enum GzipError: Error, Equatable, CustomStringConvertible {
    /// The bytes do not begin as a gzip file does.
    case notGzip
    /// The file ends in the middle of a member.
    case truncated
    /// The data or its checksum is wrong, near this byte of the file.
    case damaged(offset: Int)
    /// Something that is no gzip member follows the last one, at this byte.
    case trailingBytes(offset: Int)
    /// The result would have more bytes than the limit.
    case tooLarge(limit: Int)
    /// zlib got no memory.
    case outOfMemory

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .notGzip: "this is not gzip data: its first two bytes are not 1f 8b"
        case .truncated: "the gzip data ends too early: give the whole file"
        case .damaged(let offset): "the gzip data is damaged near byte \(offset): compress it again"
        case .trailingBytes(let offset):
            "byte \(offset) of the gzip data begins no further gzip member: remove the rest"
        case .tooLarge(let limit):
            "the gzip data is larger than \(limit) bytes when decompressed: make it smaller"
        case .outOfMemory: "there is not enough memory to decompress gzip data"
        }
    }
}
