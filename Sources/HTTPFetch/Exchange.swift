internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1

/// One request with its redirects, and the answer's head.
struct Exchange: Sendable {
    let configuration: HTTPFetcher.Configuration
    let clients: Clients
    let bandwidth: Bandwidth?
    let time: Time

    /// What is asked for, besides the URL.
    struct Request: Sendable {
        var method = FetchMethod.get
        var fields: [(String, String)] = []
        /// For the first URL's origin alone.
        var authorization: FetchAuthorization?
    }

    /// The head of an answer, with its body still to be read.
    struct Answer {
        let url: FetchURL
        let status: Int
        let headers: HTTPHeaders
        fileprivate let body: HTTPClientResponse.Body

        /// The value of a header field; nil where there is none, or several that differ.
        func field(_ name: String) -> String? {
            let values = headers[name]
            guard let first = values.first, values.allSatisfy({ $0 == first }) else { return nil }
            return first
        }

        /// The length that the head tells, if it does.
        var length: UInt64? { field("Content-Length").flatMap { UInt64($0) } }
    }

    private static let redirectStatus: Set<Int> = [301, 302, 303, 307, 308]
    /// A body nobody wants is read up to here, so that its connection can be used again.
    private static let discardLimit: UInt64 = 16_384
    /// As much may come behind the last byte that is wanted: the end of a multipart body.
    private static let closingLimit = 4096

    /// Sends a request and follows redirects.
    ///
    /// - Throws: `FetchFailure`, or `CancellationError`.
    func send(_ request: Request, to url: FetchURL, watch: Watch) async throws -> Answer {
        var (url, request) = (url, request)
        var seen: Set<String> = [url.description]
        while true {
            let answer = try await ask(url, request, watch)
            guard Self.redirectStatus.contains(answer.status) else { return answer }
            if case .post = request.method {
                throw FetchFailure.redirect("what a form has is sent to no other place")
            }
            guard let location = answer.field("Location") else {
                throw FetchFailure.redirect("it does not say where to (status \(answer.status))")
            }
            try await discard(answer, watch)
            let next: FetchURL
            do { next = try url.resolve(location) } catch {
                throw FetchFailure.redirect("where it leads to cannot be fetched: \(error)")
            }
            guard next.scheme != .file else { throw FetchFailure.redirect("it leads to a file: \(next)") }
            guard url.scheme != .https || next.scheme == .https else {
                throw FetchFailure.redirect("it leads from https to \(next)")
            }
            guard seen.insert(next.description).inserted else {
                throw FetchFailure.redirect("it leads in a circle, by \(next)")
            }
            guard seen.count <= configuration.redirects + 1 else {
                throw FetchFailure.redirect(
                    "there are more than \(configuration.redirects), the last to \(next)"
                )
            }
            // As for the credentials of the URL itself; a redirect back does not bring it again.
            if !next.hasSameOrigin(as: url) { request.authorization = nil }
            url = next
        }
    }

    private func ask(_ url: FetchURL, _ wanted: Request, _ watch: Watch) async throws -> Answer {
        let (client, prepared) = clients.request(for: url)
        var request = prepared
        switch wanted.method {
        case .get: request.method = .GET
        case .head: request.method = .HEAD
        case .post(let form):
            request.method = .POST
            request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
            request.body = .bytes(ByteBuffer(string: form))
        }
        if let authorization = wanted.authorization {
            request.headers.replaceOrAdd(name: "Authorization", value: authorization.value)
        }
        request.headers.add(name: "User-Agent", value: configuration.userAgent)
        request.headers.add(name: "Accept-Encoding", value: "identity")
        for (name, value) in wanted.fields { request.headers.add(name: name, value: value) }
        do {
            // The watch ends it sooner, by a name that fits better.
            let limit = configuration.connectTime + configuration.idleTime
            let response = try await watch.wait {
                try await client.execute(request, timeout: .nanoseconds(limit.nanoseconds))
            }
            // A tunnel's refusal is an error of the library; a forwarding proxy's is an answer like any other.
            guard response.status.code != 407 || !clients.isForwarded(url) else {
                throw FetchFailure.proxyAuthentication
            }
            let headLength = response.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
            guard headLength <= configuration.headLimit else {
                throw FetchFailure.headTooLarge(limit: configuration.headLimit)
            }
            let answer = Answer(
                url: url,
                status: Int(response.status.code),
                headers: response.headers,
                body: response.body
            )
            guard answer.headers["Content-Encoding"].allSatisfy({ $0.lowercased() == "identity" }) else {
                throw FetchFailure.badAnswer("it is compressed, which was not asked for")
            }
            return answer
        } catch {
            throw failure(error, url)
        }
    }

    /// Gives the body to `take`, piece by piece, as fast as the bandwidth allows and `take` returns.
    ///
    /// - Parameter take: returns whether more is wanted. What follows then is dropped; only where the body ends soon is
    ///   its end read, so that the connection can be used again.
    func read(
        _ answer: Answer,
        watch: Watch,
        take: (ByteBuffer) async throws -> Bool
    ) async throws {
        var iterator = answer.body.makeAsyncIterator()
        var isWanted = true
        var surplus = 0
        while true {
            let next: ByteBuffer?
            do {
                next = try await watch.wait {
                    try await iterator.next()
                } size: {
                    $0?.readableBytes ?? 0
                }
            } catch {
                if !isWanted { return }
                throw failure(error, answer.url)
            }
            // Where the library's sequence just ends when its task is cancelled.
            try Task.checkCancellation()
            guard let next else { return }
            try await bandwidth?.take(next.readableBytes)
            if isWanted {
                isWanted = try await take(next)
                if !isWanted { watch.expectEnd() }
            } else {
                surplus += next.readableBytes
                if surplus > Self.closingLimit { return }
            }
        }
    }

    /// Reads a small body to its end; a longer one ends with its connection.
    func discard(_ answer: Answer, _ watch: Watch) async throws {
        guard let length = answer.length, length <= Self.discardLimit else { return }
        try await read(answer, watch: watch) { _ in true }
    }

    private func failure(_ error: any Error, _ url: FetchURL) -> any Error {
        if error is FetchFailure || error is CancellationError { return error }
        if Task.isCancelled { return CancellationError() }
        return FetchFailure(error, place: clients.place(for: url), url: url)
    }
}
