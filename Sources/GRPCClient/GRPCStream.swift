import NIOCore

/// A call with any number of messages in both directions.
///
/// Cancelling a task that waits in one of its methods ends the call, and the server learns of it; so does letting go of
/// the value.
public final class GRPCStream: Sendable {
    /// How long the server may take for a message of ours.
    public static let sendLimit: Duration = .seconds(120)

    private let call: Call
    private let eventLoop: any EventLoop
    /// Kept, as it closes when nobody has it any more.
    private let connection: GRPCConnection

    init(call: Call, eventLoop: any EventLoop, connection: GRPCConnection) {
        self.call = call
        self.eventLoop = eventLoop
        self.connection = connection
    }

    deinit { cancel() }

    /// Sends a message, and waits until the server's window has taken it.
    ///
    /// Messages that several tasks send at once go out in some order, each in one piece.
    ///
    /// - Throws: `GRPCError.ended` when the server has ended the call with OK, or `finish` was called; when it has ended it
    ///   with an error, that one. `GRPCError.timedOut` after `timeout`; the call is then over.
    public func send(_ message: [UInt8], timeout: Duration = sendLimit) async throws(GRPCError) {
        try await call.result { $0.send(message, timeout: timeout, $1) }
    }

    /// Says that no more messages follow; those of the server can still be read.
    ///
    /// Nothing is wrong when the server has ended the call before: `next` tells how.
    public func finish(timeout: Duration = sendLimit) async throws(GRPCError) {
        try await call.result { $0.send(nil, timeout: timeout, $1) }
    }

    /// The server's next message, or nil when it has ended the call with OK.
    ///
    /// - Parameter timeout: how long to wait for it; nil is without limit, for a server that speaks when something
    ///   happens. When it is over the call goes on and can be asked again.
    /// - Throws: the status with which the server has ended the call, after its last message was taken.
    public func next(timeout: Duration?) async throws(GRPCError) -> [UInt8]? {
        try await call.result { $0.next(timeout: timeout, $1) }
    }

    /// Ends the call at once.
    public func cancel() {
        let call = call
        eventLoop.execute { call.cancel() }
    }
}
