import HostAPI
import NIOCore
import NIOHTTP1

extension HostAPIClient {
    /// The events of the host as they happen.
    ///
    /// - Parameters:
    ///   - lastEventID: the id of the last event that was seen: the server sends what came after it, as far as it
    ///     still has it.
    ///   - query: `limit` and `timeout` end the stream.
    ///   - silence: how long nothing at all may come; the server sends a comment every 15 seconds.
    public func events(
        after lastEventID: String? = nil,
        query: [(String, String)] = [],
        silence: Duration = .seconds(60)
    ) -> HostEvents {
        HostEvents(client: self, lastEventID: lastEventID, query: query, silence: silence)
    }
}

/// Server-sent events of the host; connects when it is iterated, ends when the server ends the stream.
public struct HostEvents: AsyncSequence, Sendable {
    let client: HostAPIClient
    let lastEventID: String?
    let query: [(String, String)]
    let silence: Duration

    /// Starts to listen.
    public func makeAsyncIterator() -> Iterator { Iterator(events: self) }

    /// Listens: the connection ends with it.
    public struct Iterator: AsyncIteratorProtocol {
        private let events: HostEvents
        private var exchange: Exchange?
        private var parser = ServerSentEventParser()
        private var ready: [ServerSentEvent] = []
        private var isOver = false

        init(events: HostEvents) { self.events = events }

        /// Connects now instead of with the first event: none that happens from here on is missed.
        ///
        /// - Throws: `HostAPIError`.
        public mutating func connect() async throws(HostAPIError) {
            if exchange == nil { exchange = try await Self.connected(events) }
        }

        /// The next event; nil at the end of the stream.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(HostAPIError)
            -> ServerSentEvent?
        {
            while ready.isEmpty {
                if isOver { return nil }
                if exchange == nil { exchange = try await Self.connected(events) }
                guard let exchange, case .body(let bytes) = try await exchange.next(within: events.silence)
                else {
                    isOver = true
                    return nil
                }
                do {
                    ready = try parser.read(bytes.readableBytesView)
                } catch {
                    isOver = true
                    throw .responseTooLong(request: "GET /events", limit: ServerSentEventParser.maximumLength)
                }
            }
            return ready.removeFirst()
        }

        /// The next event; nil at the end of the stream.
        public mutating func next() async throws(HostAPIError) -> ServerSentEvent? {
            try await next(isolation: nil)
        }

        /// The connection, with the head of the answer read.
        private static func connected(_ events: HostEvents) async throws(HostAPIError) -> Exchange {
            let endpoint = RouteTable.endpoint(for: .watchEvents)
            let target = try endpoint.completeTarget(path: [:], query: events.query)
            var request = events.client.request(
                endpoint.method.rawValue,
                target,
                accept: "text/event-stream"
            )
            if let id = events.lastEventID { request.headers.append(("Last-Event-ID", id)) }
            let exchange = try await Exchange.begin(request, until: .now + events.client.timeLimit)
            guard case .head(let head) = try await exchange.next(within: events.client.timeLimit) else {
                throw .invalidResponse(request: request.name, reason: "it has no head")
            }
            if head.status.code != 200 {
                var response = HostAPIResponse(head, request: request.name)
                while case .body(let bytes) = try await exchange.next(within: events.client.timeLimit) {
                    guard response.body.count < 1 << 20 else { break }
                    response.body += bytes.readableBytesView
                }
                throw .problem(Problem(answer: response))
            }
            return exchange
        }
    }
}
