/// Asks a gRPC server on a Unix socket whether it is well: `grpc.health.v1.Health/Check`, as containerd has it.
///
/// One call over HTTP/2 (RFC 9113) in the form of gRPC's "gRPC over HTTP2", without a library for either: the request
/// is always the same bytes, and of the answer only frames and one number are read.
enum GRPCProbe {
    private enum FrameType {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let resetStream: UInt8 = 3
        static let settings: UInt8 = 4
        static let ping: UInt8 = 6
        static let goAway: UInt8 = 7
    }

    private enum Flag {
        static let acknowledgement: UInt8 = 1
        static let endOfStream: UInt8 = 1
        static let endOfHeaders: UInt8 = 4
        static let padded: UInt8 = 8
    }

    /// What SETTINGS_MAX_FRAME_SIZE is as long as nobody asks for more.
    private static let maximumFrameSize = 16_384
    /// An answer takes less than ten.
    private static let maximumFrames = 100
    /// `ServingStatus.SERVING` in field 1 of `HealthCheckResponse`, after gRPC's flag and length.
    private static let serving: [UInt8] = [0, 0, 0, 0, 2, 0x08, 1]

    /// Connects and asks.
    ///
    /// - Parameters:
    ///   - path: path of the Unix socket.
    ///   - timeout: limit for all of it.
    /// - Throws: `ProbeError` unless the server says that it serves.
    static func run(socket path: String, timeout: Duration) throws(ProbeError) {
        let connection = try UnixConnection(to: path, timeout: timeout)
        try connection.send(request)
        var message: [UInt8] = []
        var isFirst = true
        for _ in 0..<maximumFrames {
            let header = try connection.receive(9)
            let size = Int(header[0]) << 16 | Int(header[1]) << 8 | Int(header[2])
            let (type, flags) = (header[3], header[4])
            // A server must begin with its settings, and text of other protocols looks like a long frame.
            guard size <= maximumFrameSize, !isFirst || type == FrameType.settings else {
                throw .otherProtocol(path: path, expected: "HTTP/2")
            }
            isFirst = false
            let payload = try connection.receive(size)
            switch type {
            case FrameType.settings where flags & Flag.acknowledgement == 0:
                try connection.send(frame(FrameType.settings, Flag.acknowledgement, stream: 0))
            case FrameType.ping where flags & Flag.acknowledgement == 0:
                try connection.send(frame(FrameType.ping, Flag.acknowledgement, stream: 0, payload))
            case FrameType.data:
                guard flags & Flag.padded == 0, message.count + payload.count <= maximumFrameSize else {
                    throw .otherProtocol(path: path, expected: "an answer of gRPC's health service")
                }
                message += payload
                if message == serving { return }
            case FrameType.resetStream, FrameType.goAway:
                throw .refused(path: path, answer: "the call was ended by the server")
            default: break
            }
            if flags & Flag.endOfStream != 0, type == FrameType.headers || type == FrameType.data {
                let answer = message.isEmpty ? "an error of gRPC" : "not serving (\(message))"
                throw .refused(path: path, answer: answer)
            }
        }
        throw .otherProtocol(path: path, expected: "an answer of gRPC's health service")
    }

    /// Preface, settings, and the call on stream 1: everything a client must send.
    private static var request: [UInt8] {
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
            + frame(FrameType.settings, 0, stream: 0)
            + frame(FrameType.headers, Flag.endOfHeaders, stream: 1, headers)
            // An empty HealthCheckRequest: the server as a whole.
            + frame(FrameType.data, Flag.endOfStream, stream: 1, [0, 0, 0, 0, 0])
    }

    /// The header fields in the form of HPACK (RFC 7541): numbers are indices of its static table.
    private static var headers: [UInt8] {
        // ":method POST" and ":scheme http" are in the table as they are.
        [0x83, 0x86]
            // ":path" and ":authority" are there by name; the values follow as they are.
            + [0x04] + literal("/grpc.health.v1.Health/Check")
            + [0x01] + literal("localhost")
            // "content-type" has number 31, which takes two bytes.
            + [0x0f, 31 - 15] + literal("application/grpc")
            + [0x00] + literal("te") + literal("trailers")
    }

    /// A text of less than 127 bytes, without Huffman's code.
    private static func literal(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }

    private static func frame(_ type: UInt8, _ flags: UInt8, stream: UInt8, _ payload: [UInt8] = [])
        -> [UInt8]
    {
        let size = payload.count
        return [UInt8(size >> 16 & 0xff), UInt8(size >> 8 & 0xff), UInt8(size & 0xff), type, flags]
            + [0, 0, 0, stream] + payload
    }
}
