public import HostAPI
public import JSON
public import NIOCore

/// A request that has an endpoint, with everything that its operation may look at.
public struct APIRequest: Sendable {
    /// The operation.
    public var operation: Operation
    /// The parameters, checked against what the endpoint declares.
    public var parameters: RequestParameters
    /// The body; empty where the endpoint reads none.
    public var body: ByteBuffer
    /// Who asks.
    public var peer: PeerCredentials
    /// Whether the client asked for a report of what was applied.
    public var wantsReport: Bool
    /// The last event that the client has seen.
    public var lastEvent: UInt64?
}

/// An answer.
public enum APIReply: Sendable {
    /// 204.
    case nothing
    /// 200 with JSON.
    case json(ByteBuffer)
    /// 200 with another content.
    case content(ByteBuffer, mediaType: String)
    /// 200 with events until the client, or the server, has enough.
    case events(EventHub.Watch, limit: Int64?, timeout: Int64?)
}

extension APIReply {
    /// 200 with JSON.
    public static func json(_ json: JSONValue) -> APIReply { .json(ByteBuffer(string: json.description)) }
}
