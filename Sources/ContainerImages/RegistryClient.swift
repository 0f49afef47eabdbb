public import HTTPFetch
public import OCI

/// Finds images in registries and their mirrors by the distribution protocol (distribution-spec 1.1, "Pull").
public struct RegistryClient: Sendable {
    /// The patience that pulling has: less than an update's with a server, because there may be others.
    public static var limits: HTTPFetcher.Configuration {
        var limits = HTTPFetcher.Configuration()
        limits.connectTime = .seconds(10)
        limits.tries = 3
        limits.longestPause = .seconds(5)
        limits.parallelRequests = 1
        // With less, no image comes within the time that a container is waited for.
        limits.minimumRate = 4 << 10
        return limits
    }

    private let configuration: RegistryConfiguration
    private let platform: Platform
    /// For https.
    private let secure: HTTPFetcher
    /// For plain http, which may have another proxy.
    private let plain: HTTPFetcher

    /// A client with its own connections.
    ///
    /// - Parameters:
    ///   - limits: the patience; its proxy and authorities are replaced by those of the configuration.
    ///   - platform: what images must run on.
    /// - Throws: `ContainerImagesError.configuration`.
    public init(
        configuration: RegistryConfiguration,
        limits: HTTPFetcher.Configuration = Self.limits,
        platform: Platform = .current
    ) throws(ContainerImagesError) {
        self.configuration = configuration
        self.platform = platform
        var limits = limits
        limits.authorities = configuration.authorities
        limits.noProxy = configuration.noProxy
        limits.proxy = configuration.httpsProxy
        do throws(FetchError) {
            secure = try HTTPFetcher(limits)
            limits.proxy = configuration.httpProxy
            plain = configuration.httpProxy == configuration.httpsProxy ? secure : try HTTPFetcher(limits)
        } catch {
            throw .configuration("\(error)")
        }
    }

    /// Finds an image; no layer is fetched yet.
    ///
    /// Asks the mirrors of its registry and the registry itself in turn for the manifest and the configuration, and
    /// verifies both.
    ///
    /// - Throws: `ContainerImagesError`; of several servers, what was wrong with each.
    public func resolve(_ reference: ImageReference) async throws(ContainerImagesError) -> RegistrySource {
        let endpoints = try configuration.endpoints(for: reference.registry)
        let sessions = endpoints.map { endpoint in
            RegistrySession(
                endpoint,
                reference,
                credential: configuration.credentials[endpoint.host],
                fetcher: endpoint.isSecure ? secure : plain
            )
        }
        let name = reference.digest.map(\.description) ?? reference.tag ?? "latest"
        // The server that has the manifest will have the rest; whoever had not is asked last.
        var servers = RegistryServers(sessions)
        let (document, digest) = try await servers.first { session throws(ContainerImagesError) in
            try await self.document(name, reference.digest, reference, session)
        }
        var manifest: (bytes: [UInt8], parsed: ImageManifest)
        switch document {
        case (let bytes, .manifest(let parsed)): manifest = (bytes, parsed)
        case (_, .index(let index)):
            guard let chosen = index.manifest(for: platform) else {
                throw .wrongPlatform(
                    reference: reference.description,
                    offered: index.platforms.map(\.description),
                    wanted: platform.description
                )
            }
            let (child, _) = try await servers.first { session throws(ContainerImagesError) in
                try await self.document(chosen.digest.description, chosen.digest, reference, session)
            }
            guard case (let bytes, .manifest(let parsed)) = child else {
                throw .unusable(
                    reference: reference.description,
                    .badDocument("the index", reason: "it names an index as the manifest of a platform")
                )
            }
            manifest = (bytes, parsed)
        }
        // Before anything else is fetched.
        _ = try ImageContents.size(manifest.parsed, manifest: Int64(manifest.bytes.count), reference)
        let config = manifest.parsed.config
        let limit = try ImageContents.length(of: config, "the configuration", limit: ImageConfig.limit)
        let configurationBytes = try await servers.first { session throws(ContainerImagesError) in
            let answer = try await session.document("blobs/\(config.digest)", limit: limit)
            let source = session.endpoint.host
            try ImageContents.check(answer.body, "the configuration", is: config.digest, from: source)
            return answer.body
        }
        let contents = try ImageContents(
            reference,
            manifest: manifest.bytes,
            manifest.parsed,
            configuration: configurationBytes,
            for: platform
        )
        return RegistrySource(contents, digest: digest, servers: servers)
    }

    /// Fetches a manifest or an index from one server.
    private func document(
        _ name: String,
        _ expected: ContentDigest?,
        _ reference: ImageReference,
        _ session: RegistrySession
    ) async throws(ContainerImagesError) -> (document: ([UInt8], ImageDocument), digest: ContentDigest) {
        let answer = try await session.document(
            "manifests/\(name)",
            accept: MediaType.documents,
            limit: ImageManifest.limit
        )
        let digest = ContentDigest(of: answer.body)
        // By a tag, the server's own word is all there is to see damage by.
        let told = answer.values("Docker-Content-Digest").first.flatMap { try? ContentDigest(parsing: $0) }
        if let expected = expected ?? told, expected != digest {
            throw .wrongDigest(
                what: "the manifest",
                expected: expected,
                found: digest,
                source: session.endpoint.host
            )
        }
        let type = answer.values("Content-Type").first.map { value in
            String(value.prefix { $0 != ";" }.filter { $0 != " " })
        }
        do throws(OCIError) {
            return ((answer.body, try ImageDocument(json: answer.body, mediaType: type)), digest)
        } catch {
            throw .unusable(reference: reference.description, error)
        }
    }
}

/// The servers that may have an image, the one that served last first.
struct RegistryServers: Sendable {
    private(set) var sessions: [RegistrySession]

    init(_ sessions: [RegistrySession]) { self.sessions = sessions }

    /// Asks one server after the other until one gives what is wanted.
    ///
    /// - Throws: what was wrong with each.
    mutating func first<Value: Sendable>(
        _ operation: (RegistrySession) async throws(ContainerImagesError) -> Value
    ) async throws(ContainerImagesError) -> Value {
        var errors: [ContainerImagesError] = []
        for (index, session) in sessions.enumerated() {
            do throws(ContainerImagesError) {
                let value = try await operation(session)
                sessions = Array(sessions[index...] + sessions[..<index])
                return value
            } catch {
                if error == .cancelled { throw error }
                errors.append(error)
            }
        }
        throw .all(errors)
    }
}
