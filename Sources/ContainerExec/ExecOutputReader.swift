import Glibc
import HostAPI
import NIOCore
import NIOPosix

/// Reads one FIFO of a command's output, a piece at a time, and only when the session asks for it.
final class ExecOutputReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    let stream: ExecProtocol.Stream
    private let session: ExecSession
    private var context: ChannelHandlerContext?

    init(_ stream: ExecProtocol.Stream, of session: ExecSession) {
        self.stream = stream
        self.session = session
    }

    /// Begins to read a FIFO.
    ///
    /// - Parameter descriptor: taken, whether it succeeds or not.
    static func attach(
        _ descriptor: Int32,
        _ stream: ExecProtocol.Stream,
        to session: ExecSession,
        pieces: Int
    ) -> EventLoopFuture<any Channel> {
        let bound = NIOLoopBound(session, eventLoop: session.loop)
        let future = NIOPipeBootstrap(group: session.loop)
            .channelOption(.autoRead, value: false)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: pieces))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let reader = ExecOutputReader(stream, of: bound.value)
                    try channel.pipeline.syncOperations.addHandler(reader)
                    bound.value.readers.append(reader)
                }
            }
            .takingOwnershipOfDescriptor(input: descriptor)
        future.whenFailure { _ in Glibc.close(descriptor) }
        return future
    }

    /// Reads the next piece.
    func read() { context?.read() }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) { session.wantsMore(self) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        session.received(unwrapInboundIn(data), from: stream)
    }

    func channelReadComplete(context: ChannelHandlerContext) { session.wantsMore(self) }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        session.outputEnded(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
