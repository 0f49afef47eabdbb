@preconcurrency import Dispatch
import Glibc
import HostAPI
import HostAPIClient
import JSON
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// How `apiclient exec` came to its end.
enum ExecOutcome: Sendable, Equatable {
    /// The command ended.
    case exited(Int32)
    /// It was not started, or was lost: why.
    case failed(String)
    /// The server did not take the request: its status, and why.
    case refused(Int, String)
    /// Standard output takes no more; the number is of errno(3).
    case outputFailed(Int32)
}

/// One command in a container, with the streams and the terminal of this process.
struct ExecRun: Sendable {
    /// How long the server may take to answer the request.
    static let patience: TimeAmount = .seconds(10)

    let socketPath: String
    let request: ExecClientMessage.Initialize

    /// Runs the command to its end.
    ///
    /// - Throws: `HostAPIError` when there is no server.
    func run() async throws(HostAPIError) -> ExecOutcome {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let done = loop.makePromise(of: ExecOutcome.self)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: loop)
                .connectTimeout(.seconds(10))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try upgrade(channel, done) }
                }
                .connect(unixDomainSocketPath: socketPath).get()
        } catch {
            let fault = fault(error)
            done.fail(fault)
            throw fault
        }
        let resizing = request.terminal == nil ? nil : watchSize(channel)
        defer {
            resizing?.cancel()
            LocalTerminal.restore()
        }
        do {
            let outcome = try await done.futureResult.get()
            channel.close(promise: nil)
            return outcome
        } catch {
            return .failed("\(error)")
        }
    }

    /// Asks for the WebSocket, and makes a session of the connection when it is there.
    private func upgrade(_ channel: any Channel, _ done: EventLoopPromise<ExecOutcome>) throws {
        let request = request
        let upgrader = NIOTypedWebSocketClientUpgrader<NIOLoopBound<ExecClientHandler>?>(
            maxFrameSize: 1 << 20,
            enableAutomaticErrorHandling: false
        ) { channel, head in
            channel.eventLoop.makeCompletedFuture {
                let hasStreams = head.headers["sec-websocket-protocol"] == [ExecProtocol.subprotocol]
                let loop = channel.eventLoop
                let handler = ExecClientHandler(request, hasStreams: hasStreams, loop: loop, done: done)
                try channel.pipeline.syncOperations.addHandler(handler)
                return NIOLoopBound(handler, eventLoop: loop)
            }
        }
        let head = HTTPRequestHead(
            version: .http1_1,
            method: .GET,
            uri: RouteTable.endpoint(for: .exec).path,
            headers: [
                "Host": "localhost", "User-Agent": "bulkhead-client",
                "Sec-WebSocket-Protocol": ExecProtocol.subprotocol,
            ]
        )
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration<NIOLoopBound<ExecClientHandler>?>(
            upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration(
                upgradeRequestHead: head,
                upgraders: [upgrader]
            ) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ExecRefusalReader(done: done))
                    return nil
                }
            }
        )
        // The server speaks first, right behind its 101.
        configuration.leftOverBytesStrategy = .forwardBytes
        let upgraded = try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
            configuration: configuration
        )
        // Until there is a session nothing is heard of the server in between.
        let limit = channel.eventLoop.scheduleTask(in: Self.patience) {
            done.succeed(
                .failed(
                    "the server did not answer within \(Self.patience.nanoseconds / 1_000_000_000) seconds"
                )
            )
            channel.close(promise: nil)
        }
        done.futureResult.whenComplete { _ in limit.cancel() }
        upgraded.whenComplete { result in
            limit.cancel()
            switch result {
            case .success(let handler):
                // The handler of the upgrade is still there, and lets nothing through.
                channel.eventLoop.execute { handler?.value.begin() }
            case .failure(let error):
                done.succeed(.failed("the answer of the server is no WebSocket: \(error)"))
            }
        }
    }

    /// Tells the server each new size of the terminal.
    private func watchSize(_ channel: any Channel) -> any DispatchSourceSignal {
        // The default is to do nothing, which would keep the source from seeing it.
        let source = DispatchSource.makeSignalSource(signal: SIGWINCH)
        source.setEventHandler {
            guard let size = LocalTerminal.size else { return }
            channel.triggerUserOutboundEvent(size, promise: nil)
        }
        source.activate()
        return source
    }

    private func fault(_ error: any Error) -> HostAPIError {
        switch error {
        case let error as IOError where error.errnoCode == ENOENT || error.errnoCode == ENOTDIR:
            .socketMissing(path: socketPath)
        case let error as IOError where error.errnoCode == ECONNREFUSED: .nobodyListens(path: socketPath)
        case let error as IOError where error.errnoCode == EACCES || error.errnoCode == EPERM:
            .permissionDenied(path: socketPath)
        case let error as IOError where error.errnoCode == EAGAIN: .serverBusy(path: socketPath)
        case let error as IOError: .connectionFailed(path: socketPath, errno: error.errnoCode)
        case SocketAddressError.unixDomainSocketPathTooLong: .socketPathTooLong(path: socketPath)
        case ChannelError.connectTimeout: .serverBusy(path: socketPath)
        default: .connectionFailed(path: socketPath, errno: 0)
        }
    }
}

/// Reads the answer of a server that does not take the request.
final class ExecRefusalReader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let done: EventLoopPromise<ExecOutcome>
    private var status = 0
    private var body = ByteBuffer()

    init(done: EventLoopPromise<ExecOutcome>) { self.done = done }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): status = Int(head.status.code)
        case .body(let bytes):
            guard body.readableBytes + bytes.readableBytes <= 1 << 20 else {
                return context.close(promise: nil)
            }
            body.writeImmutableBuffer(bytes)
        case .end:
            let problem = (try? JSONValue(parsing: body.readableBytesView)).flatMap { try? Problem(json: $0) }
            done.succeed(.refused(status, problem?.detail ?? "the server answered with status \(status)"))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        done.succeed(.failed("the server closed the connection before its answer was complete"))
        context.fireChannelInactive()
    }
}
