import NIOCore
import NIOHTTP2

/// A connection to the server, as the last handler of its channel.
///
/// Used on the event loop alone, which makes it `Sendable`.
final class Transport: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = HTTP2Frame

    /// Whether the server has shown that it speaks HTTP/2.
    private(set) var isProven = false
    /// Whether new calls may be made: not when the server goes away, or has broken the protocol.
    private(set) var isUsable = true
    /// What the server did that is no HTTP/2.
    private(set) var fault: String?
    /// How the connection was lost.
    private(set) var lossReason: String?

    private var channel: (any Channel)?
    private var multiplexer: NIOHTTP2Handler.StreamMultiplexer?
    private var callCount = 0
    private var callLimit = 0
    /// Whether another call can be made.
    var takesCalls: Bool { isUsable && callCount < callLimit }

    /// Speaks HTTP/2 on a channel that is not connected yet.
    func install(in channel: any Channel, limits: GRPCConnection.Limits) throws {
        self.channel = channel
        callLimit = max(limits.calls, 1)
        let window = min(max(limits.window, 65_535), Int(Int32.max))
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .enablePush, value: 0),
            HTTP2Setting(parameter: .initialWindowSize, value: window),
            // The texts of errors travel in header fields: what runc says can be long.
            HTTP2Setting(parameter: .maxHeaderListSize, value: 64 << 10),
        ]
        // Several calls at once must not wait for each other's windows.
        connection.targetWindowSize = min(window * 4, Int(Int32.max))
        // The defaults are a public server's, 200 of each in half a minute. Go's servers measure the line by a PING for
        // every burst of bytes, and end a call that is not finished on our side by RST_STREAM. What comes late for calls
        // that we have ended counts as an error of the stream.
        let count = 5_000
        connection.controlFrameRateLimit.maximumCount = count
        connection.controlFrameRateLimit.windowLength = .seconds(1)
        connection.maximumRecentlyResetStreams = 1_024
        connection.maximumConnectionGlitches = .max
        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.targetWindowSize = window
        stream.streamResetFrameRateLimit.maximumCount = count
        stream.streamResetFrameRateLimit.windowLength = .seconds(1)
        stream.streamErrorRateLimit.maximumCount = count
        stream.streamErrorRateLimit.windowLength = .seconds(1)
        multiplexer = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
            mode: .client,
            connectionConfiguration: connection,
            streamConfiguration: stream
        ) { $0.close() }
        try channel.pipeline.syncOperations.addHandler(self)
    }

    /// Opens the stream of a call.
    func start(_ call: Call) {
        guard let multiplexer, !call.isOver else { return }
        call.isOpening(on: self)
        callCount += 1
        multiplexer.createStreamChannel { channel in
            channel.eventLoop.makeCompletedFuture {
                // The call reads when it can take something.
                try channel.syncOptions?.setOption(.autoRead, value: false)
                try channel.pipeline.syncOperations.addHandler(call)
            }
        }.whenComplete { result in
            switch result {
            case .success(let channel): channel.closeFuture.whenComplete { _ in self.ended() }
            case .failure(let error):
                call.isRefused("\(error)")
                self.ended()
            }
        }
    }

    /// Ends all calls, and tells when the socket is closed.
    func close(reason: String) -> EventLoopFuture<Void>? {
        isUsable = false
        lossReason = lossReason ?? reason
        channel?.close(promise: nil)
        return channel?.closeFuture
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data).payload {
        case .settings(.settings):
            isProven = true
        case .goAway(_, let code, _):
            isUsable = false
            lossReason = "the server went away with \(code)"
            closeIfDone()
        default:
            break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // These concern one stream, which has learnt of them.
        if error is NIOHTTP2Errors.StreamError { return }
        isUsable = false
        if error is IOError || error is ChannelError {
            lossReason = lossReason ?? "\(error)"
        } else {
            fault = fault ?? "\(error)"
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { isUsable = false }

    private func ended() {
        callCount -= 1
        closeIfDone()
    }

    /// A server that goes away waits for its last calls; then nobody needs the connection.
    private func closeIfDone() {
        guard !isUsable, callCount == 0 else { return }
        channel?.close(promise: nil)
    }
}
