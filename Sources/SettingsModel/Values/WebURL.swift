/// The parts of `scheme://[user@]host[:port][/path][?query]` (RFC 3986, without fragments), or nil.
struct WebURLParts {
    var scheme: Substring
    var userInfo: Substring?
    var host: Substring
    var port: Substring?
    /// What follows the host and port: empty, or begins with '/' or '?'.
    var rest: Substring

    init?(_ text: Substring) {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { return nil }
        scheme = text[..<colon]
        let after = text.index(colon, offsetBy: 3)
        let end = text[after...].firstIndex { $0 == "/" || $0 == "?" } ?? text.endIndex
        rest = text[end...]
        var authority = text[after..<end]
        if let at = authority.lastIndex(of: "@") {
            userInfo = authority[..<at]
            authority = authority[authority.index(after: at)...]
        }
        guard let (host, port) = Self.hostAndPort(authority) else { return nil }
        (self.host, self.port) = (host, port)
    }

    /// Takes `host`, `host:port`, `[IPv6]` or `[IPv6]:port` apart; nil for anything else.
    static func hostAndPort(_ text: Substring) -> (host: Substring, port: Substring?)? {
        var host = text
        var port: Substring?
        if let colon = text.lastIndex(of: ":"), text[colon...].firstIndex(of: "]") == nil {
            host = text[..<colon]
            let number = text[text.index(after: colon)...]
            guard number.isNumber(in: 1...65535) else { return nil }
            port = number
        }
        if host.first == "[" {
            guard host.last == "]", IPv6Address(String(host.dropFirst().dropLast())) != nil else {
                return nil
            }
        } else {
            guard HostName(String(host)) != nil else { return nil }
        }
        return (host, port)
    }

    /// Whether a text has only characters that may stand in a path or a query, and whole percent escapes.
    static func isEncoded(_ text: Substring, also extra: StaticString) -> Bool {
        var bytes = text.utf8.makeIterator()
        while let byte = bytes.next() {
            if byte == UInt8(ascii: "%") {
                guard bytes.next()?.isHexDigit == true, bytes.next()?.isHexDigit == true else { return false }
            } else if !(byte.isAlphanumeric || byte.isOne(of: "-._~!$&'()*+,;=:@") || byte.isOne(of: extra)) {
                return false
            }
        }
        return true
    }
}

/// An http or https URL, without user name, password and fragment.
public struct WebURL: TextSetting, Hashable {
    /// The URL, as it was given.
    public let text: String

    /// Takes a URL; nil for anything else.
    public init?(_ text: String) {
        guard text.utf8.count <= 2048, let parts = WebURLParts(text[...]),
            parts.scheme == "http" || parts.scheme == "https", parts.userInfo == nil,
            WebURLParts.isEncoded(parts.rest, also: "/?")
        else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        let path = "(?:[/?](?:\(Pattern.urlCharacters)|[/?])*)?"
        return ValueShape(
            name: "URL",
            allowed:
                "a URL such as https://example.org/path: http or https, no user name, no fragment, 2048 characters at most",
            form: .text(
                pattern: Pattern.whole("https?://\(Pattern.urlHost)(?::\(Pattern.port))?\(path)"),
                length: 8...2048
            )
        )
    }
}

/// A web proxy: a URL of a host, perhaps with user name and password; the scheme may be left out.
public struct ProxyURL: TextSetting, Hashable {
    /// The proxy, as it was given.
    public let text: String

    /// Takes a proxy; nil for anything else.
    public init?(_ text: String) {
        guard (1...1024).contains(text.utf8.count) else { return nil }
        let whole = text.contains("://") ? text : "http://\(text)"
        guard let parts = WebURLParts(whole[...]), parts.scheme == "http" || parts.scheme == "https",
            parts.rest.isEmpty || parts.rest == "/"
        else { return nil }
        if let user = parts.userInfo {
            guard !user.isEmpty, !user.contains("@"), WebURLParts.isEncoded(user, also: "") else {
                return nil
            }
        }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        let user = #"(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})+@)?"#
        return ValueShape(
            name: "proxy",
            allowed:
                "a proxy such as http://proxy.example.org:3128 or proxy.example.org:3128, perhaps with user:password@",
            form: .text(
                pattern: Pattern.whole("(?:https?://)?\(user)\(Pattern.urlHost)(?::\(Pattern.port))?/?"),
                length: 1...1024
            )
        )
    }
}

/// A host for which no proxy is used, as curl and Go read `no_proxy`.
public struct NoProxyEntry: TextSetting, Hashable {
    /// The entry.
    public let text: String

    /// Takes a host name, a domain with a dot in front of it, an address, a network, each perhaps with a port, or `*`.
    public init?(_ text: String) {
        guard (1...300).contains(text.utf8.count) else { return nil }
        let name =
            text.hasPrefix("*.") ? text.dropFirst(2) : text.hasPrefix(".") ? text.dropFirst() : text[...]
        let isName =
            WebURLParts.hostAndPort(name).map { host, _ in name.count == text.count || host.first != "[" }
            ?? false
        guard text == "*" || isName || IPv6Address(text) != nil || IPNetwork(text) != nil else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        let port = "(?::\(Pattern.port))?"
        return ValueShape(
            name: "no-proxy entry",
            allowed:
                "a host name, a domain such as .example.org, an IP address, a network such as 10.0.0.0/8, or *; perhaps with :port",
            form: .text(
                pattern: Pattern.whole(
                    #"\*|(?:\*?\.)?\#(Pattern.hostName)\#(port)|\[\#(Pattern.ipv6)\]\#(port)|\#(Pattern.ipv6)|\#(IPNetwork.pattern)"#
                ),
                length: 1...300
            )
        )
    }
}
