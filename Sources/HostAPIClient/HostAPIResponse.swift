public import JSON

/// What the server answered.
public struct HostAPIResponse: Sendable, Equatable {
    /// One header.
    public struct Header: Sendable, Equatable {
        /// The name as it was sent; equal without regard to case.
        public var name: String
        /// The value.
        public var value: String

        /// A header.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The request, for messages: `GET /os`.
    public var request: String
    /// The status of HTTP.
    public var status: Int
    /// The headers in their order.
    public var headers: [Header]
    /// The content.
    public var body: [UInt8]

    /// An answer.
    public init(request: String, status: Int, headers: [Header], body: [UInt8]) {
        self.request = request
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The content as text; bytes that are not UTF-8 are shown as U+FFFD.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of the first header of a name; nil if there is none.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// The content as JSON; `null` where there is no content.
    ///
    /// - Throws: `HostAPIError.invalidResponse` with the place of the fault.
    public func json() throws(HostAPIError) -> JSONValue {
        if body.isEmpty { return .null }
        let limits = JSONLimits(bytes: HostAPIClient.maximumAnswer, depth: 64, values: 10_000_000)
        do {
            return try JSONValue(parsing: body, limits: limits)
        } catch {
            throw .invalidResponse(request: request, reason: "it is not JSON: \(error)")
        }
    }
}
