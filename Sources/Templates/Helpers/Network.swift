internal import JSON

/// Names and addresses.
let networkHelpers: [String: Helper] = [
    // `cidr_to_ipaddr "10.0.0.1/24"`: the address without the length of its prefix.
    "cidr_to_ipaddr": Helper(1) { arguments throws(HelperError) in
        let parts = try arguments.text(0).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let length = UInt8(parts[1]), isWord(String(parts[0])),
            length <= (parts[0].contains(":") ? 128 : 32), parts[0].contains(":") || parts[0].contains(".")
        else { throw HelperError("\(arguments.name(0)) must be an address with a prefix, as in 10.0.0.1/24") }
        return .string(String(parts[0]))
    },
    // `host url`: the host of an absolute URL, in lower case, without user and port; IPv6 addresses keep their brackets.
    "host": Helper(1) { arguments throws(HelperError) in
        guard let host = host(of: try arguments.text(0)) else {
            throw HelperError("\(arguments.name(0)) must be an absolute URL, as in https://example.com/path")
        }
        return .string(host)
    },
    // `localhost_aliases "ipv4" hostname hosts`: what stands behind "localhost" in /etc/hosts: the host's own name,
    // unless `hosts` gives it an address, and the names that `hosts` gives to the loopback address.
    // Bottlerocket also leaves the own name out when DNS has an address for it at that moment, so that the file depends
    // on the network at boot; ours does not ask the network.
    "localhost_aliases": Helper(3) { arguments throws(HelperError) in
        let loopback: String
        switch try arguments.text(0) {
        case "ipv4": loopback = "127.0.0.1"
        case "ipv6": loopback = "::1"
        default: throw arguments.refusal(0, "ipv4 or ipv6")
        }
        let entries = try hostEntries(arguments, 2)
        var names: [String] = []
        if let hostname = arguments[1] {
            guard let hostname = hostname.string, hostname.isEmpty || isWord(hostname) else {
                throw arguments.refusal(1, "a host name")
            }
            if !hostname.isEmpty, !entries.contains(where: { $0.names.contains(hostname) }) {
                names.append(hostname)
            }
        }
        names += entries.first { $0.address == loopback }?.names ?? []
        return .string(names.joined(separator: " "))
    },
    // `etc_hosts_entries hosts`: a line for each address in `hosts` but the loopback addresses; several entries of one
    // address become one line.
    "etc_hosts_entries": Helper(1) { arguments throws(HelperError) in
        let lines = try hostEntries(arguments, 0)
            .filter { $0.address != "127.0.0.1" && $0.address != "::1" }
            .map { ([$0.address] + $0.names).joined(separator: " ") }
        return .string(lines.joined(separator: "\n"))
    },
]

/// `network.hosts`, `[[address, [name, ...]], ...]`, with one entry an address, in the order of the list.
private func hostEntries(
    _ arguments: HelperArguments,
    _ index: Int
) throws(HelperError) -> [(address: String, names: [String])] {
    var entries: [(address: String, names: [String])] = []
    var places: [String: Int] = [:]
    for element in try arguments.list(index) {
        guard let pair = element.elements, pair.count == 2, let address = pair[0].string, isWord(address),
            let names = pair[1].elements
        else { throw arguments.refusal(index, "a list of [address, [name, ...]]") }
        let texts = names.compactMap(\.string).filter(isWord)
        guard texts.count == names.count else {
            throw arguments.refusal(index, "a list of [address, [name, ...]] with names of single words")
        }
        if let place = places[address] {
            entries[place].names += texts
        } else {
            places[address] = entries.count
            entries.append((address, texts))
        }
    }
    return entries
}

/// The host of an absolute URL (RFC 3986, section 3.2.2); nil where there is none.
private func host(of url: String) -> String? {
    guard let colon = url.firstIndex(of: ":"), let first = url.unicodeScalars.first,
        "a"..."z" ~= first || "A"..."Z" ~= first, url[colon...].hasPrefix("://")
    else { return nil }
    var authority = url[url.index(colon, offsetBy: 3)...].prefix { !"/?#".contains($0) }
    if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
    let host: Substring
    if authority.first == "[" {
        guard let end = authority.firstIndex(of: "]") else { return nil }
        host = authority[...end]
    } else {
        host = authority.prefix { $0 != ":" }
    }
    guard isWord(String(host)) else { return nil }
    return host.lowercased()
}
