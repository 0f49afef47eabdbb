/// The name of a host: labels of letters, digits and hyphens, separated by dots (RFC 952, RFC 1123, section 2.1).
public struct HostName: TextSetting, Hashable {
    /// The name, in lower case.
    public let text: String

    /// Takes a host name; nil for anything else.
    public init?(_ text: String) {
        guard text.utf8.count <= 253, text.isList(separatedBy: ".", \.isDNSLabel) else { return nil }
        self.text = text.lowercased()
    }

    /// The longest name that the kernel takes, in bytes (sethostname(2)): less than DNS allows.
    public static let kernelLimit = 64

    /// The name that the kernel is given: the whole one, or its first label where the whole one is too long for it.
    public var kernelName: String {
        text.utf8.count <= Self.kernelLimit ? text : String(text.prefix { $0 != "." })
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "host name",
            allowed:
                "a host name: labels of 1 to 63 letters, digits and inner '-', separated by dots, 253 characters at most",
            form: .text(pattern: Pattern.whole(Pattern.hostName), length: 1...253)
        )
    }
}

/// A domain: like a host name, but '_' may stand in labels, and a dot at the end is allowed and dropped.
public struct DomainName: TextSetting, Hashable {
    /// The name, in lower case, without a dot at its end.
    public let text: String

    /// Takes a domain name; nil for anything else.
    public init?(_ text: String) {
        let name = text.utf8.last == UInt8(ascii: ".") ? text.dropLast() : text[...]
        guard name.utf8.count <= 253, name.isList(separatedBy: ".", Self.isLabel) else { return nil }
        self.text = name.lowercased()
    }

    /// What is allowed.
    public static var shape: ValueShape {
        let label = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
        return ValueShape(
            name: "domain name",
            allowed:
                "a domain: labels of 1 to 63 letters, digits, '_' and inner '-', separated by dots, 253 characters at most",
            form: .text(pattern: Pattern.whole(#"\#(label)(?:\.\#(label))*\.?"#), length: 1...254)
        )
    }

    private static func isLabel(_ label: Substring) -> Bool {
        label.consists(of: 1...63) { $0.isAlphanumeric || $0.isOne(of: "-_") }
            && label.utf8.first != UInt8(ascii: "-") && label.utf8.last != UInt8(ascii: "-")
    }
}
