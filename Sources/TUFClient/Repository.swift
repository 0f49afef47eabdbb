import HTTPFetch
import TUF

/// A repository on web servers: metadata below one address, targets below another.
struct Repository: Sendable {
    private let fetcher: HTTPFetcher
    private let metadataURL: String

    init(metadataURL: String) throws(FetchError) {
        var configuration = HTTPFetcher.Configuration()
        configuration.userAgent = "bulkhead-tuf-client"
        fetcher = try HTTPFetcher(configuration)
        self.metadataURL = Self.folder(metadataURL)
    }

    /// A file of metadata; nil when the server has none of this name.
    func metadata(_ name: String, limit: Int) async throws(FetchError) -> [UInt8]? {
        do throws(FetchError) {
            return try await fetcher.get(metadataURL + name, limit: limit)
        } catch {
            if Self.isAbsent(name, error) { return nil }
            throw error
        }
    }

    /// Whether an error says that there is no such file.
    ///
    /// Of the next root, which mostly is not there, object stores may say that it is forbidden; for any other file that
    /// is a fault to be told.
    static func isAbsent(_ name: String, _ error: FetchError) -> Bool {
        error.isNotFound || error.isForbidden && name.hasSuffix(".root.json")
    }

    /// Fetches a target piece by piece; its length is bounded, its hash is not checked here.
    func target(
        _ target: FoundTarget,
        below url: String,
        body: (_ bytes: [UInt8]) async throws -> Void
    ) async throws {
        let url = Self.folder(url) + Self.escaped(target.location)
        let file = try fetcher.file(urls: [url], size: UInt64(clamping: target.file.length))
        try await file.stream { piece in try await body(piece.bytes) }
    }

    private static func folder(_ url: String) -> String { url.hasSuffix("/") ? url : url + "/" }

    /// A target path as part of a URL: what cannot stand in a path is percent-encoded, and nothing twice.
    static func escaped(_ path: String) -> String {
        let allowed = Set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/%".utf8
        )
        var text = ""
        for byte in path.utf8 {
            if allowed.contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += MetadataFileName.encode(byte)
            }
        }
        return text
    }
}
