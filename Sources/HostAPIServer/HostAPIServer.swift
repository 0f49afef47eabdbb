public import HostAPI
public import Logging
public import NIOCore
public import NIOHTTP1
import NIOPosix
import Synchronization

/// Serves operations of the route table on a Unix socket: HTTP/1.1 with limits that no client can exceed, and events.
///
/// The settings API and the updater are each such a server, with a `Service` of its own.
public final class HostAPIServer: Sendable {
    /// What a server answers.
    public struct Service: Sendable {
        /// Answers a request whose parameters are those that its endpoint declares; throws the problem that the client
        /// is told.
        public var answer: @Sendable (APIRequest) async throws(Problem) -> APIReply
        /// Answers that are ready, tried first, on the event loop: it must not wait.
        public var ready: @Sendable (HTTPRequestHead) -> ReadyAnswer?
        /// What becomes of requests to upgrade: asked on the event loop, it must not wait; nil for those that stay HTTP.
        public var upgrade: @Sendable (HTTPRequestHead, PeerCredentials, any Channel) -> Upgrade?
        /// Told of each answer: the operation, if there was one, the status, and how long it took.
        public var answered: @Sendable (Operation?, Int, Duration) -> Void
        /// Told the number of open connections.
        public var connections: @Sendable (Int) -> Void

        /// States a service.
        public init(
            answer: @escaping @Sendable (APIRequest) async throws(Problem) -> APIReply,
            ready: @escaping @Sendable (HTTPRequestHead) -> ReadyAnswer? = { _ in nil },
            upgrade: @escaping @Sendable (HTTPRequestHead, PeerCredentials, any Channel) -> Upgrade? = {
                _,
                _,
                _ in nil
            },
            answered: @escaping @Sendable (Operation?, Int, Duration) -> Void = { _, _, _ in },
            connections: @escaping @Sendable (Int) -> Void = { _ in }
        ) {
            self.answer = answer
            self.ready = ready
            self.upgrade = upgrade
            self.answered = answered
            self.connections = connections
        }
    }

    private let group: MultiThreadedEventLoopGroup
    private let server: HTTPServer
    private let events: EventHub
    private let signsOfLife: Task<Void, Never>

    /// Begins to serve.
    ///
    /// - Parameters:
    ///   - socket: a listening Unix socket, which the server owns from now on.
    ///   - events: what `GET /events` tells; its watches end with the server.
    ///   - limits: what clients may take.
    ///   - service: the answers.
    ///   - logger: is told of operations that failed.
    /// - Throws: what NIO throws for the socket.
    public init(
        socket: Int32,
        events: EventHub,
        limits: ServerLimits = ServerLimits(),
        service: Service,
        logger: Logger
    ) async throws {
        let counter = RequestCounter()
        let counted = Service(
            answer: service.answer,
            ready: { head in
                guard let answer = service.ready(head) else { return nil }
                counter.add()
                return answer
            },
            upgrade: { head, peer, channel in
                let answer = service.upgrade(head, peer, channel)
                if case .accepted = answer {
                    counter.add()
                    let path = String(head.uri.prefix { $0 != "?" })
                    let match = RouteTable.match(method: head.method.rawValue, path: path)
                    if case .endpoint(let endpoint, _) = match {
                        service.answered(endpoint.operation, 101, .zero)
                    }
                }
                return answer
            },
            answered: { operation, status, duration in
                counter.add()
                service.answered(operation, status, duration)
            },
            connections: service.connections
        )
        let responder = APIResponder(service: counted, events: events, limits: limits, logger: logger)
        self.events = events
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        server = try await HTTPServer(
            socket: socket,
            loop: group.next(),
            limits: limits,
            answers: .init(
                ready: counted.ready,
                upgrade: counted.upgrade,
                responder: { request, writer, channel, peer in
                    try await responder.respond(request, writer, channel, peer)
                },
                refused: { counted.answered(nil, $0, .zero) },
                connections: service.connections
            ),
            logger: Logger(label: "http") { _ in SwiftLogNoOpLogHandler() }
        )
        signsOfLife = Task {
            var idlePages = IdlePages()
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(15))
                events.sendSignOfLife()
                _ = idlePages.look(answered: counter.value)
            }
        }
    }

    /// Comes back when the event loop has answered: it does not hang.
    public func ping() async { try? await group.next().submit {}.get() }

    /// Stops accepting clients, lets requests finish for a few seconds, and frees everything.
    public func stop() async {
        signsOfLife.cancel()
        events.stop()
        await server.stop()
        try? await group.shutdownGracefully()
    }
}

/// How many requests were answered.
private final class RequestCounter: Sendable {
    private let count = Mutex<UInt64>(0)
    var value: UInt64 { count.withLock { $0 } }
    func add() { count.withLock { $0 &+= 1 } }
}
