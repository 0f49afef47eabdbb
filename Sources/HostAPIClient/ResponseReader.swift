import NIOCore
import NIOHTTP1

/// The end of a client's channel: hands out the parts of an answer one by one and reads no more than is asked for.
///
/// Lives on the channel's event loop.
final class ResponseReader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    /// How the answer ended before its end.
    enum Failure: Error {
        case timedOut, closed, cancelled
        case notHTTP(String)
    }

    private var parts = CircularBuffer<HTTPClientResponsePart>()
    private var failure: Failure?
    private var waiting: EventLoopPromise<HTTPClientResponsePart>?
    private var timer: Scheduled<Void>?
    private var context: ChannelHandlerContext?
    private let loop: any EventLoop

    init(on loop: any EventLoop) { self.loop = loop }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        end(.closed)
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        parts.append(unwrapInboundIn(data))
        deliver()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // What came may have been too little for a part.
        if waiting != nil { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) { end(.closed) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(error is HTTPParserError ? .notHTTP("\(error)") : .closed)
        context.close(promise: nil)
    }

    /// The next part, or a failure when none comes in time.
    func next(within limit: TimeAmount) -> EventLoopFuture<HTTPClientResponsePart> {
        // The connection may be over before the parts that came are asked for.
        if let part = parts.popFirst() { return loop.makeSucceededFuture(part) }
        if let failure { return loop.makeFailedFuture(failure) }
        let promise = loop.makePromise(of: HTTPClientResponsePart.self)
        waiting = promise
        timer = loop.assumeIsolated().scheduleTask(in: limit) { self.end(.timedOut) }
        context?.read()
        return promise.futureResult
    }

    /// Ends the answer here, unless it has ended already; parts that came before can still be read.
    func end(_ failure: Failure) {
        if self.failure == nil { self.failure = failure }
        deliver()
        context?.close(promise: nil)
    }

    private func deliver() {
        guard let promise = waiting, !parts.isEmpty || failure != nil else { return }
        waiting = nil
        timer?.cancel()
        timer = nil
        if let part = parts.popFirst() {
            promise.succeed(part)
        } else if let failure {
            promise.fail(failure)
        }
    }
}
