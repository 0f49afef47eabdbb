import Hashing

/// A licence that SPDX has no identifier for, with its text.
struct ExtractedLicense: Sendable, Hashable {
    /// `LicenseRef-...`, the same for the same name and text.
    let identifier: String
    /// The name in the copyright file.
    let name: String
    /// The text as the copyright file has it.
    let text: String
}

/// The licences that a machine-readable copyright file declares (DEP-5, "copyright-format 1.0").
struct CopyrightFile: Sendable {
    /// Largest copyright file that is read, in bytes.
    static let sizeLimit = 4 << 20

    /// The SPDX expression over all files of the package; nil if none can be made.
    let expression: String?
    /// The licences in it that SPDX does not know.
    let extracted: [ExtractedLicense]

    /// Reads a copyright file; nil if it is not machine-readable.
    init?(_ bytes: [UInt8], package: String) {
        guard bytes.count <= Self.sizeLimit else { return nil }
        let paragraphs = Self.paragraphs(String(decoding: bytes, as: UTF8.self))
        guard let header = paragraphs.first, let format = header["format"]?.first,
            format.contains("copyright-format/1") || format.contains("dep5") || format.contains("dep/dep5")
        else { return nil }
        var texts: [String: String] = [:]
        var synopses: [String] = []
        for paragraph in paragraphs.dropFirst() {
            guard let license = paragraph["license"], let synopsis = license.first, !synopsis.isEmpty else {
                continue
            }
            let text = Self.text(of: license.dropFirst())
            if !text.isEmpty, texts[synopsis.lowercased()] == nil { texts[synopsis.lowercased()] = text }
            if paragraph["files"] != nil { synopses.append(synopsis) }
        }
        if synopses.isEmpty, let synopsis = header["license"]?.first, !synopsis.isEmpty {
            synopses.append(synopsis)
            let text = Self.text(of: (header["license"] ?? []).dropFirst())
            if !text.isEmpty { texts[synopsis.lowercased()] = text }
        }
        var extracted: [String: ExtractedLicense] = [:]
        let terms = Set(
            synopses.map { synopsis in
                LicenseExpression.spdx(of: synopsis) { name in
                    if let identifier = LicenseNames.identifier(of: name) { return identifier }
                    // A text under the whole synopsis serves each licence in it that has none of its own.
                    let text = texts[name.lowercased()] ?? texts[synopsis.lowercased()]
                    let license = Self.extracted(name: name, text: text, package: package)
                    extracted[license.identifier] = license
                    return license.identifier
                }
            }
        )
        expression = LicenseExpression.all(of: terms)
        self.extracted = extracted.values.sorted { $0.identifier < $1.identifier }
    }

    private static func extracted(name: String, text: String?, package: String) -> ExtractedLicense {
        let text =
            text
            ?? "The copyright file of Debian package \(package) names this licence '\(name)' without its text."
        let word = name.utf8.prefix(48).map { byte -> UInt8 in
            let isPlain =
                (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x30...0x39).contains(byte) || byte == UInt8(ascii: ".")
            return isPlain ? byte : UInt8(ascii: "-")
        }
        let digest = SHA256Digest(hashing: name + "\n" + text).hex.prefix(12)
        return ExtractedLicense(
            identifier: "LicenseRef-\(String(decoding: word, as: UTF8.self))-\(digest)",
            name: name,
            text: text
        )
    }

    /// The text of a multi-line field: without the one space in front, and with empty lines for ` .`.
    private static func text(of lines: some Sequence<String>) -> String {
        lines.map { $0 == "." ? "" : $0 }.joined(separator: "\n")
    }

    /// The paragraphs of a deb822 text.
    ///
    /// Field names are in lower case; of each field there are the lines, the first of them trimmed. Comments and
    /// lines outside of fields are left out.
    static func paragraphs(_ text: String) -> [[String: [String]]] {
        var result: [[String: [String]]] = []
        var current: [String: [String]] = [:]
        var field: String?
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            if line.allSatisfy(\.isWhitespace) {
                if !current.isEmpty { result.append(current) }
                current = [:]
                field = nil
            } else if line.hasPrefix("#") {
                continue
            } else if line.hasPrefix(" ") || line.hasPrefix("\t") {
                guard let field else { continue }
                current[field, default: []].append(trimmedEnd(line.dropFirst()))
            } else if let colon = line.firstIndex(of: ":") {
                let name = line[..<colon].lowercased()
                field = name
                current[name] = [trimmedEnd(line[line.index(after: colon)...].drop(while: \.isWhitespace))]
            }
        }
        if !current.isEmpty { result.append(current) }
        return result
    }

    private static func trimmedEnd(_ text: Substring) -> String {
        var text = text
        while text.last?.isWhitespace ?? false { text.removeLast() }
        return String(text)
    }
}
