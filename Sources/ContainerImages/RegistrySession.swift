internal import HTTPFetch
internal import JSON
internal import OCI
internal import Synchronization

/// What one server is asked for one repository, and how it was told who is asking.
final class RegistrySession: Sendable {
    private static let tokenAnswerLimit = 256 << 10
    private static let tokenLimit = 32 << 10

    let endpoint: RegistryEndpoint
    private let reference: ImageReference
    private let credential: RegistryCredential?
    private let fetcher: HTTPFetcher
    private let authorization = Mutex<FetchAuthorization?>(nil)

    init(
        _ endpoint: RegistryEndpoint,
        _ reference: ImageReference,
        credential: RegistryCredential?,
        fetcher: HTTPFetcher
    ) {
        self.endpoint = endpoint
        self.reference = reference
        self.credential = credential
        self.fetcher = fetcher
    }

    private var refusal: ContainerImagesError {
        .refused(server: endpoint.host, repository: reference.repository, user: credential?.user)
    }

    /// Asks for a document; says who is asking when the server wants to know.
    ///
    /// - Parameter name: what stands behind the repository in the URL, such as `manifests/latest`.
    /// - Throws: `ContainerImagesError`.
    func document(
        _ name: String,
        accept: [String] = [],
        limit: Int
    ) async throws(ContainerImagesError) -> FetchAnswer {
        let url = endpoint.url(reference.repository, name)
        var answer = try await ask(url, .get, accept, limit)
        if answer.status == 401 {
            try await authorize(answer)
            answer = try await ask(url, .get, accept, limit)
        }
        switch answer.status {
        case 200: return answer
        case 401, 403: throw refusal
        case 404: throw .notFound(reference: reference.description, server: endpoint.host)
        default: throw .fetch(.failed(url: url, .status(answer.status)))
        }
    }

    /// Fetches a blob from an offset on; what breaks in the middle goes on there.
    ///
    /// - Parameter body: gets the bytes in order.
    /// - Throws: `ContainerImagesError`, or what `body` throws.
    func blob(
        _ descriptor: Descriptor,
        from offset: UInt64,
        body: ([UInt8]) async throws -> Void
    ) async throws {
        let url = endpoint.url(reference.repository, "blobs/\(descriptor.digest)")
        var offset = offset
        // A token ends after some minutes, and a blob may take hours; one that brings nothing is not replaced again.
        var isFresh = false
        while true {
            do {
                let file = try fetcher.file(
                    urls: [url],
                    size: UInt64(descriptor.size),
                    authorization: authorization.withLock { $0 }
                )
                try await file.stream(from: offset) { piece in
                    isFresh = false
                    offset = piece.offset + UInt64(piece.bytes.count)
                    try await body(piece.bytes)
                }
                return
            } catch let error as FetchError {
                switch error {
                case .failed(_, .status(401)) where !isFresh:
                    isFresh = true
                    try await authorizeAgain(url)
                case .failed(_, .status(401)), .failed(_, .status(403)): throw refusal
                case .failed(_, .status(404)):
                    throw ContainerImagesError.notFound(
                        reference: "\(reference.repository)@\(descriptor.digest)",
                        server: endpoint.host
                    )
                case .cancelled: throw ContainerImagesError.cancelled
                default: throw ContainerImagesError.fetch(error)
                }
            }
        }
    }

    private func authorizeAgain(_ url: String) async throws(ContainerImagesError) {
        let answer = try await ask(url, .head, [], 0)
        // Anything else than 401 is no longer about who is asking.
        if answer.status == 401 { try await authorize(answer) }
    }

    private func ask(
        _ url: String,
        _ method: FetchMethod,
        _ accept: [String],
        _ limit: Int
    ) async throws(ContainerImagesError) -> FetchAnswer {
        try await answer(url, method, accept, authorization.withLock { $0 }, limit)
    }

