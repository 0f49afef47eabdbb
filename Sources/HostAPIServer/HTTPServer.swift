import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// Hummingbird's HTTP/1 on one Unix socket, with limits that no client can exceed.
///
/// Hummingbird's own `Server` can't take a socket that systemd made; its `HTTP1Channel` can serve any connection. All
/// of them live on one event loop: the work for a request is small, and a second thread costs memory.
final class HTTPServer: Sendable {
    /// What the server answers.
    struct Answers: Sendable {
        /// Answers a request of a client.
        typealias Responder =
            @Sendable (Request, consuming ResponseWriter, any Channel, PeerCredentials) async throws -> Void

        /// Answers that are ready, tried first, on the event loop: it must not wait.
        var ready: @Sendable (HTTPRequestHead) -> ReadyAnswer?
        /// What becomes of requests to upgrade, tried next, which must not wait either; nil for those that stay HTTP.
        var upgrade: @Sendable (HTTPRequestHead, PeerCredentials, any Channel) -> Upgrade?
        /// Everything else.
        var responder: Responder
        /// Told the status of each request that the transport itself refused.
        var refused: @Sendable (Int) -> Void
        /// Told the number of open connections.
        var connections: @Sendable (Int) -> Void
    }

    private let limits: ServerLimits
    private let loop: any EventLoop
    private let table: NIOLoopBound<ConnectionTable>
    private let listener: any Channel

    /// Begins to accept clients.
    ///
    /// - Parameter socket: a listening Unix socket, which the server owns from now on.
    init(
        socket: Int32,
        loop: any EventLoop,
        limits: ServerLimits,
        answers: Answers,
        logger: Logger
    ) async throws {
        self.limits = limits
        self.loop = loop
        let table = try await loop.submit {
            let table = ConnectionTable(limits: limits, loop: loop, counter: answers.connections)
            return NIOLoopBound(table, eventLoop: loop)
        }.get()
        self.table = table
        let configuration = HTTP1Channel.Configuration(
            httpDecoderConfiguration: .init(
                // The guard tells a long target from long headers; the decoder only stops what is far beyond.
                maxHeaderFieldSize: limits.target + limits.headers,
                maxHeaderListSize: limits.target + limits.headers,
                maxHeaderFieldCount: 200
            )
        )
        listener = try await ServerBootstrap(group: loop)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ConnectionLimiter(table: table.value))
                }
            }
            .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                // A client that goes away at once must not go without a name.
                let peer = PeerCredentials.Box()
                PeerCredentials.of(channel).whenSuccess { peer.set($0) }
                let protocolStack = HTTP1Channel(
                    responder: { request, writer, channel in
                        try await answers.responder(request, writer, channel, peer.value)
                    },
                    configuration: configuration
                )
                return protocolStack.setup(channel: channel, logger: logger).flatMapThrowing { connection in
                    let pipeline = channel.pipeline.syncOperations
                    let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
                    let guardian = ConnectionGuard(
                        limits: limits,
                        table: table.value,
                        readyAnswer: answers.ready,
                        upgradeAnswer: { answers.upgrade($0, peer.value, $1) },
                        refused: answers.refused
                    )
                    try pipeline.addHandler(guardian, position: .after(decoder))
                    try pipeline.addHandler(ByteTap(guardian), position: .first)
                    Task { await protocolStack.handle(value: connection, logger: logger) }
                }
            }
            .withBoundSocket(socket)
            .get()
    }

    /// Stops accepting, lets requests finish for a while, and closes everything.
    func stop() async {
        try? await listener.close().get()
        let promise = loop.makePromise(of: Void.self)
        let table = table
        loop.execute { table.value.stop(promise) }
        let deadline = loop.scheduleTask(in: limits.shutdown) { table.value.closeAll() }
        try? await promise.futureResult.get()
        deadline.cancel()
    }
}
