/// People, organisations and their pages, as SPDX writes them.
enum Agent {
    /// `Organization: NAME (ADDRESS)` or `Person: NAME (ADDRESS)` of a `Maintainer:` field; nil without a name.
    static func supplier(_ maintainer: String?) -> String? {
        guard let maintainer, maintainer.utf8.count <= 1000 else { return nil }
        var name = maintainer[...]
        var address = ""
        if let open = maintainer.lastIndex(of: "<"), let close = maintainer[open...].firstIndex(of: ">") {
            name = maintainer[..<open]
            address = String(maintainer[maintainer.index(after: open)..<close])
        }
        // Parentheses and control characters would break the one format SPDX has for this.
        let clean = String(name.filter { !"()\"<>".contains($0) && !$0.isNewline })
        let words = clean.split(whereSeparator: \.isWhitespace)
        guard !words.isEmpty else { return nil }
        let lower = clean.lowercased()
        let marks = ["team", "maintainer", "group", "developer", "project", "debian", "list", "packager"]
        let kind = marks.contains { lower.contains($0) } ? "Organization" : "Person"
        let isAddress =
            address.utf8.allSatisfy { (0x21...0x7E).contains($0) } && address.contains("@")
            && !address.contains { "()".contains($0) }
        return "\(kind): \(words.joined(separator: " "))" + (isAddress ? " (\(address))" : "")
    }

    /// A page's address if it is one; nil otherwise.
    static func homepage(_ text: String?) -> String? {
        guard let text, text.utf8.count <= 2000,
            let scheme = ["https://", "http://", "ftp://"].first(where: { text.hasPrefix($0) })
        else { return nil }
        let rest = text.dropFirst(scheme.count)
        let host = rest.prefix { !"/?#:".contains($0) }
        let isHost =
            host.contains(".")
            && host.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0)
                    || ".-".utf8.contains($0)
            }
        let isPlain = rest.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"\"<>\\^`{|}".utf8.contains($0) }
        return isHost && isPlain ? text : nil
    }
}
