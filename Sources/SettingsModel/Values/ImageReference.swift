/// A reference to a container image: `registry/path:tag@digest`, by the grammar of the OCI distribution project.
public struct ImageReference: TextSetting, Hashable {
    /// The reference.
    public let text: String

    /// Takes a reference; nil for anything else.
    public init?(_ text: String) {
        var name = text[...]
        if let at = name.firstIndex(of: "@") {
            guard Self.isDigest(name[name.index(after: at)...]) else { return nil }
            name = name[..<at]
        }
        let slash = name.lastIndex(of: "/") ?? name.startIndex
        if let colon = name[slash...].lastIndex(of: ":") {
            guard Self.isTag(name[name.index(after: colon)...]) else { return nil }
            name = name[..<colon]
        }
        guard name.utf8.count + Self.lengthOfWhatIsLeftOut(name) <= 255 else { return nil }
        // The ID of an image, which no registry is asked for.
        if text.utf8.count == 64, text.utf8.allSatisfy({ $0.isHexDigit }) { return nil }
        var path = name
        if let slash = name.firstIndex(of: "/"), Self.isDomain(name[..<slash]) {
            path = name[name.index(after: slash)...]
        }
        guard path.isList(separatedBy: "/", Self.isComponent) else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        let component = #"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"#
        let domain = "\(Pattern.urlHost)(?::\(Pattern.port))?"
        let digest = "sha256:[0-9a-f]{64}"
        return ValueShape(
            name: "image reference",
            allowed:
                "a reference to a container image such as registry.example.org/team/image:1.2 or image@sha256:<64 hex digits>",
            form: .text(
                pattern: Pattern.whole(
                    #"(?:\#(domain)/)?\#(component)(?:/\#(component))*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@\#(digest))?"#
                ),
                length: 1...520
            )
        )
    }

    /// The bytes of "docker.io/library/", where a name has no registry.
    private static func lengthOfWhatIsLeftOut(_ name: Substring) -> Int {
        let prefix = "docker.io/library/".utf8.count
        guard let slash = name.firstIndex(of: "/") else { return prefix }
        let first = name[..<slash]
        let isRegistry =
            first == "localhost" || first.contains { $0 == "." || $0 == ":" }
            || first.utf8.contains { $0.isUppercaseLetter }
        return isRegistry && !first.hasSuffix("docker.io") ? 0 : prefix
    }

    private static func isDomain(_ text: Substring) -> Bool { WebURLParts.hostAndPort(text) != nil }

    private static func isTag(_ text: Substring) -> Bool {
        text.consists(of: 1...128) { $0.isAlphanumeric || $0.isOne(of: "_.-") }
            && text.utf8.first?.isOne(of: ".-") == false
    }

    private static func isDigest(_ text: Substring) -> Bool {
        text.hasPrefix("sha256:")
            && text.dropFirst(7).consists(of: 64...64) { $0.isHexDigit && !$0.isUppercaseLetter }
    }

    /// Lower case letters and digits, between which stand '.', '_', '__' or any number of '-'.
    private static func isComponent(_ text: Substring) -> Bool {
        var separator: [UInt8] = []
        for byte in text.utf8 {
            if byte.isLowercaseLetter || byte.isDigit {
                separator = []
            } else {
                separator.append(byte)
                let isHyphens = separator.allSatisfy { $0 == UInt8(ascii: "-") }
                guard
                    isHyphens || separator == Array(".".utf8) || separator == Array("_".utf8)
                        || separator == Array("__".utf8)
                else { return false }
            }
        }
        return separator.isEmpty && text.utf8.first.map { $0.isLowercaseLetter || $0.isDigit } == true
    }
}
