internal import NIOCore
internal import NIOHTTP1

extension HTTPFetcher {
    /// Sends a request for a document and returns the answer whatever its status is, so that the caller can do what it
    /// asks for, such as to say who is asking (401).
    ///
    /// What may pass (no connection, 429, 503 and their like) is tried again as in `get`, and is an error at last.
    ///
    /// - Parameters:
    ///   - url: http or https.
    ///   - accept: the media types that are understood; empty for any.
    ///   - limit: how many bytes the body may have. More is an error as soon as it is known.
    /// - Throws: `FetchError`.
    public func answer(
        to url: String,
        method: FetchMethod = .get,
        accept: [String] = [],
        authorization: FetchAuthorization? = nil,
        limit: Int
    ) async throws(FetchError) -> FetchAnswer {
        let parsed = try parse(url)
        guard parsed.scheme != .file else {
            throw .failed(url: parsed.description, .invalidURL("no server answers for a file"))
        }
        let limit = UInt64(max(limit, 0))
        let request = Exchange.Request(
            method: method,
            fields: accept.isEmpty ? [] : [("Accept", accept.joined(separator: ", "))],
            authorization: authorization
        )
        do {
            return try await Retry(configuration, time).run { _ in
                try await self.answer(parsed, request, limit: limit)
            }
        } catch let failure as FetchFailure {
            throw .failed(url: parsed.description, failure)
        } catch {
            throw .cancelled
        }
    }

    private func answer(
        _ url: FetchURL,
        _ request: Exchange.Request,
        limit: UInt64
    ) async throws -> FetchAnswer {
        let exchange = exchange
        return try await Watch.over(configuration, total: documentTime(limit), time: time) { watch in
            let answer = try await exchange.send(request, to: url, watch: watch)
            var body: [UInt8] = []
            if answer.status == 200, request.method != .head {
                body = try await Self.body(of: answer, limit: limit, exchange, watch)
            } else {
                try? await exchange.discard(answer, watch)
                let failure = FetchFailure.status(answer.status)
                if failure.isPassing { throw failure }
            }
            return FetchAnswer(
                status: answer.status,
                body: body,
                fields: answer.headers.map { ($0.name.lowercased(), $0.value) }
            )
        }
    }
}
