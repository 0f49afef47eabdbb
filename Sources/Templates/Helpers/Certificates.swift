internal import JSON

/// Certificates of authorities.
let certificateHelpers: [String: Helper] = [
    // `pem_certificates x`: the certificates of a bundle (RFC 7468) that is given as base64, and nothing else of it:
    // a bundle that is cut off, or has a private key in it, does not spoil the file it is joined to.
    "pem_certificates": Helper(1) { arguments throws(HelperError) in
        guard let bytes = base64Bytes(try arguments.text(0)) else {
            throw HelperError("\(arguments.name(0)) is not base64: encode the bundle again")
        }
        guard let text = certificates(in: String(decoding: bytes, as: UTF8.self)) else {
            throw HelperError(
                "\(arguments.name(0)) must be base64 of PEM certificates, each from its BEGIN to its END line"
            )
        }
        return .string(text)
    }
]

/// `file_contents "/usr/..."`: the text of a file of the image, which is the same for all hosts of a version.
func fileContents(_ read: @escaping @Sendable (String) throws(HelperError) -> String) -> Helper {
    Helper(1) { arguments throws(HelperError) in
        let path = try arguments.text(0)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        // Only the verified root: a setting must not be able to name a file of the state or data partition.
        guard path.hasPrefix("/usr/"), !parts.contains(".."), !path.utf8.contains(0) else {
            throw HelperError("\(arguments.name(0)) must be a path below /usr, without '..'")
        }
        return .string(try read(path))
    }
}

/// The certificates of a PEM text, each with a line feed behind it; nil if there is none, or one is damaged.
private func certificates(in text: String) -> String? {
    var result = ""
    var open: [Substring]?
    // Character by character "\r\n" is one, and `isNewline` knows it.
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
        let trimmed = line.reversed().drop(while: \.isWhitespace).reversed()
        let line = Substring(String(trimmed))
        if line == "-----BEGIN CERTIFICATE-----" {
            guard open == nil else { return nil }
            open = []
        } else if line == "-----END CERTIFICATE-----" {
            guard let lines = open, let bytes = base64Bytes(lines.joined()), bytes.count > 64 else {
                return nil
            }
            result += "-----BEGIN CERTIFICATE-----\n"
            result += lines.filter { !$0.isEmpty }.joined(separator: "\n")
            result += "\n-----END CERTIFICATE-----\n"
            open = nil
        } else if open != nil {
            open?.append(line)
        }
    }
    return open == nil && !result.isEmpty ? result : nil
}
