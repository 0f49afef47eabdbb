/// Which hosts are reached without the proxy.
///
/// Read as curl reads `no_proxy`: a host name stands for itself and for the names below it, with or without a leading
/// dot; an address or a network (10.0.0.0/8, fd00::/8) for hosts written as addresses; "*" for all. Names are never
/// resolved for this.
struct NoProxy: Sendable {
    private enum Entry {
        case all
        case domain(String)
        case network(IPAddress, bits: Int)
    }

    private let entries: [Entry]

    init(_ texts: [String]) throws(FetchError) {
        var entries: [Entry] = []
        for text in texts {
            let word = text.lowercased()
            let parts = word.split(separator: "/", omittingEmptySubsequences: false)
            let name = parts.first.map(String.init) ?? ""
            let bare = name.hasPrefix("[") && name.hasSuffix("]") ? String(name.dropFirst().dropLast()) : name
            if word == "*" {
                entries.append(.all)
            } else if let address = IPAddress(bare), parts.count <= 2 {
                let all = address.bytes.count * 8
                guard let bits = parts.count == 2 ? Int(parts[1]) : all, (0...all).contains(bits) else {
                    throw .configuration(
                        "'\(text)' of the no-proxy list has no prefix length from 0 to \(all)"
                    )
                }
                entries.append(.network(address, bits: bits))
            } else {
                let domain = Self.withoutDots(word)
                guard !domain.isEmpty, parts.count == 1, !domain.contains(":"), !domain.contains("*") else {
                    throw .configuration(
                        "'\(text)' of the no-proxy list is no host, domain, address or network: correct it"
                    )
                }
                entries.append(.domain(domain))
            }
        }
        self.entries = entries
    }

    /// Whether a host, as it stands in a URL, is reached without the proxy.
    func contains(_ host: String) -> Bool {
        let address = IPAddress(host)
        let name = Self.withoutDots(host)
        return entries.contains { entry in
            switch entry {
            case .all: true
            case .domain(let domain): address == nil && (name == domain || name.hasSuffix("." + domain))
            case .network(let network, let bits): address?.isIn(network, bits: bits) ?? false
            }
        }
    }

    /// Without one leading and one trailing dot.
    private static func withoutDots(_ name: String) -> String {
        let tail = name.hasPrefix(".") ? name.dropFirst() : name[...]
        return String(tail.hasSuffix(".") ? tail.dropLast() : tail)
    }
}
