public import NIOCore
public import NIOHTTP1

/// An answer that is ready: it is sent from the event loop itself, without a task.
public struct ReadyAnswer: Sendable {
    /// The header fields.
    public var headers: HTTPHeaders
    /// The body.
    public var body: ByteBuffer

    /// States an answer.
    public init(headers: HTTPHeaders, body: ByteBuffer) {
        self.headers = headers
        self.body = body
    }
}
