public import HostAPI
public import JSON
import NIOCore
import NIOHTTP1

/// A client of the host's API: HTTP/1.1 over a Unix socket, one connection a call.
///
/// Every call has a limit of time and of length. Without Foundation, so that it may run on a host.
public struct HostAPIClient: Sendable {
    /// Where the server listens unless something else is said.
    public static let defaultSocketPath = "/run/api.sock"
    /// The longest answer that is read, in bytes.
    public static let maximumAnswer = 64 << 20

    /// The socket.
    public var socketPath: String
    /// How long a call may take if it does not say otherwise.
    public var timeLimit: Duration

    /// A client; connects only when it is asked for something.
    public init(socketPath: String = defaultSocketPath, timeLimit: Duration = .seconds(60)) {
        self.socketPath = socketPath
        self.timeLimit = timeLimit
    }

    /// Asks for an operation of the API.
    ///
    /// - Parameters:
    ///   - path: the values of the path's parameters.
    ///   - query: the query, in its order.
    ///   - accept: the media type to ask for, where the operation has several.
    ///   - timeLimit: how long it may take; nil for the client's own limit.
    /// - Returns: an answer whose status is below 400.
    /// - Throws: `HostAPIError`; `.problem` when the server refused or failed.
    public func call(
        _ operation: Operation,
        path: [String: String] = [:],
        query: [(String, String)] = [],
        body: JSONValue? = nil,
        accept: String? = nil,
        timeLimit: Duration? = nil
    ) async throws(HostAPIError) -> HostAPIResponse {
        let endpoint = RouteTable.endpoint(for: operation)
        let target = try endpoint.completeTarget(path: path, query: query)
        let response = try await raw(
            method: endpoint.method.rawValue,
            uri: target,
            body: body.map { Array($0.description.utf8) },
            accept: accept,
            timeLimit: timeLimit
        )
        guard response.status < 400 else { throw .problem(Problem(answer: response)) }
        return response
    }

    /// Sends any request and returns the answer, whatever its status.
    ///
    /// - Throws: `HostAPIError` when no complete answer comes.
    public func raw(
        method: String,
        uri: String,
        body: [UInt8]? = nil,
        accept: String? = nil,
        timeLimit: Duration? = nil
    ) async throws(HostAPIError) -> HostAPIResponse {
        let limit = timeLimit ?? self.timeLimit
        let deadline = ContinuousClock.now + limit
        let request = request(method, uri, body: body, accept: accept)
        let exchange = try await Exchange.begin(request, until: deadline)
        var response: HostAPIResponse?
        var content: [UInt8] = []
        while true {
            // A client whose time is over still takes what has already come.
            let part: HTTPClientResponsePart
            do {
                part = try await exchange.next(within: max(.zero, deadline - .now))
            } catch .timedOut {
                throw .timedOut(request: request.name, seconds: Int(max(1, limit.components.seconds)))
            }
            switch part {
            case .head(let head): response = HostAPIResponse(head, request: request.name)
            case .body(let bytes):
                guard content.count + bytes.readableBytes <= Self.maximumAnswer else {
                    throw .responseTooLong(request: request.name, limit: Self.maximumAnswer)
                }
                content += bytes.readableBytesView
            case .end:
                guard var response else { throw .serverClosed(request: request.name) }
                response.body = content
                return response
            }
        }
    }

    func request(
        _ method: String,
        _ uri: String,
        body: [UInt8]? = nil,
        accept: String? = nil
    ) -> Exchange.Request {
        var headers: [(name: String, value: String)] = []
        if body != nil { headers.append(("Content-Type", "application/json")) }
        if let accept { headers.append(("Accept", accept)) }
        return Exchange.Request(
            socketPath: socketPath,
            method: method,
            target: uri,
            headers: headers,
            body: body ?? (method == "GET" || method == "HEAD" ? nil : [])
        )
    }
}

extension HostAPIResponse {
    init(_ head: HTTPResponseHead, request: String) {
        self.init(
            request: request,
            status: Int(head.status.code),
            headers: head.headers.map { Header(name: $0.name, value: $0.value) },
            body: []
        )
    }
}
