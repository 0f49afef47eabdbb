import NIOCore
import NIOPosix
import TestSupport

/// A server that answers with given bytes, whatever they are.
final class RawServer: Sendable {
    let socket: String
    private let place: TemporaryDirectory
    private let channel: any Channel

    /// - Parameters:
    ///   - answer: sent as soon as something comes; a connection's answers are sent once.
    ///   - closes: whether the connection is closed then.
    init(_ answer: [UInt8], closes: Bool = false) async throws {
        place = try TemporaryDirectory()
        socket = place.file("s")
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answer(answer, closes))
                }
            }
            .bind(unixDomainSocketPath: socket).get()
    }

    func close() async throws { try await channel.close() }

    private final class Answer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private var answer: [UInt8]?
        private let closes: Bool

        init(_ answer: [UInt8], _ closes: Bool) {
            self.answer = answer
            self.closes = closes
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard let answer else { return }
            self.answer = nil
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil)
            if closes { context.close(promise: nil) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

/// Frames of HTTP/2, made by hand (RFC 9113, section 4.1).
enum Frame {
    static let settings = frame(4, 0, 0, [])

    static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ content: [UInt8]) -> [UInt8] {
        let length = UInt32(content.count)
        let prefix = [UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags]
        return prefix + bigEndian(stream) + content
    }

    static func data(_ content: [UInt8], isLast: Bool = false, stream: UInt32 = 1) -> [UInt8] {
        frame(0, isLast ? 1 : 0, stream, content)
    }

    static func headers(_ fields: [(String, String)], isLast: Bool = false, stream: UInt32 = 1) -> [UInt8] {
        frame(1, isLast ? 5 : 4, stream, block(fields))
    }

    /// Header fields as HPACK literals that are not indexed (RFC 7541, section 6.2.2).
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + text($0.0) + text($0.1) }
    }

    static func message(_ content: [UInt8], flag: UInt8 = 0) -> [UInt8] {
        [flag] + bigEndian(UInt32(content.count)) + content
    }

    static func bigEndian(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    private static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        precondition(bytes.count < 127, "the test's header field is too long for one byte of length")
        return [UInt8(bytes.count)] + bytes
    }

    static let head: [(String, String)] = [(":status", "200"), ("content-type", "application/grpc")]
    static let ok: [(String, String)] = [("grpc-status", "0")]
    /// A sound answer's beginning and end.
    static let opening = settings + headers(head)
    static let end = headers(ok, isLast: true)
}
