/// The name of a host: labels of letters, digits and hyphens, separated by dots (RFC 952, RFC 1123, section 2.1).
public struct HostName: TextSetting, Hashable {
    /// The name, in lower case.
    public let text: String

    /// Takes a host name; nil for anything else.
    public init?(_ text: String) {
        guard (1...253).contains(text.utf8.count) else { return nil }
        for label in text.split(separator: ".", omittingEmptySubsequences: false) {
            guard (1...63).contains(label.utf8.count), label.first != "-", label.last != "-",
                label.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHostNameCharacter })
            else { return nil }
        }
        self.text = text.lowercased()
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "host name",
            allowed:
                "a host name: labels of 1 to 63 letters, digits and '-', separated by dots, 253 characters at most",
            form: .text(
                pattern:
                    #"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$"#,
                length: 1...253
            )
        )
    }
}

extension Character {
    fileprivate var isHostNameCharacter: Bool { isASCII && (isLetter || isNumber || self == "-") }
}
