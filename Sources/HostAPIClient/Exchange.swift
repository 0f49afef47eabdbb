import NIOCore
import NIOHTTP1
import NIOPosix

/// One request and its answer, on a connection of its own.
final class Exchange: Sendable {
    /// What is sent.
    struct Request: Sendable {
        var socketPath: String
        var method: String
        var target: String
        var headers: [(name: String, value: String)]
        var body: [UInt8]?

        /// For messages.
        var name: String { "\(method) \(target.count <= 200 ? target : target.prefix(197) + "...")" }
    }

    private let request: Request
    private let channel: any Channel
    private let reader: NIOLoopBound<ResponseReader>

    private init(request: Request, channel: any Channel, reader: NIOLoopBound<ResponseReader>) {
        self.request = request
        self.channel = channel
        self.reader = reader
    }

    deinit { channel.close(promise: nil) }

    /// Connects and sends the request; does not wait until the server has read it.
    ///
    /// - Parameter deadline: until when a place among the server's connections may be waited for.
    static func begin(_ request: Request, until deadline: ContinuousClock.Instant) async throws(HostAPIError)
        -> Exchange
    {
        guard request.target.hasPrefix("/"), request.target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw .invalidRequest(
                reason:
                    "the URI '\(request.target.prefix(80))' must begin with '/' and have neither spaces nor other than ASCII characters: write them as %20 and so on"
            )
        }
        guard !request.method.isEmpty, request.method.utf8.allSatisfy({ (0x41...0x5a).contains($0) }) else {
            throw .invalidRequest(
                reason: "'\(request.method.prefix(80))' is not a method of HTTP: write it as GET or POST"
            )
        }
        let exchange = try await connected(request, until: deadline)
        var headers = HTTPHeaders([
            ("Host", "localhost"), ("Connection", "close"), ("User-Agent", "bulkhead-client"),
        ])
        for header in request.headers { headers.add(name: header.name, value: header.value) }
        if let body = request.body { headers.add(name: "Content-Length", value: String(body.count)) }
        let head = HTTPRequestHead(
            version: .http1_1,
            method: HTTPMethod(rawValue: request.method),
            uri: request.target,
            headers: headers
        )
        // A server that refuses the body answers before it has read it: the answer counts, not the failed write. NIO
        // looks for it before it closes the channel, if a read is under way.
        exchange.channel.read()
        exchange.channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if let body = request.body {
            exchange.channel.write(
                HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: body))),
                promise: nil
            )
        }
        exchange.channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        return exchange
    }

    /// The next part of the answer.
    ///
    /// - Throws: `HostAPIError` when none comes within the limit, or the connection ends before the answer does.
    func next(within limit: Duration) async throws(HostAPIError) -> HTTPClientResponsePart {
        let amount = TimeAmount(limit)
        do {
            return try await withTaskCancellationHandler {
                try await channel.eventLoop.flatSubmit { [reader] in reader.value.next(within: amount) }.get()
            } onCancel: {
                channel.eventLoop.execute { [reader] in reader.value.end(.cancelled) }
            }
        } catch let failure as ResponseReader.Failure {
            switch failure {
            case .timedOut:
                let seconds = Int(max(1, limit.components.seconds))
                throw .timedOut(request: request.name, seconds: seconds)
            case .closed: throw .serverClosed(request: request.name)
            case .cancelled: throw .cancelled
            case .notHTTP(let reason):
                throw .invalidResponse(request: request.name, reason: "it is not HTTP: \(reason)")
            }
        } catch {
            throw .serverClosed(request: request.name)
        }
    }

    private static func connected(_ request: Request, until deadline: ContinuousClock.Instant)
        async throws(HostAPIError)
        -> Exchange
    {
        let path = request.socketPath
        while true {
            do {
                return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .channelOption(.autoRead, value: false)
                    .connectTimeout(.seconds(10))
                    .connect(unixDomainSocketPath: path) { channel in
                        channel.eventLoop.makeCompletedFuture {
                            let reader = ResponseReader(on: channel.eventLoop)
                            try channel.pipeline.syncOperations.addHTTPClientHandlers()
                            try channel.pipeline.syncOperations.addHandler(reader)
                            let bound = NIOLoopBound(reader, eventLoop: channel.eventLoop)
                            return Exchange(request: request, channel: channel, reader: bound)
                        }
                    }
            } catch let error as IOError where error.errnoCode == EAGAIN {
                // The server's backlog is full, which a Unix socket tells at once instead of waiting (connect(2)).
                guard ContinuousClock.now < deadline else { throw .serverBusy(path: path) }
                do { try await Task.sleep(for: .milliseconds(50)) } catch { throw .cancelled }
            } catch let error as IOError {
                switch error.errnoCode {
                case ENOENT, ENOTDIR: throw .socketMissing(path: path)
                case ECONNREFUSED: throw .nobodyListens(path: path)
                case EACCES, EPERM: throw .permissionDenied(path: path)
                default: throw .connectionFailed(path: path, errno: error.errnoCode)
                }
            } catch SocketAddressError.unixDomainSocketPathTooLong {
                throw .socketPathTooLong(path: path)
            } catch ChannelError.connectTimeout {
                throw .serverBusy(path: path)
            } catch {
                throw .connectionFailed(path: path, errno: 0)
            }
        }
    }
}
