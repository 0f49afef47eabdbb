/// An IPv4 address in dotted decimal notation, without leading zeros (RFC 6943, section 3.1.1).
public struct IPv4Address: TextSetting, Hashable {
    /// The four octets.
    public let octets: [UInt8]

    /// Takes an address; nil for anything else.
    public init?(_ text: String) {
        guard text.utf8.count <= 15 else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts.allSatisfy({ $0.isNumber(in: 0...255) }) else { return nil }
        octets = parts.compactMap { UInt8($0) }
    }

    /// The address in dotted decimal notation.
    public var text: String { octets.map(String.init).joined(separator: ".") }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "IPv4 address",
            allowed: "an IPv4 address such as 192.0.2.1",
            form: .text(pattern: Pattern.whole(Pattern.ipv4), length: 7...15)
        )
    }
}

/// An IPv6 address (RFC 4291, section 2.2), without a zone; stored as RFC 5952 writes it.
public struct IPv6Address: TextSetting, Hashable {
    /// The eight groups.
    public let groups: [UInt16]

    /// Takes an address; nil for anything else.
    public init?(_ text: String) {
        guard (2...45).contains(text.utf8.count) else { return nil }
        let halves = Self.halves(text)
        guard halves.count <= 2 else { return nil }
        var parts: [[UInt16]] = []
        for (index, half) in halves.enumerated() {
            guard let groups = Self.groups(half, mayEndWithIPv4: index == halves.count - 1) else {
                return nil
            }
            parts.append(groups)
        }
        let count = parts.reduce(0) { $0 + $1.count }
        guard let head = parts.first, let tail = parts.last else { return nil }
        if parts.count == 1 {
            guard count == 8 else { return nil }
            groups = head
        } else {
            guard count <= 7 else { return nil }
            groups = head + [UInt16](repeating: 0, count: 8 - count) + tail
        }
    }

    /// The address as RFC 5952 writes it: lower case, the longest run of zeros as '::'.
    public var text: String {
        var best = 0..<0
        var start: Int?
        for index in 0...8 {
            if index < 8, groups[index] == 0 {
                start = start ?? index
            } else if let first = start {
                if index - first > max(best.count, 1) { best = first..<index }
                start = nil
            }
        }
        let written = groups.map { String($0, radix: 16) }
        if groups.prefix(5).allSatisfy({ $0 == 0 }), groups[5] == 0xffff {
            let octets = groups[6...].flatMap { [$0 >> 8, $0 & 0xff] }
            return "::ffff:" + octets.map(String.init).joined(separator: ".")
        }
        guard !best.isEmpty else { return written.joined(separator: ":") }
        return written[..<best.lowerBound].joined(separator: ":") + "::"
            + written[best.upperBound...].joined(separator: ":")
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "IPv6 address",
            allowed: "an IPv6 address such as 2001:db8::1, without a zone",
            form: .text(pattern: Pattern.whole(Pattern.ipv6), length: 2...45)
        )
    }

    /// The texts before and after '::'; one, when there is none.
    private static func halves(_ text: String) -> [Substring] {
        let bytes = text.utf8
        var halves: [Substring] = []
        var start = text.startIndex
        var index = text.startIndex
        while index < text.endIndex {
            let next = bytes.index(after: index)
            if next < text.endIndex, bytes[index] == 0x3a, bytes[next] == 0x3a {
                halves.append(text[start..<index])
                start = bytes.index(after: next)
                index = start
            } else {
                index = next
            }
        }
        return halves + [text[start...]]
    }

    private static func groups(_ text: Substring, mayEndWithIPv4: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndWithIPv4, index == parts.count - 1, let address = IPv4Address(String(part)) {
                let octets = address.octets.map(UInt16.init)
                groups += [octets[0] << 8 | octets[1], octets[2] << 8 | octets[3]]
            } else {
                guard part.consists(of: 1...4, \.isHexDigit), let group = UInt16(part, radix: 16) else {
                    return nil
                }
                groups.append(group)
            }
        }
        return groups
    }
}

/// An IPv4 or an IPv6 address.
public struct IPAddress: TextSetting, Hashable {
    /// The address in its usual notation.
    public let text: String
    /// Its length in bits: 32 or 128.
    public let bitCount: Int

    /// Takes an address; nil for anything else.
    public init?(_ text: String) {
        if let address = IPv4Address(text) {
            (self.text, bitCount) = (address.text, 32)
        } else if let address = IPv6Address(text) {
            (self.text, bitCount) = (address.text, 128)
        } else {
            return nil
        }
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "IP address",
            allowed: "an IPv4 or IPv6 address such as 192.0.2.1 or 2001:db8::1",
            form: .text(pattern: Pattern.whole(Pattern.ip), length: 2...45)
        )
    }
}

/// A network in CIDR notation (RFC 4632, RFC 4291): an address and the length of its prefix.
public struct IPNetwork: TextSetting, Hashable {
    /// The address.
    public let address: IPAddress
    /// How many bits of it name the network.
    public let prefixLength: Int

    /// Takes a network; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(String(parts[0])),
            parts[1].isNumber(in: 0...address.bitCount), let length = Int(parts[1])
        else { return nil }
        self.address = address
        prefixLength = length
    }

    /// The network in CIDR notation.
    public var text: String { "\(address)/\(prefixLength)" }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "IP network",
            allowed: "a network in CIDR notation such as 10.0.0.0/8 or 2001:db8::/32",
            form: .text(pattern: Pattern.whole(pattern), length: 4...49)
        )
    }

    static let pattern =
        "\(Pattern.ipv4)/(?:3[0-2]|[12]?[0-9])|\(Pattern.ipv6)/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])"
}
