/// A time server or another host: a host name or an IP address.
public struct HostAddress: TextSetting, Hashable {
    /// The host.
    public let text: String

    /// Takes a host name or an address; nil for anything else.
    public init?(_ text: String) {
        guard let host = IPAddress(text)?.text ?? HostName(text)?.text else { return nil }
        self.text = host
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "host",
            allowed: "a host name or an IP address, such as time.example.org or 192.0.2.1",
            form: .text(pattern: Pattern.whole("\(Pattern.hostName)|\(Pattern.ipv6)"), length: 1...253)
        )
    }
}

/// A host with a port that may be left out, as in `docker swarm join`.
public struct HostPort: TextSetting, Hashable {
    /// The host and perhaps the port.
    public let text: String

    /// Takes a host name or an address (IPv6 in brackets), perhaps with a port; nil for anything else.
    public init?(_ text: String) {
        guard text.utf8.count <= 259, WebURLParts.hostAndPort(text[...]) != nil else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "host and port",
            allowed:
                "a host name or an IP address, perhaps with a port: 192.0.2.1:2377 or [2001:db8::1]:2377",
            form: .text(pattern: Pattern.whole("\(Pattern.urlHost)(?::\(Pattern.port))?"), length: 1...259)
        )
    }
}

/// An address of this host: an IP address or the name of an interface, perhaps with a port.
public struct LocalAddress: TextSetting, Hashable {
    /// The address.
    public let text: String

    /// Takes an address or an interface; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let isInterface =
            parts.count <= 2 && Self.isInterface(parts[0])
            && (parts.count == 1 || parts[1].isNumber(in: 1...65535))
        let isBracketed = text.utf8.first == UInt8(ascii: "[") && WebURLParts.hostAndPort(text[...]) != nil
        guard isInterface || isBracketed || IPv6Address(text) != nil else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        let port = "(?::\(Pattern.port))?"
        return ValueShape(
            name: "local address",
            allowed:
                "an IP address or the name of a network interface, perhaps with a port: eth0, 192.0.2.1:2377",
            form: .text(
                pattern: Pattern.whole(
                    #"[A-Za-z0-9][A-Za-z0-9._-]{0,14}\#(port)|\[\#(Pattern.ipv6)\]\#(port)|\#(Pattern.ipv6)"#
                ),
                length: 1...53
            )
        )
    }

    /// A name that the kernel's dev_valid_name takes, and that needs no quoting anywhere; IPv4 addresses look like it.
    private static func isInterface(_ text: Substring) -> Bool {
        text.consists(of: 1...15) { $0.isAlphanumeric || $0.isOne(of: "._-") }
            && text.utf8.first?.isAlphanumeric == true
    }
}

/// The host of a container registry: `docker.io`, `localhost:5000`, or `*` for all others.
public struct RegistryName: TextSetting, Hashable {
    /// The registry.
    public let text: String

    /// Takes a registry; nil for anything else.
    ///
    /// An IPv6 address needs a name: containerd's reader of TOML misreads table names with brackets.
    public init?(_ text: String) {
        guard text.utf8.count <= 259,
            text == "*" || text == "_default"
                || text.utf8.first != UInt8(ascii: "[") && WebURLParts.hostAndPort(text[...]) != nil
        else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "registry",
            allowed:
                "the host of a registry, perhaps with a port, such as docker.io or localhost:5000; * (or _default) for all others",
            form: .text(
                pattern: Pattern.whole(#"\*|_default|\#(Pattern.hostName)(?::\#(Pattern.port))?"#),
                length: 1...259
            )
        )
    }
}
