/// A reference to an image by the grammar and the rules of distribution/reference, in its full form.
///
/// `nginx` is `docker.io/library/nginx:latest`. What stands before the first slash is a registry where it has a dot, a
/// colon or a capital letter, or is `localhost`. Two texts that mean the same image are equal values.
public struct ImageReference: Sendable, Hashable, CustomStringConvertible {
    /// The registry's host, perhaps with a port; `docker.io` where none was named.
    public let registry: String
    /// The path of the image in the registry.
    public let repository: String
    /// The tag; `latest` where neither a tag nor a digest was named.
    public let tag: String?
    /// The digest; where there is one, the tag says nothing of what is meant.
    public let digest: ContentDigest?

    /// The longest name (registry, slash and repository), in bytes.
    static let nameLimit = 255
    private static let tagLimit = 128

    /// Reads a reference.
    ///
    /// - Throws: `OCIError.badReference`.
    public init(parsing text: String) throws(OCIError) {
        func bad(_ reason: String) -> OCIError { .badReference(String(text.prefix(600)), reason: reason) }
        guard !text.isEmpty else { throw bad("it is empty") }
        // No name, tag or digest is longer; the reasons below need not look at more.
        guard text.utf8.count <= 520 else { throw bad("it is longer than 520 bytes") }
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw bad("it has blanks or characters that are not ASCII")
        }
        var name = text[...]
        var digest: ContentDigest?
        if let at = name.firstIndex(of: "@") {
            do { digest = try ContentDigest(parsing: name[name.index(after: at)...]) } catch {
                throw bad("its digest is not sha256: and 64 hexadecimal digits in lower case")
            }
            name = name[..<at]
        }
        var tag: String?
        let lastSlash = name.lastIndex(of: "/") ?? name.startIndex
        if let colon = name[lastSlash...].lastIndex(of: ":") {
            let word = name[name.index(after: colon)...]
            guard Self.isTag(word) else {
                throw bad(
                    "its tag must have 1 to 128 letters, digits, '_', '.' and '-', and no '.' or '-' in front"
                )
            }
            tag = String(word)
            name = name[..<colon]
        }
        var registry = "docker.io"
        var path = name
        if let slash = name.firstIndex(of: "/"), Self.looksLikeRegistry(name[..<slash]) {
            guard Self.isRegistry(name[..<slash]) else {
                throw bad("'\(name[..<slash])' is no host of a registry")
            }
            registry = String(name[..<slash])
            path = name[name.index(after: slash)...]
        }
        if registry == "index.docker.io" { registry = "docker.io" }
        guard path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(Self.isComponent) else {
            throw bad(
                "its path must be of lower case letters and digits, between which '.', '_', '__' or '-' may stand"
            )
        }
        guard text.utf8.count != 64 || !text.utf8.allSatisfy(Self.isHexDigit) else {
            throw bad("64 hexadecimal digits are an image's ID, and no registry is asked for one")
        }
        let isShort = registry == "docker.io" && !path.contains("/")
        let repository = isShort ? "library/\(path)" : String(path)
        guard registry.utf8.count + 1 + repository.utf8.count <= Self.nameLimit else {
            throw bad("its name is longer than \(Self.nameLimit) bytes")
        }
        self.registry = registry
        self.repository = repository
        self.tag = tag ?? (digest == nil ? "latest" : nil)
        self.digest = digest
    }

    /// Registry and repository, without tag and digest.
    public var name: String { "\(registry)/\(repository)" }

    /// The full form: what containerd names the image by.
    public var description: String {
        name + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
    }

    private static func looksLikeRegistry(_ text: Substring) -> Bool {
        text == "localhost" || text.contains { $0 == "." || $0 == ":" }
            || text.utf8.contains { (0x41...0x5a).contains($0) }
    }

    /// A name or an address, IPv6 in brackets, and perhaps a port.
    private static func isRegistry(_ text: Substring) -> Bool {
        var host = text
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else { return false }
            let address = text[text.index(after: text.startIndex)..<close]
            let rest = text[text.index(after: close)...]
            return address.utf8.count >= 2 && address.utf8.contains(0x3a)
                && address.utf8.allSatisfy { isHexDigit($0 | 0x20) || $0 == 0x3a }
                && (rest.isEmpty || rest.hasPrefix(":") && isPort(rest.dropFirst()))
        }
        if let colon = text.firstIndex(of: ":") {
            guard isPort(text[text.index(after: colon)...]) else { return false }
            host = text[..<colon]
        }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            guard let first = label.utf8.first, let last = label.utf8.last else { return false }
            return isAlphanumeric(first) && isAlphanumeric(last)
                && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2d }
        }
    }

    private static func isPort(_ text: Substring) -> Bool {
        (1...5).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
            && (1...65535).contains(Int(text) ?? 0)
    }

    private static func isTag(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= tagLimit else { return false }
        return (isAlphanumeric(first) || first == 0x5f)
            && text.utf8.allSatisfy { isAlphanumeric($0) || "_.-".utf8.contains($0) }
    }

    /// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
    private static func isComponent(_ text: Substring) -> Bool {
        var separator: [UInt8] = []
        var isEmpty = true
        for byte in text.utf8 {
            switch byte {
            case 0x61...0x7a, 0x30...0x39:
                (separator, isEmpty) = ([], false)
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                separator.append(byte)
                let isAllowed =
                    separator.count == 1 || separator == Array("__".utf8)
                    || separator.allSatisfy { $0 == UInt8(ascii: "-") }
                guard isAllowed, !isEmpty else { return false }
            default: return false
            }
        }
        return !isEmpty && separator.isEmpty
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }
}