    private func answer(
        _ url: String,
        _ method: FetchMethod,
        _ accept: [String],
        _ authorization: FetchAuthorization?,
        _ limit: Int
    ) async throws(ContainerImagesError) -> FetchAnswer {
        do throws(FetchError) {
            return try await fetcher.answer(
                to: url,
                method: method,
                accept: accept,
                authorization: authorization,
                limit: limit
            )
        } catch {
            throw error == .cancelled ? .cancelled : .fetch(error)
        }
    }

    /// Does what the challenges of an answer ask for.
    private func authorize(_ answer: FetchAnswer) async throws(ContainerImagesError) {
        let challenges = Challenge.parse(answer.values("WWW-Authenticate"))
        let authorization: FetchAuthorization
        if let bearer = challenges.first(where: { $0.scheme == "bearer" }) {
            authorization = .bearer(try await token(bearer.parameters))
        } else if challenges.contains(where: { $0.scheme == "basic" }) {
            guard case .password(let user, let password) = credential else { throw refusal }
            authorization = .basic(user: user, password: password)
        } else {
            throw wrong("it offers neither Bearer nor Basic")
        }
        self.authorization.withLock { $0 = authorization }
    }

    private func wrong(_ reason: String) -> ContainerImagesError {
        .authentication(server: endpoint.host, reason: reason)
    }

    /// Has the server that a registry names give a token (distribution, spec/auth/token.md and oauth.md).
    private func token(_ parameters: [String: String]) async throws(ContainerImagesError) -> String {
        guard let realm = parameters["realm"], realm.utf8.count <= 4096 else {
            throw wrong("its challenge has no realm")
        }
        let isSecure = realm.lowercased().hasPrefix("https://")
        guard isSecure || realm.lowercased().hasPrefix("http://") else {
            throw wrong("its realm is no URL of http or https")
        }
        // The password would be for everybody on the way.
        guard isSecure || !endpoint.isSecure else { throw wrong("its realm is not encrypted (http)") }
        var query: [(String, String)] = []
        if let service = parameters["service"] { query.append(("service", service)) }
        let scope = parameters["scope"] ?? "repository:\(reference.repository):pull"
        var method = FetchMethod.get
        var basic: FetchAuthorization?
        var url = realm
        switch credential {
        case .identityToken(let token):
            query += [
                ("scope", scope), ("client_id", "bulkhead"), ("grant_type", "refresh_token"),
                ("refresh_token", token),
            ]
            method = .post(form: Self.form(query))
        case .password, nil:
            query += scope.split(separator: " ").map { ("scope", String($0)) }
            query.append(("client_id", "bulkhead"))
            if case .password(let user, let password) = credential {
                query.append(("account", user))
                basic = .basic(user: user, password: password)
            }
            url += (realm.contains("?") ? "&" : "?") + Self.form(query)
        }
        let answer = try await answer(url, method, [], basic, Self.tokenAnswerLimit)
        switch answer.status {
        case 200: break
        // Some answer 400 to a token that they do not know, as OAuth has it.
        case 400 where credential != nil, 401, 403: throw refusal
        default: throw wrong("the server of its tokens answered with status \(answer.status)")
        }
        return try read(answer.body)
    }

    private func read(_ body: [UInt8]) throws(ContainerImagesError) -> String {
        let json = try? JSONValue(
            parsing: body,
            limits: JSONLimits(bytes: Self.tokenAnswerLimit, values: 1000)
        )
        let token = json?["token"]?.string ?? json?["access_token"]?.string ?? ""
        guard !token.isEmpty, token.utf8.count <= Self.tokenLimit,
            token.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { throw wrong("the server of its tokens gave none that can be used") }
        return token
    }

    /// `a=b&c=d`, percent-encoded.
    private static func form(_ pairs: [(String, String)]) -> String {
        pairs.map { "\($0)=\(encoded($1))" }.joined(separator: "&")
    }

    private static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e:
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return result
    }
}
