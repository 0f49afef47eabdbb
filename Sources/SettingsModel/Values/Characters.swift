/// ASCII as the grammars of names and addresses see it: bytes, so that look-alikes of Unicode are never taken for it.
extension UInt8 {
    var isDigit: Bool { (0x30...0x39).contains(self) }
    var isLowercaseLetter: Bool { (0x61...0x7a).contains(self) }
    var isUppercaseLetter: Bool { (0x41...0x5a).contains(self) }
    var isLetter: Bool { isLowercaseLetter || isUppercaseLetter }
    var isAlphanumeric: Bool { isLetter || isDigit }
    var isHexDigit: Bool { isDigit || (0x61...0x66).contains(self) || (0x41...0x46).contains(self) }

    /// Whether the byte is one of the ASCII characters of a text.
    func isOne(of characters: StaticString) -> Bool {
        characters.withUTF8Buffer { $0.contains(self) }
    }
}

extension StringProtocol {
    /// Whether the text has so many bytes, each of the wanted kind.
    func consists(of count: ClosedRange<Int>, _ isWanted: (UInt8) -> Bool) -> Bool {
        count.contains(utf8.count) && utf8.allSatisfy(isWanted)
    }

    /// Whether the text is made of parts of the wanted kind between separators; no part is empty.
    func isList(separatedBy separator: Character, _ isPart: (SubSequence) -> Bool) -> Bool {
        split(separator: separator, omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty && isPart($0) }
    }

    /// A DNS label (RFC 1123, section 2.1): 1 to 63 letters, digits and inner hyphens.
    var isDNSLabel: Bool {
        consists(of: 1...63) { $0.isAlphanumeric || $0 == 0x2d } && first != "-" && last != "-"
    }

    /// A decimal number without sign and without needless zeros, in a range.
    func isNumber(in range: ClosedRange<Int>) -> Bool {
        guard consists(of: 1...18, \.isDigit), utf8.count == 1 || utf8.first != 0x30, let number = Int(self)
        else { return false }
        return range.contains(number)
    }

    /// The text without control characters and line separators, which could end a line of a configuration file.
    var isSingleLine: Bool {
        unicodeScalars.allSatisfy {
            !(0..<0x20).contains($0.value) && !(0x7f...0x9f).contains($0.value)
                && !(0x2028...0x2029).contains($0.value)
        }
    }
}

/// Parts of patterns (ECMA-262) that several types share.
enum Pattern {
    static let dnsLabel = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    static let hostName = #"\#(dnsLabel)(?:\.\#(dnsLabel))*"#
    static let octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
    static let ipv4 = #"(?:\#(octet)\.){3}\#(octet)"#
    static let port =
        "(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
    static let singleLine = #"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*"#

    /// All forms of RFC 4291, section 2.2: eight groups, or fewer with one '::', the last two perhaps as IPv4.
    static let ipv6: String = {
        let group = "[0-9A-Fa-f]{1,4}"
        let last = "(?:\(group):\(group)|\(ipv4))"
        var forms = ["(?:\(group):){6}\(last)", "::(?:\(group):){5}\(last)"]
        for before in 0...4 {
            let head = before == 0 ? "(?:\(group))?" : "(?:(?:\(group):){0,\(before)}\(group))?"
            forms.append("\(head)::" + (before == 4 ? "" : "(?:\(group):){\(4 - before)}") + last)
        }
        forms.append("(?:(?:\(group):){0,5}\(group))?::\(group)")
        forms.append("(?:(?:\(group):){0,6}\(group))?::")
        return "(?:\(forms.joined(separator: "|")))"
    }()
    static let ip = "(?:\(ipv4)|\(ipv6))"
    /// A host in a URL or in front of a port.
    static let urlHost = #"(?:\#(hostName)|\[\#(ipv6)\])"#
    /// Characters of a path, a query and of user data before '@' (RFC 3986), besides '/' and '?'.
    static let urlCharacters = #"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"#

    static func whole(_ pattern: String) -> String { "^(?:\(pattern))$" }
}
