/// Which hosts are reached without the proxy.
///
/// Read as curl reads `no_proxy`: a host name stands for itself and for the names below it, with or without a leading
/// dot or `*.`; an address or a network (10.0.0.0/8, fd00::/8) for hosts written as addresses; "*" for all. A name or an
/// address may have a port (`host:8080`, `[fd00::1]:8080`) and stands for that port alone, as Go reads it. Names are
/// never resolved for this.
struct NoProxy: Sendable {
    private enum Place {
        case all
        case domain(String)
        case network(IPAddress, bits: Int)
    }

    /// Hosts, and the only port of theirs that is meant; nil for every port.
    private let entries: [(place: Place, port: Int?)]

    init(_ texts: [String]) throws(FetchError) {
        var entries: [(place: Place, port: Int?)] = []
        for text in texts {
            let (word, port) = Self.withoutPort(text.lowercased())
            let parts = word.split(separator: "/", omittingEmptySubsequences: false)
            let name = parts.first.map(String.init) ?? ""
            let bare = name.hasPrefix("[") && name.hasSuffix("]") ? String(name.dropFirst().dropLast()) : name
            if word == "*", port == nil {
                entries.append((.all, port))
            } else if let address = IPAddress(bare), parts.count == 1 || parts.count == 2 && port == nil {
                let all = address.bytes.count * 8
                guard let bits = parts.count == 2 ? Int(parts[1]) : all, (0...all).contains(bits) else {
                    throw .configuration(
                        "'\(text)' of the no-proxy list has no prefix length from 0 to \(all)"
                    )
                }
                entries.append((.network(address, bits: bits), port))
            } else {
                let domain = Self.withoutDots(word.hasPrefix("*.") ? String(word.dropFirst()) : word)
                guard !domain.isEmpty, parts.count == 1, !domain.contains(":"), !domain.contains("*") else {
                    throw .configuration(
                        "'\(text)' of the no-proxy list is no host, domain, address or network: correct it"
                    )
                }
                entries.append((.domain(domain), port))
            }
        }
        self.entries = entries
    }

    /// Whether a URL is reached without the proxy.
    func contains(_ url: FetchURL) -> Bool { contains(url.host, port: url.port) }

    /// Whether a port of a host, as it stands in a URL, is reached without the proxy.
    func contains(_ host: String, port: Int) -> Bool {
        let address = IPAddress(host)
        let name = Self.withoutDots(host)
        return entries.contains { entry in
            guard entry.port == nil || entry.port == port else { return false }
            return switch entry.place {
            case .all: true
            case .domain(let domain): address == nil && (name == domain || name.hasSuffix("." + domain))
            case .network(let network, let bits): address?.isIn(network, bits: bits) ?? false
            }
        }
    }

    /// Takes the port from `host:port` or `[address]:port`; an address of IPv6 without brackets has none.
    private static func withoutPort(_ word: String) -> (word: String, port: Int?) {
        guard let colon = word.lastIndex(of: ":"), IPAddress(word) == nil else { return (word, nil) }
        let host = word[..<colon]
        let digits = word[word.index(after: colon)...]
        guard !host.isEmpty, host.hasSuffix("]") || !host.contains(":"), digits.utf8.count <= 5,
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(digits),
            (1...65535).contains(port)
        else { return (word, nil) }
        return (String(host), port)
    }

    /// Without one leading and one trailing dot.
    private static func withoutDots(_ name: String) -> String {
        let tail = name.hasPrefix(".") ? name.dropFirst() : name[...]
        return String(tail.hasSuffix(".") ? tail.dropLast() : tail)
    }
}
