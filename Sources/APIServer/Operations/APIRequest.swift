import HostAPI
import NIOCore

/// A request that has an endpoint, with everything that its operation may look at.
struct APIRequest: Sendable {
    /// The operation.
    var operation: Operation
    /// The parameters, checked against what the endpoint declares.
    var parameters: RequestParameters
    /// The body; empty where the endpoint reads none.
    var body: ByteBuffer
    /// Who asks.
    var peer: PeerCredentials
    /// Whether the client asked for a report of what was applied.
    var wantsReport: Bool
    /// The last event that the client has seen.
    var lastEvent: UInt64?
}

/// An answer.
enum APIReply: Sendable {
    /// 204.
    case nothing
    /// 200 with JSON.
    case json(ByteBuffer)
    /// 200 with another content.
    case content(ByteBuffer, mediaType: String)
    /// 200 with events until the client, or the server, has enough.
    case events(EventHub.Watch, limit: Int64?, timeout: Int64?)
}
