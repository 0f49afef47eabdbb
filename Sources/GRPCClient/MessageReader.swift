import NIOCore

/// Cuts the bytes of an answer into messages: a flag, a length of 4 bytes, and as many bytes
/// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message").
///
/// Messages stay in the bytes until they are taken.
struct MessageReader {
    /// What is wrong with the next message.
    enum Fault: Error, Equatable {
        case tooLong
        /// It is compressed, which we never ask for.
        case compressed(flag: UInt8)
    }

    static let prefixLength = 5

    private let limit: Int
    private var buffer = ByteBuffer()

    init(limit: Int) { self.limit = limit }

    /// Bytes that belong to no whole message yet, or to some that were not taken.
    var isEmpty: Bool { buffer.readableBytes == 0 }

    /// Whether a whole message waits.
    var hasMessage: Bool {
        guard let length = nextLength else { return false }
        return buffer.readableBytes - Self.prefixLength >= length
    }

    /// Takes bytes that came.
    ///
    /// - Throws: what is wrong with the first message; those behind it are looked at when it was taken.
    mutating func append(_ bytes: ByteBuffer) throws(Fault) {
        buffer.writeImmutableBuffer(bytes)
        try check()
    }

    /// The next whole message, or nil; whether the one behind it may be read says `check`.
    mutating func next() -> [UInt8]? {
        guard hasMessage, let length = nextLength else { return nil }
        buffer.moveReaderIndex(forwardBy: Self.prefixLength)
        let message = buffer.readBytes(length: length) ?? []
        if isEmpty {
            // A long message must not keep its memory for as long as the call lasts.
            buffer = ByteBuffer()
        } else {
            buffer.discardReadBytes()
        }
        return message
    }

    /// Whether the next message may be read.
    func check() throws(Fault) {
        guard let flag = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return }
        guard flag == 0 else { throw .compressed(flag: flag) }
        if let length = nextLength, length > limit { throw .tooLong }
    }

    private var nextLength: Int? {
        buffer.getInteger(at: buffer.readerIndex + 1, as: UInt32.self).map(Int.init)
    }

    /// A message as it is sent.
    static func framed(_ message: [UInt8]) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: prefixLength + message.count)
        buffer.writeInteger(UInt8(0))
        buffer.writeInteger(UInt32(clamping: message.count))
        buffer.writeBytes(message)
        return buffer
    }
}
