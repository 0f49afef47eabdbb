import NIOCore

/// Calls of gRPC's methods over HTTP/2 on a Unix socket, many at once on one connection
/// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
///
/// It connects with the first call, and again with the next one after the connection was lost. A call is never repeated:
/// only its maker knows whether that does harm. After attempts that failed the next one waits a little, longer each time
/// up to a limit, so whoever tries again at once does no harm either.
///
/// Messages are bytes, neither compressed nor looked at. The event loop must run until `close` has returned.
public final class GRPCConnection: Sendable {
    private let socket: String
    private let limits: Limits
    private let eventLoop: any EventLoop
    private let connector: Connector

    /// A connection that is not made yet.
    ///
    /// - Parameter socket: the path of the server's Unix socket.
    public init(socket: String, eventLoop: any EventLoop, limits: Limits = Limits()) {
        self.socket = socket
        self.limits = limits
        self.eventLoop = eventLoop
        self.connector = Connector(socket: socket, limits: limits, eventLoop: eventLoop)
    }

    deinit {
        let connector = connector
        eventLoop.execute { _ = connector.close() }
    }

    /// Calls a method with one message and one answer.
    ///
    /// Cancelling the task ends the call, and the server learns of it.
    ///
    /// - Parameters:
    ///   - path: the method: `/PACKAGE.SERVICE/METHOD`.
    ///   - metadata: more header fields, with names in lower case.
    ///   - timeout: for everything, connecting too. The server is told what is left of it.
    public func unary(
        _ path: String,
        _ message: [UInt8],
        metadata: [(String, String)] = [],
        timeout: Duration
    ) async throws(GRPCError) -> [UInt8] {
        let end = ContinuousClock.now + timeout
        let call = makeCall(path, metadata, .message(message), timeout)
        do throws(GRPCError) {
            try await open(call)
            let answer = try await call.result { $0.next(timeout: nil, $1) }
            guard let answer else {
                throw .protocolFault(path: path, "it has the status OK, but no message")
            }
            guard try await call.result({ $0.next(timeout: nil, $1) }) == nil else {
                throw .protocolFault(path: path, "it has more than one message")
            }
            return answer
        } catch {
            eventLoop.execute { call.cancel() }
            // The server's clock for the call may be ahead of ours.
            if case .status(.deadlineExceeded, _) = error, ContinuousClock.now >= end {
                throw .timedOut(path: path, limit: timeout)
            }
            throw error
        }
    }

    /// Calls a method with any number of messages in both directions.
    ///
    /// - Parameters:
    ///   - path: the method: `/PACKAGE.SERVICE/METHOD`.
    ///   - metadata: more header fields, with names in lower case.
    ///   - opening: how long connecting may take; the stream itself has no time limit.
    public func stream(
        _ path: String,
        metadata: [(String, String)] = [],
        opening: Duration
    ) async throws(GRPCError) -> GRPCStream {
        let call = makeCall(path, metadata, .stream, opening)
        try await open(call)
        return GRPCStream(call: call, eventLoop: eventLoop, connection: self)
    }

    /// Ends all calls and closes the connection; every further call fails.
    public func close() async {
        await withCheckedContinuation { continuation in
            eventLoop.execute { self.connector.close().whenComplete { _ in continuation.resume() } }
        }
    }

    private func makeCall(
        _ path: String,
        _ metadata: [(String, String)],
        _ opening: Call.Opening,
        _ limit: Duration
    ) -> Call {
        Call(
            path: path,
            metadata: metadata,
            opening: opening,
            limit: limit,
            socket: socket,
            limits: limits,
            eventLoop: eventLoop
        )
    }

    private func open(_ call: Call) async throws(GRPCError) {
        let connector = connector
        try await call.result { call, waiter in
            call.begin(waiter)
            connector.open(call)
        }
    }
}
