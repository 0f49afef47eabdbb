internal import AsyncHTTPClient
internal import Bytes
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

/// The HTTP clients of a fetcher: for hosts without a proxy, through the proxy's tunnel, and for plain http by the
/// proxy's forwarding.
///
/// The library speaks to a proxy by CONNECT alone, which proxies seldom allow for port 80; so plain http is sent to the
/// proxy itself with the whole URL in the request line (RFC 9112, section 3.2.2).
final class Clients: Sendable {
    private static let authoritiesLimit: UInt64 = 8 << 20
    /// Bytes that are taken from a socket at a time.
    ///
    /// Each time costs several changes of thread, so they are more than the library's 64 KiB; of each request one such
    /// piece is held.
    private static let readSize = 256 << 10

    private let direct: HTTPClient
    private let proxy: (url: FetchURL, tunnel: HTTPClient, forward: HTTPClient)?
    private let noProxy: NoProxy

    init(_ configuration: HTTPFetcher.Configuration) throws(FetchError) {
        var base = HTTPClient.Configuration(redirectConfiguration: .disallow)
        base.timeout.connect = .nanoseconds(configuration.connectTime.nanoseconds)
        // Ranges are fetched over several connections; each has its own flow control by TCP.
        base.httpVersion = .http1Only
        // Those that wait for a slow reader must not keep documents from being fetched beside them.
        base.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = configuration.parallelRequests + 8
        base.connectionPool.idleTimeout = .seconds(15)
        // The fetcher decides what is tried again.
        base.connectionPool.retryConnectionEstablishment = false
        var tls = TLSConfiguration.makeClientConfiguration()
        // The library would still take TLS 1.0 and 1.1, which RFC 8996 has ended.
        tls.minimumTLSVersion = .tlsv12
        if let path = configuration.authorities {
            tls.additionalTrustRoots = [.certificates(try Self.certificates(path))]
        }
        base.tlsConfiguration = tls
        base.http1_1ConnectionDebugInitializer = Self.readLargePieces
        noProxy = try NoProxy(configuration.noProxy)
        let url = try configuration.proxy.map { text throws(FetchError) in try Self.proxyURL(text) }
        direct = HTTPClient(eventLoopGroupProvider: .singleton, configuration: base)
        guard let url else {
            proxy = nil
            return
        }
        var forward = base
        forward.http1_1ConnectionDebugInitializer = { channel in
            Self.readLargePieces(channel).flatMap { AbsoluteForm.install(in: channel) }
        }
        base.proxy = .server(host: url.host, port: url.port, authorization: Self.authorization(url))
        proxy = (
            url, HTTPClient(eventLoopGroupProvider: .singleton, configuration: base),
            HTTPClient(eventLoopGroupProvider: .singleton, configuration: forward)
        )
    }

    deinit {
        // The library wants to be told, and the clients live until it is done.
        Task { [direct, proxy] in
            try? await direct.shutdown()
            try? await proxy?.tunnel.shutdown()
            try? await proxy?.forward.shutdown()
        }
    }

    @Sendable private static func readLargePieces(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.setOption(
            .recvAllocator,
            value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 65_536, maximum: readSize)
        ).flatMap {
            // The library would read four of them before it asks whether anybody wants more.
            channel.setOption(.maxMessagesPerRead, value: 1)
        }
    }

    /// The client for a URL, and the request to give it.
    func request(for url: FetchURL) -> (HTTPClient, HTTPClientRequest) {
        var headers = HTTPHeaders([("Host", url.authority)])
        if let authorization = Self.authorization(url) {
            headers.add(name: "Authorization", value: authorization.headerValue)
        }
        guard let proxy, !noProxy.contains(url) else {
            return (direct, Self.request(url.description, headers))
        }
        guard isForwarded(url) else { return (proxy.tunnel, Self.request(url.description, headers)) }
        if let authorization = Self.authorization(proxy.url) {
            headers.add(name: "Proxy-Authorization", value: authorization.headerValue)
        }
        return (proxy.forward, Self.request("http://\(proxy.url.authority)\(url.target)", headers))
    }

    /// Whether a proxy itself answers a request for a URL, and no tunnel leads through it.
    func isForwarded(_ url: FetchURL) -> Bool {
        proxy != nil && !noProxy.contains(url) && url.scheme == .http
    }

    /// Where connections for a URL go: what a failed connection is about.
    func place(for url: FetchURL) -> FetchURL {
        guard let proxy, !noProxy.contains(url) else { return url }
        return proxy.url
    }

    private static func request(_ url: String, _ headers: HTTPHeaders) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.headers = headers
        return request
    }

    private static func authorization(_ url: FetchURL) -> HTTPClient.Authorization? {
        url.user.isEmpty && url.password.isEmpty
            ? nil : .basic(username: url.user, password: url.password)
    }

    private static func proxyURL(_ text: String) throws(FetchError) -> FetchURL {
        let url: FetchURL
        // As curl reads it: what names no scheme is a proxy for http.
        do { url = try FetchURL(text.contains("://") ? text : "http://\(text)") } catch {
            throw .configuration("the proxy's URL cannot be used: \(error)")
        }
        guard url.scheme != .https else {
            throw .configuration(
                "the proxy \(url) is to be spoken to by https, which is not possible: give its port for http"
            )
        }
        guard url.scheme == .http, url.target == "/" else {
            throw .configuration("the proxy's URL \(url) is not of the form http://user:password@host:port")
        }
        return url
    }

    private static func certificates(_ path: String) throws(FetchError) -> [NIOSSLCertificate] {
        let result: Result<[NIOSSLCertificate], any Error> = Result {
            let file = try LocalFile.open(path)
            guard file.size <= authoritiesLimit else { throw FetchFailure.tooLarge(limit: authoritiesLimit) }
            return try NIOSSLCertificate.fromPEMBytes(try LocalFile.read(file, at: 0, count: Int(file.size)))
        }
        switch result {
        case .success(let certificates) where !certificates.isEmpty: return certificates
        case .success: throw .configuration("\(path) has no certificate in PEM form: correct the path")
        case .failure(let error):
            throw .configuration("the certificates of \(path) cannot be used: \(error)")
        }
    }
}

/// Puts the whole URL into the request line, as a forwarding proxy wants it.
private final class AbsoluteForm: ChannelOutboundHandler, Sendable {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    static func install(in channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            let encoder = try pipeline.handler(type: HTTPRequestEncoder.self)
            try pipeline.addHandler(AbsoluteForm(), position: .after(encoder))
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .head(var head) = unwrapOutboundIn(data), let host = head.headers.first(name: "Host")
        else {
            context.write(data, promise: promise)
            return
        }
        head.uri = "http://\(host)\(head.uri)"
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }
}
