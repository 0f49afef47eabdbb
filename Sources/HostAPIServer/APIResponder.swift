import HTTPTypes
import HostAPI
import HummingbirdCore
import JSON
import Logging
import NIOCore
import NIOHTTP1

/// Turns requests of HTTP into operations, and what they answer into responses.
struct APIResponder: Sendable {
    let service: HostAPIServer.Service
    let events: EventHub
    let limits: ServerLimits
    let logger: Logger
    private let clock = ContinuousClock()

    init(service: HostAPIServer.Service, events: EventHub, limits: ServerLimits, logger: Logger) {
        self.service = service
        self.events = events
        self.limits = limits
        self.logger = logger
    }

    /// Answers a request.
    func respond(
        _ request: Request,
        _ writer: consuming ResponseWriter,
        _ channel: any Channel,
        _ peer: PeerCredentials
    ) async throws {
        let start = clock.now
        let target = request.head.path ?? "/"
        let mark = target.firstIndex(of: "?")
        let path = String(target[..<(mark ?? target.endIndex)])
        let query = mark.map { String(target[target.index(after: $0)...]) }
        let method = request.method.rawValue
        let isHead = request.method == .head
        switch RouteTable.match(method: method, path: path) {
        case .unknownPath:
            service.answered(nil, 404, clock.now - start)
            try await writer.write(problem: RouteTable.unknownPathProblem(path), isHead: isHead)
        case .otherMethods(let methods):
            service.answered(nil, 405, clock.now - start)
            try await writer.write(
                problem: RouteTable.methodProblem(method, allowed: methods),
                allow: RouteTable.allowHeader(methods),
                isHead: isHead
            )
        case .endpoint(let endpoint, path: let parameters):
            let reply: APIReply
            do {
                reply = try await answer(request, endpoint, parameters, query, peer)
            } catch let problem as Problem {
                service.answered(endpoint.operation, problem.status, clock.now - start)
                if problem.status >= 500 {
                    logger.error("\(method) \(endpoint.path): \(problem)")
                }
                return try await writer.write(problem: problem)
            }
            let status = if case .nothing = reply { 204 } else { 200 }
            service.answered(endpoint.operation, status, clock.now - start)
            try await send(reply, writer, channel)
        }
    }

    private func answer(
        _ request: Request,
        _ endpoint: Endpoint,
        _ path: [String: String],
        _ query: String?,
        _ peer: PeerCredentials
    ) async throws -> APIReply {
        let parameters = try RequestParameters(endpoint, path: path, query: query)
        var body = ByteBuffer()
        if endpoint.body != nil {
            let type = request.headers[.contentType]
            guard type.map(Self.isJSON) ?? true else {
                throw Problem(
                    status: 415,
                    detail: "the body must be application/json, not '\((type ?? "").prefix(80))'"
                )
            }
            // The guard refuses longer bodies before they come here; what breaks is the connection, and that throws.
            body = try await request.body.collect(upTo: limits.body)
        }
        return try await service.answer(
            APIRequest(
                operation: endpoint.operation,
                parameters: parameters,
                body: body,
                peer: peer,
                wantsReport: parameters.boolean("report")
                    ?? (request.headers[.accept]?.contains(ApplyResult.mediaType) ?? false),
                lastEvent: HTTPField.Name("Last-Event-ID").flatMap { request.headers[$0] }.flatMap(
                    UInt64.init
                )
            )
        )
    }

    /// Whether a content type is JSON.
    ///
    /// Bottlerocket's clients send none, curl sends a form's by default.
    private static func isJSON(_ type: String) -> Bool {
        let essence = type.prefix { $0 != ";" && $0 != " " }.lowercased()
        return essence == "application/json" || essence.hasSuffix("+json")
    }

    private func send(_ reply: APIReply, _ writer: consuming ResponseWriter, _ channel: any Channel)
        async throws
    {
        switch reply {
        case .nothing: try await writer.writeResponse(HTTPResponse(status: .noContent))
        case .json(let body): try await writer.write(.ok, body, "application/json")
        case .content(let body, let mediaType): try await writer.write(.ok, body, mediaType)
        case .events(let watch, let limit, let timeout):
            try await send(watch, limit, timeout, writer, channel)
        }
    }

    private func send(
        _ watch: EventHub.Watch,
        _ limit: Int64?,
        _ timeout: Int64?,
        _ writer: consuming ResponseWriter,
        _ channel: any Channel
    ) async throws {
        let events = events
        let end: @Sendable () -> Void = { events.end(watch.number) }
        // A client that goes away is seen at once, not at the next event.
        channel.closeFuture.whenComplete { _ in end() }
        let timer = timeout.map { timeout in
            Task {
                try? await Task.sleep(for: .seconds(timeout))
                end()
            }
        }
        defer {
            end()
            timer?.cancel()
        }
        var head = HTTPResponse(status: .ok)
        head.headerFields[.contentType] = Event.mediaType
        head.headerFields[.cacheControl] = "no-store"
        var body = try await writer.writeHead(head)
        var left = limit ?? .max
        for text in watch.missed.prefix(Int(clamping: left)) {
            try await body.write(text)
            left -= 1
        }
        if left > 0 {
            for await message in watch.messages {
                try await body.write(message.text)
                if message.isEvent { left -= 1 }
                if left <= 0 { break }
            }
        }
        try await body.finish(nil)
    }
}

extension ResponseWriter {
    /// Writes a whole answer.
    consuming func write(_ status: HTTPResponse.Status, _ body: ByteBuffer, _ mediaType: String) async throws
    {
        var head = HTTPResponse(status: status)
        head.headerFields[.contentType] = mediaType
        head.headerFields[.contentLength] = "\(body.readableBytes)"
        try await write(response: head, body: ResponseBody(byteBuffer: body))
    }

    /// Writes problem details; of the answer to a HEAD, only the head (RFC 9110, section 9.3.2).
    consuming func write(problem: Problem, allow: String? = nil, isHead: Bool = false) async throws {
        let body = ByteBuffer(string: problem.json.description)
        var head = HTTPResponse(
            status: .init(code: problem.status, reasonPhrase: Problem.reasonPhrase(problem.status))
        )
        head.headerFields[.contentType] = Problem.mediaType
        head.headerFields[.contentLength] = "\(body.readableBytes)"
        if let allow { head.headerFields[.allow] = allow }
        if problem.status == 503 { head.headerFields[.retryAfter] = "1" }
        // RFC 9110, section 15.5.22.
        if problem.status == 426 { head.headerFields[.upgrade] = "websocket" }
        guard !isHead else { return try await writeResponse(head) }
        try await write(response: head, body: ResponseBody(byteBuffer: body))
    }
}
