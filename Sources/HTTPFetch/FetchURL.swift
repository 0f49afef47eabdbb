/// A URL that can be fetched: http, https or file.
///
/// As strict as it can be without refusing what servers and people really write (RFC 3986): ASCII only, no blanks, no
/// fragment sent. Its text never shows the password.
struct FetchURL: Hashable, Sendable, CustomStringConvertible {
    enum Scheme: String {
        case http
        case https
        case file
    }

    static let lengthLimit = 8192

    let scheme: Scheme
    /// User name and password, decoded; empty where the URL names none.
    let user: String
    let password: String
    /// In lower case; IPv6 addresses without their brackets.
    let host: String
    let port: Int
    /// The path and the query, beginning with "/".
    let target: String

    /// Reads a URL.
    init(_ text: String) throws(FetchFailure) {
        guard text.utf8.count <= Self.lengthLimit else { throw .invalidURL("it is longer than 8192 bytes") }
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw .invalidURL("it has blanks or characters that are not ASCII: percent-encode them")
        }
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://"),
            let scheme = Scheme(rawValue: text[..<colon].lowercased())
        else { throw .invalidURL("it does not begin with https://, http:// or file://") }
        let rest = text[text.index(colon, offsetBy: 3)...]
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        var target = String(rest[end...].prefix { $0 != "#" })
        if !target.hasPrefix("/") { target = "/" + target }
        var authority = rest[..<end]
        var user = ""
        var password = ""
        if let at = authority.lastIndex(of: "@") {
            let parts = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(parts[0]),
                let word = parts.count == 2 ? Self.decoded(parts[1]) : ""
            else { throw .invalidURL("its user or password has a wrong percent-encoding") }
            (user, password) = (name, word)
            authority = authority[authority.index(after: at)...]
        }
        (host, port) = try Self.hostAndPort(authority, scheme)
        self.scheme = scheme
        self.user = user
        self.password = password
        self.target = target
    }

    private init(_ base: FetchURL, target: String) {
        (scheme, user, password) = (base.scheme, base.user, base.password)
        (host, port) = (base.host, base.port)
        self.target = target
    }

    private static func hostAndPort(
        _ authority: Substring,
        _ scheme: Scheme
    ) throws(FetchFailure) -> (String, Int) {
        var host = authority
        var digits: Substring = ""
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]"),
                IPAddress(String(authority[authority.index(after: authority.startIndex)..<close])) != nil
            else { throw .invalidURL("what is in brackets is no IPv6 address") }
            host = authority[authority.index(after: authority.startIndex)..<close]
            let rest = authority[authority.index(after: close)...]
            guard rest.isEmpty || rest.hasPrefix(":") else {
                throw .invalidURL("something other than a port follows its host")
            }
            digits = rest.dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            digits = authority[authority.index(after: colon)...]
        }
        if scheme == .file {
            guard host.isEmpty || host == "localhost", digits.isEmpty else {
                throw .invalidURL("a file URL has three slashes (file:///path) and names no other host")
            }
            return ("", 0)
        }
        let allowed = host.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || "-._:".utf8.contains(byte)
        }
        guard !host.isEmpty, host.utf8.count <= 255, allowed else {
            throw .invalidURL("it has no valid host")
        }
        if digits.isEmpty { return (host.lowercased(), scheme == .http ? 80 : 443) }
        guard digits.utf8.count <= 5, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(digits), (1...65535).contains(port)
        else { throw .invalidURL("its port is no number from 1 to 65535") }
        return (host.lowercased(), port)
    }

    /// Text with its percent-encoding taken away; nil where that is broken, or gives control characters.
    static func decoded(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next(), let low = rest.next(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16), value >= 0x20,
                value != 0x7f
            else { return nil }
            bytes.append(value)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// What a redirect's `Location` names, seen from this URL; it keeps the credentials within the same origin.
    func resolve(_ reference: String) throws(FetchFailure) -> FetchURL {
        let reference = String(reference.prefix { $0 != "#" })
        if reference.hasPrefix("//") {
            return withCredentials(try FetchURL("\(scheme.rawValue):\(reference)"))
        }
        let beforeSlash = reference.prefix { !"/?".contains($0) }
        if beforeSlash.contains(":") { return withCredentials(try FetchURL(reference)) }
        let path = target.prefix { $0 != "?" }
        let joined: String
        if reference.hasPrefix("/") {
            joined = reference
        } else if reference.hasPrefix("?") {
            joined = path + reference
        } else {
            let slash = path.lastIndex(of: "/") ?? path.startIndex
            joined = path[...slash] + reference
        }
        // Checked like any other URL; dot segments are the server's business.
        let checked = try FetchURL("\(scheme.rawValue)://\(authority)\(joined)")
        return FetchURL(self, target: checked.target)
    }

    /// A URL with the credentials of this one, where they are meant for it and it names none itself.
    private func withCredentials(_ url: FetchURL) -> FetchURL {
        guard url.hasSameOrigin(as: self), url.user.isEmpty, url.password.isEmpty else { return url }
        return FetchURL(self, target: url.target)
    }

    /// Whether credentials for one are meant for the other as well.
    func hasSameOrigin(as other: FetchURL) -> Bool {
        (scheme, host, port) == (other.scheme, other.host, other.port)
    }

    /// Host and port as they stand in a URL and in a `Host` field: no port where it is the scheme's own.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        let usual = scheme == .http ? 80 : scheme == .https ? 443 : 0
        return port == usual ? name : "\(name):\(port)"
    }

    /// The URL without user and password.
    var description: String { "\(scheme.rawValue)://\(authority)\(target)" }
}
