internal import OCI

/// A server that speaks the distribution protocol for a registry: the registry itself, or a mirror of it.
struct RegistryEndpoint: Sendable, Hashable {
    let isSecure: Bool
    /// Host and port, as they stand in URLs, in lower case.
    let host: String
    /// What stands in front of `/REPOSITORY/manifests/…`: `/v2`, or what a mirror's URL says instead.
    let path: String
    /// What the server must be told where it is a mirror of several registries; nil for the registry itself.
    let namespace: String?

    /// The registry itself: https, and http only where it is this machine.
    init(registry: String) {
        host = Self.server(of: registry).lowercased()
        isSecure = !Self.isLoopback(host)
        path = "/v2"
        namespace = nil
    }

    /// A mirror of a registry.
    ///
    /// A path in the URL stands in place of `/v2`, as containerd has it: `https://mirror.example.org/v2/hub`.
    ///
    /// - Throws: `ContainerImagesError.configuration`.
    init(_ url: String, registry: String) throws(ContainerImagesError) {
        let loopback = Self.isLoopback(url.lowercased().prefix { $0 != "/" })
        let whole = url.contains("://") ? url : (loopback ? "http://" : "https://") + url
        guard let colon = whole.firstIndex(of: ":"), whole[colon...].hasPrefix("://"),
            let scheme = Optional(whole[..<colon].lowercased()), scheme == "https" || scheme == "http"
        else { throw Self.wrong(url, "it begins with neither https:// nor http://") }
        let rest = whole[whole.index(colon, offsetBy: 3)...]
        let host = rest.prefix { !"/?#".contains($0) }.lowercased()
        guard !host.isEmpty, host.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Self.wrong(url, "it has no host")
        }
        guard !host.contains("@") else {
            throw .configuration(
                "the URL of a mirror of '\(registry)' has a user name in it: set container-registry.credentials for its host"
            )
        }
        var path = rest.dropFirst(host.utf8.count).prefix { !"?#".contains($0) }
        while path.hasSuffix("/") { path = path.dropLast() }
        isSecure = scheme == "https"
        self.host = host
        self.path = path.isEmpty ? "/v2" : String(path)
        namespace = host == Self.server(of: registry).lowercased() ? nil : registry
    }

    /// The server of a registry; only docker.io's has another name.
    static func server(of registry: String) -> String {
        ["docker.io", "index.docker.io"].contains(registry) ? "registry-1.docker.io" : registry
    }

    /// The URL of something in a repository.
    func url(_ repository: String, _ rest: String) -> String {
        let query = namespace.map { "?ns=\($0)" } ?? ""
        return "\(isSecure ? "https" : "http")://\(host)\(path)/\(repository)/\(rest)\(query)"
    }

    private static func wrong(_ url: String, _ reason: String) -> ContainerImagesError {
        .configuration(
            "the mirror '\(url.prefix(200))' cannot be used: \(reason); correct container-registry.mirrors"
        )
    }

    /// Whether a host, perhaps with a port, is this machine.
    private static func isLoopback(_ host: some StringProtocol) -> Bool {
        if host.hasPrefix("[::1]") { return true }
        let name = host.prefix { $0 != ":" }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return name == "localhost"
            || parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
