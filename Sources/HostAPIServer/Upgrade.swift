public import HostAPI
public import NIOCore
public import NIOHTTP1

/// What becomes of a request that asks for another protocol (RFC 9110, section 7.8).
public enum Upgrade: Sendable {
    /// 101 with these header fields; then the handlers, in this order, take the bytes of the connection in place of HTTP.
    ///
    /// They are made on the connection's event loop. Time limits and room for new connections no longer concern it: its
    /// handlers must see to it that it ends.
    case accepted(HTTPHeaders, handlers: @Sendable () throws -> [any ChannelHandler])
    /// The problem, and the end of the connection.
    case refused(Problem)
}

extension ConnectionGuard {
    /// Leaves HTTP: the guard, and all behind it, see no more of the connection than its end.
    func begin(_ upgrade: Upgrade, _ context: ChannelHandlerContext) {
        self.upgrade = nil
        guard case .accepted(let headers, let handlers) = upgrade else {
            if case .refused(let problem) = upgrade { refuse(problem) }
            return
        }
        phase = .upgrading
        let head = HTTPResponseHead(version: version, status: .switchingProtocols, headers: headers)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        let bound = NIOLoopBound((guardian: self, context: context), eventLoop: context.eventLoop)
        // Not at once: the decoder is in the middle of its work.
        context.eventLoop.execute {
            let (guardian, context) = bound.value
            guardian.leaveHTTP(context, for: handlers).assumeIsolated().whenComplete { result in
                guard case .success = result else { return guardian.close() }
                guardian.phase = .upgraded
                guard guardian.isReadHeld else { return }
                guardian.isReadHeld = false
                context.read()
            }
        }
    }

    /// Puts handlers in the place of the decoder and the encoder of HTTP.
    private func leaveHTTP(
        _ context: ChannelHandlerContext,
        for handlers: @escaping @Sendable () throws -> [any ChannelHandler]
    ) -> EventLoopFuture<Void> {
        let bound = NIOLoopBound((guardian: self, context: context), eventLoop: context.eventLoop)
        let pipeline = context.pipeline.syncOperations
        do {
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            let encoder = try pipeline.handler(type: HTTPResponseEncoder.self)
            return pipeline.removeHandler(decoder).and(pipeline.removeHandler(encoder)).flatMapThrowing { _ in
                let (guardian, context) = bound.value
                let pipeline = context.pipeline.syncOperations
                try pipeline.addHandlers(handlers(), position: .before(guardian))
            }
        } catch {
            return context.eventLoop.makeFailedFuture(error)
        }
    }
}
