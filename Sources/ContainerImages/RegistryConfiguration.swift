internal import JSON
internal import SmallFiles

/// Where images are pulled from, and who this host is there: the settings of `container-registry`, the proxy and the
/// certificate authorities, as they are rendered for pulling (`/etc/bulkhead/image-pull.json`).
///
/// ```json
/// {"mirrors": [{"registry": "docker.io", "endpoint": ["https://mirror.example.org"]}],
///  "credentials": [{"registry": "registry.example.org", "username": "worker", "password": "correct horse"}],
///  "http-proxy": "http://proxy:3128", "https-proxy": "http://proxy:3128", "no-proxy": "localhost,10.0.0.0/8",
///  "certificates": "/etc/ssl/certs/ca-certificates.crt"}
/// ```
///
/// What is missing, `null` or an empty text is as if it was not set; a member of another type than here is an error.
/// Mirrors and credentials mean what they mean to containerd, which has the same settings: a mirror of `*` (or
/// `_default`) is for registries that have none of their own, and credentials belong to the server that is asked, be it
/// a mirror or a registry.
public struct RegistryConfiguration: Sendable, Equatable {
    /// The servers that are asked before a registry, in this order: URLs by registry, or by `*`.
    public var mirrors: [String: [String]]
    /// Who this host is, by the server's host (and port).
    public var credentials: [String: RegistryCredential]
    /// The proxy for plain http; nil for none.
    public var httpProxy: String?
    /// The proxy for https; nil for none.
    public var httpsProxy: String?
    /// What is reached without the proxy.
    public var noProxy: [String]
    /// A file of certificates in PEM that servers are trusted by besides the system's; nil for none.
    public var authorities: String?

    /// States a configuration.
    public init(
        mirrors: [String: [String]] = [:],
        credentials: [String: RegistryCredential] = [:],
        httpProxy: String? = nil,
        httpsProxy: String? = nil,
        noProxy: [String] = [],
        authorities: String? = nil
    ) {
        self.mirrors = mirrors
        self.credentials = credentials
        self.httpProxy = httpProxy
        self.httpsProxy = httpsProxy
        self.noProxy = noProxy
        self.authorities = authorities
    }

    /// Reads the rendered file.
    ///
    /// - Throws: `ContainerImagesError.configuration`; no value that may be secret is in it.
    public init(file path: String) throws(ContainerImagesError) {
        let bytes: [UInt8]
        do throws(SmallFileError) { bytes = try readSmallFile(path, maximumLength: 4 << 20) } catch {
            throw .configuration("'\(path)' \(error)")
        }
        try self.init(json: bytes, path: path)
    }

    /// Reads the file's bytes.
    ///
    /// - Parameter path: what errors call the file.
    /// - Throws: `ContainerImagesError.configuration`.
    public init(json bytes: [UInt8], path: String) throws(ContainerImagesError) {
        let json: JSONValue
        do throws(JSONError) { json = try JSONValue(parsing: bytes) } catch {
            // The error's text may quote a name or a number of the document, but no text of it.
            throw .configuration("'\(path)' is not JSON: \(error)")
        }
        guard json.members != nil else {
            throw .configuration("'\(path)' must be an object of settings, not a JSON \(json.kind)")
        }
        let reader = Reader(path: path)
        self.init(
            mirrors: try reader.mirrors(json),
            credentials: try reader.credentials(json),
            httpProxy: try reader.text("http-proxy", json),
            httpsProxy: try reader.text("https-proxy", json),
            noProxy: try reader.text("no-proxy", json).map {
                $0.split(separator: ",").map { String($0.filter { $0 != " " }) }.filter { !$0.isEmpty }
            } ?? [],
            authorities: try reader.text("certificates", json)
        )
    }

    /// The servers that may have the images of a registry, in the order in which they are asked; never none.
    ///
    /// As containerd's CRI reads mirrors: those of the registry, or else those of `*`; at the end the registry itself,
    /// where it is not one of them already.
    ///
    /// - Throws: `ContainerImagesError.configuration` where a mirror's URL cannot be used.
    func endpoints(for registry: String) throws(ContainerImagesError) -> [RegistryEndpoint] {
        let texts = mirrors[registry] ?? mirrors["*"] ?? []
        var endpoints: [RegistryEndpoint] = []
        for text in texts {
            let endpoint = try RegistryEndpoint(text, registry: registry)
            if !endpoints.contains(endpoint) { endpoints.append(endpoint) }
        }
        if !endpoints.contains(where: { $0.host == registry.lowercased() }) {
            let own = RegistryEndpoint(registry: registry)
            if !endpoints.contains(own) { endpoints.append(own) }
        }
        return endpoints
    }

    private struct Reader {
        let path: String

        func wrong(_ name: String, _ reason: String) -> ContainerImagesError {
            .configuration("'\(path)': '\(name)' \(reason)")
        }

        func text(_ name: String, _ json: JSONValue, place: String = "") throws(ContainerImagesError)
            -> String?
        {
            guard let value = json[name], value != .null else { return nil }
            guard let text = value.string else { throw wrong(place + name, "is no text") }
            return text.isEmpty ? nil : text
        }

        private func list(_ name: String, _ json: JSONValue) throws(ContainerImagesError) -> [JSONValue] {
            guard let value = json[name], value != .null else { return [] }
            guard let elements = value.elements, elements.allSatisfy({ $0.members != nil }) else {
                throw wrong(name, "is no list of objects")
            }
            return elements
        }

        func mirrors(_ json: JSONValue) throws(ContainerImagesError) -> [String: [String]] {
            var mirrors: [String: [String]] = [:]
            for (index, element) in try list("mirrors", json).enumerated() {
                let place = "mirrors[\(index)]."
                guard let registry = try text("registry", element, place: place) else {
                    throw wrong("\(place)registry", "is missing")
                }
                guard let urls = element["endpoint"]?.elements?.map(\.string), !urls.contains(nil) else {
                    throw wrong("\(place)endpoint", "is no list of texts")
                }
                let name = registry == "_default" ? "*" : registry
                for case let url? in urls where mirrors[name]?.contains(url) != true {
                    mirrors[name, default: []].append(url)
                }
            }
            return mirrors
        }

        func credentials(_ json: JSONValue) throws(ContainerImagesError) -> [String: RegistryCredential] {
            var credentials: [String: RegistryCredential] = [:]
            for (index, element) in try list("credentials", json).enumerated() {
                let place = "credentials[\(index)]."
                guard let registry = try text("registry", element, place: place) else {
                    throw wrong("\(place)registry", "is missing")
                }
                let credential: RegistryCredential
                if let user = try text("username", element, place: place) {
                    let password = try text("password", element, place: place)
                    credential = .password(user: user, password: password ?? "")
                } else if let token = try text("identitytoken", element, place: place) {
                    credential = .identityToken(token)
                } else if let auth = try text("auth", element, place: place) {
                    guard let pair = RegistryCredential(auth: auth) else {
                        throw wrong("\(place)auth", "is no Base64 of a name, a colon and a password")
                    }
                    credential = pair
                } else {
                    throw wrong("credentials[\(index)]", "has no username, auth or identitytoken")
                }
                credentials[RegistryEndpoint.server(of: registry).lowercased()] = credential
            }
            return credentials
        }
    }
}
