internal import Bytes
internal import NIOCore

/// Fetches documents and parts of files over http and https, and from file URLs.
///
/// Everything is bounded: bytes, times, redirects, tries and requests at once. Certificates are always verified. Nothing
/// is kept on disk.
public final class HTTPFetcher: Sendable {
    let configuration: Configuration
    let exchange: Exchange
    let time: Time

    /// A fetcher with its own connections, which end with it.
    ///
    /// - Throws: `FetchError.configuration`.
    public convenience init(_ configuration: Configuration = Configuration()) throws(FetchError) {
        try self.init(configuration, time: .machine)
    }

    init(_ configuration: Configuration, time: Time) throws(FetchError) {
        try configuration.check()
        self.configuration = configuration
        self.time = time
        exchange = Exchange(
            configuration: configuration,
            clients: try Clients(configuration),
            bandwidth: configuration.bandwidth.map { Bandwidth(rate: $0, time: time) },
            time: time
        )
    }

    /// Fetches a document.
    ///
    /// - Parameters:
    ///   - url: http, https or file; a user and password in it are used and never shown.
    ///   - limit: how many bytes it may have. More is an error as soon as it is known.
    /// - Throws: `FetchError`; `isNotFound` tells a document that is not there from one that could not be had.
    public func get(_ url: String, limit: Int) async throws(FetchError) -> [UInt8] {
        let parsed = try parse(url)
        let limit = UInt64(max(limit, 0))
        do {
            return try await Retry(configuration, time).run { _ in
                try await self.document(parsed, limit: limit)
            }
        } catch let failure as FetchFailure {
            throw .failed(url: parsed.description, failure)
        } catch {
            throw .cancelled
        }
    }

    /// A URL, or the error that names it without what may be a password.
    func parse(_ text: String) throws(FetchError) -> FetchURL {
        do { return try FetchURL(text) } catch {
            throw .failed(url: text.contains("@") ? "a URL with a user name" : text, error)
        }
    }

    private func document(_ url: FetchURL, limit: UInt64) async throws -> [UInt8] {
        if url.scheme == .file {
            let file = try LocalFile.open(url)
            guard file.size <= limit else { throw FetchFailure.tooLarge(limit: limit) }
            return try LocalFile.read(file, at: 0, count: Int(file.size))
        }
        let exchange = exchange
        return try await Watch.over(configuration, total: documentTime(limit), time: time) { watch in
            let answer = try await exchange.send(Exchange.Request(), to: url, watch: watch)
            guard answer.status == 200 else {
                try? await exchange.discard(answer, watch)
                throw FetchFailure.status(answer.status)
            }
            return try await Self.body(of: answer, limit: limit, exchange, watch)
        }
    }

    /// How long a document of a length may take.
    func documentTime(_ limit: UInt64) -> Duration {
        let length = Double(limit) / Double(configuration.usefulRate)
        return configuration.documentTime + .milliseconds(Int64(min(length, 1e6) * 1000))
    }

    /// Reads the body of a document.
    ///
    /// - Throws: `FetchFailure`, or `CancellationError`.
    static func body(
        of answer: Exchange.Answer,
        limit: UInt64,
        _ exchange: Exchange,
        _ watch: Watch
    ) async throws -> [UInt8] {
        if let length = answer.length, length > limit { throw FetchFailure.tooLarge(limit: limit) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(answer.length ?? 0))
        try await exchange.read(answer, watch: watch) { piece in
            guard UInt64(bytes.count) + UInt64(piece.readableBytes) <= limit else {
                throw FetchFailure.tooLarge(limit: limit)
            }
            bytes += piece.readableBytesView
            return true
        }
        return bytes
    }
}
