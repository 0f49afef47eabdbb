import HostAPI
public import HostAPIServer
public import NIOCore
public import NIOHTTP1
import NIOWebSocket
import Synchronization

/// `GET /exec`: runs commands in containers over WebSockets.
///
/// The server of the API asks `upgrade` for each request to upgrade; from then on the connection is this one's.
public final class ExecService: Sendable {
    let runner: any ExecRunner
    let folder: String
    let limits: ExecLimits
    let log: @Sendable (String) -> Void
    let removal: CommandRemoval

    private struct State {
        var sessions = 0
        var isStopping = false
        var connections: [ObjectIdentifier: (loop: any EventLoop, connection: NIOLoopBound<ExecConnection>)] =
            [:]
    }

    private let state = Mutex(State())

    /// A service; ends what a server before it has left running.
    ///
    /// - Parameters:
    ///   - runner: who runs the commands.
    ///   - folder: where FIFOs are made; it exists, and nobody else uses it.
    ///   - limits: what sessions may take.
    ///   - log: told of each session.
    public init(
        runner: any ExecRunner,
        folder: String,
        limits: ExecLimits = ExecLimits(),
        log: @escaping @Sendable (String) -> Void
    ) {
        self.runner = runner
        self.folder = folder
        self.limits = limits
        self.log = log
        let removal = CommandRemoval(runner, folder: folder, limits: limits, log: log)
        self.removal = removal
        for (id, target) in LeftOverSessions.found(in: folder) {
            log("exec \(id) in '\(target)' was left by a server before this one: it is ended")
            Task { await removal.remove(target, id: id) }
        }
    }

    /// Sessions that are open, or whose command is still being ended.
    public var sessions: Int { state.withLock { $0.sessions } }

    /// What becomes of a request to upgrade; nil if it is none for `/exec`.
    ///
    /// On the event loop of the connection.
    public func upgrade(_ head: HTTPRequestHead, _ peer: PeerCredentials, _ channel: any Channel) -> Upgrade?
    {
        guard head.method == .GET, head.uri == RouteTable.endpoint(for: .exec).path,
            head.version == .http1_1, Self.names("websocket", in: "upgrade", of: head),
            Self.names("upgrade", in: "connection", of: head),
            head.headers["sec-websocket-version"] == ["13"]
        else { return nil }
        let refused = state.withLock { $0.isStopping || $0.sessions >= limits.sessions }
        if refused {
            return .refused(
                Problem(
                    status: 503,
                    detail: "\(limits.sessions) sessions are open, or the server stops: try again later"
                )
            )
        }
        let hasStreams = Self.names(ExecProtocol.subprotocol, in: "sec-websocket-protocol", of: head)
        guard let headers = Self.answer(to: head, channel, hasStreams: hasStreams) else {
            return .refused(
                Problem(status: 400, detail: "Sec-WebSocket-Key must be there once, with 16 bytes in base64")
            )
        }
        let client = "user \(peer.user), process \(peer.process) (\(peer.program))"
        return .accepted(headers) {
            [
                WebSocketFrameEncoder(),
                ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: ExecProtocol.maximumMessage)),
                ExecConnection(service: self, hasStreams: hasStreams, peer: client),
            ]
        }
    }

    /// Ends all sessions, and their commands; later ones are refused.
    public func stop() async {
        let connections = state.withLock {
            $0.isStopping = true
            return Array($0.connections.values)
        }
        for (loop, connection) in connections { loop.execute { connection.value.stop() } }
        // As long as it takes to kill a command that does not end by itself.
        let limit = ContinuousClock.now + .nanoseconds(limits.grace.nanoseconds) + .seconds(1)
        while sessions > 0, ContinuousClock.now < limit { try? await Task.sleep(for: .milliseconds(20)) }
        removal.stop()
    }

    /// The header fields of the 101; nil if the request's key is none.
    private static func answer(to head: HTTPRequestHead, _ channel: any Channel, hasStreams: Bool)
        -> HTTPHeaders?
    {
        guard let key = head.headers.first(name: "sec-websocket-key"), key.utf8.count == 24,
            key.hasSuffix("==")
        else { return nil }
        let upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, _ in
                channel.eventLoop.makeSucceededFuture(
                    hasStreams ? ["Sec-WebSocket-Protocol": ExecProtocol.subprotocol] : [:]
                )
            },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() }
        )
        var answer: HTTPHeaders?
        // It is there at once: nothing in it waits.
        upgrader.buildUpgradeResponse(channel: channel, upgradeRequest: head, initialResponseHeaders: [:])
            .assumeIsolated().whenSuccess { answer = $0 }
        return answer
    }

    /// Whether a list of words in a header field has one, in any case.
    private static func names(_ word: String, in field: String, of head: HTTPRequestHead) -> Bool {
        head.headers[canonicalForm: field].contains { $0.lowercased() == word }
    }

    // MARK: Of connections

    /// A name that no other command of a container has.
    func newID() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return "exec-" + String(repeating: "0", count: 16 - digits.count) + digits
    }

    func opened(_ connection: ExecConnection, on loop: any EventLoop) {
        let bound = NIOLoopBound(connection, eventLoop: loop)
        state.withLock {
            $0.sessions += 1
            $0.connections[ObjectIdentifier(connection)] = (loop, bound)
        }
    }

    func closed(_ connection: ExecConnection) {
        state.withLock { $0.connections[ObjectIdentifier(connection)] = nil }
    }

    /// A session is over, with its command.
    func ended() { state.withLock { $0.sessions -= 1 } }
}
