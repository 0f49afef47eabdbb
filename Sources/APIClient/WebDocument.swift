import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOSSL

/// Documents from web servers.
enum WebDocument {
    /// The authorities of the host, where this is one of its containers, which may have none of its own.
    static let hostAuthorities = "/.bulkhead/certs/ca-certificates.crt"

    /// Fetches a document with GET: at most five redirects, one minute, and the length of any document.
    ///
    /// - Parameters:
    ///   - authorities: the certificates that servers are trusted by, if there is such a file; else those of the system.
    ///   - limit: how long all of it may take.
    static func read(
        _ url: String,
        authorities: String = hostAuthorities,
        limit: Duration = .seconds(60)
    ) async throws(InputError) -> [UInt8] {
        var configuration = HTTPClient.Configuration()
        if access(authorities, R_OK) == 0 {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(authorities)
            configuration.tlsConfiguration = tls
        }
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(30))
        configuration.redirectConfiguration = .follow(max: 5, allowCycles: false)
        // What can't be reached is said at once, not tried again until the minute is over.
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let result: Result<[UInt8], InputError>
        do {
            result = .success(try await read(url, with: client, limit: limit))
        } catch let error as InputError {
            result = .failure(error)
        } catch {
            result = .failure(InputError("could not fetch \(url): \(reason(error))"))
        }
        try? await client.shutdown()
        return try result.get()
    }

    /// The document, or an error when the limit is over; that of the client ends with the answer's head.
    private static func read(_ url: String, with client: HTTPClient, limit: Duration) async throws -> [UInt8]
    {
        try await withThrowingTaskGroup(of: [UInt8].self) { group in
            group.addTask { try await read(url, with: client) }
            group.addTask {
                try await Task.sleep(for: limit)
                throw HTTPClientError.deadlineExceeded
            }
            defer { group.cancelAll() }
            return try await group.next() ?? []
        }
    }

    private static func read(_ url: String, with client: HTTPClient) async throws -> [UInt8] {
        let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(60))
        guard response.status == .ok else {
            throw InputError("could not fetch \(url): the server answered \(response.status)")
        }
        var bytes: [UInt8] = []
        for try await piece in response.body {
            guard bytes.count + piece.readableBytes <= InputSource.maximumLength else {
                throw InputError.tooLong(url)
            }
            bytes += piece.readableBytesView
        }
        return bytes
    }

    /// The reason in words that say what to do.
    private static func reason(_ error: any Error) -> String {
        // Of the errors of TLS there are many kinds; their text says which matters.
        let text = String(describing: error)
        if text.contains("CERTIFICATE_VERIFY_FAILED") || text.contains("unableToValidateCertificate") {
            return "the server's certificate is not trusted on this host: add its authority to settings.pki"
        }
        if text.contains("noSubjectAltName") || text.contains("failedToMatch")
            || text.contains("HOSTNAME_MISMATCH")
            || text.contains("unableToVerify")
        {
            return "the server's certificate is for another name: \(text)"
        }
        switch error as? HTTPClientError {
        case .connectTimeout: return "no connection within 10 seconds: is the host reachable from here?"
        case .readTimeout: return "the server sent nothing for 30 seconds"
        case .deadlineExceeded: return "it took longer than a minute"
        case .redirectLimitReached, .redirectCycleDetected: return "the server redirects too often"
        case .invalidURL, .emptyHost, .emptyScheme: return "this is no URL of a document"
        case let error?: return error.shortDescription
        case nil: return text
        }
    }
}
