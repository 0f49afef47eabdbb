internal import JSON

/// Certificates of authorities.
let certificateHelpers: [String: Helper] = [
    // `ca_bundle bundle settings.pki`: the certificates of a PEM text (RFC 7468) and of the bundles of `pki` that are
    // trusted, each once, without those of bundles that are not trusted (as in Bottlerocket, one that does not say so
    // is not). Nothing but certificates is taken over: no key, no text, and no damaged block that would hide others.
    "ca_bundle": Helper(2) { arguments throws(HelperError) in
        guard let image = certificates(in: try arguments.text(0)) else {
            throw HelperError(
                "\(arguments.name(0)) must have PEM certificates, each from its BEGIN to its END line"
            )
        }
        var trusted = image
        var refused: Set<String> = []
        for (name, bundle) in try arguments.members(1).sorted(by: { $0.key < $1.key }) {
            // A bundle without data says nothing yet.
            guard let data = bundle["data"]?.string else { continue }
            guard let bytes = base64Bytes(data),
                let found = certificates(in: String(decoding: bytes, as: UTF8.self))
            else {
                throw HelperError(
                    "pki.\(name.prefix(64)).data must be base64 of PEM certificates, from BEGIN to END line"
                )
            }
            if bundle["trusted"] == .bool(true) { trusted += found } else { refused.formUnion(found) }
        }
        var result = ""
        for certificate in trusted where refused.insert(certificate).inserted {
            result += "-----BEGIN CERTIFICATE-----\n" + certificate + "-----END CERTIFICATE-----\n"
        }
        return .string(result)
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

/// The certificates of a PEM text, as lines of 64 characters of base64; nil if there is none, or one is damaged.
private func certificates(in text: String) -> [String]? {
    var found: [String] = []
    var open: [UInt8]?
    for line in text.utf8.split(omittingEmptySubsequences: true, whereSeparator: { $0 == 0x0a || $0 == 0x0d })
    {
        var bytes = Array(line)
        while bytes.last?.isBlank == true { bytes.removeLast() }
        if bytes.elementsEqual("-----BEGIN CERTIFICATE-----".utf8) {
            guard open == nil else { return nil }
            open = []
        } else if bytes.elementsEqual("-----END CERTIFICATE-----".utf8) {
            // The smallest certificate has some hundred bytes; it is a DER sequence.
            guard let body = open, let certificate = base64Bytes(String(decoding: body, as: UTF8.self)),
                certificate.count > 64, certificate[0] == 0x30
            else { return nil }
            // One spelling for one certificate, so that they can be compared.
            found.append(
                stride(from: 0, to: body.count, by: 64)
                    .map { String(decoding: body[$0..<min($0 + 64, body.count)], as: UTF8.self) + "\n" }
                    .joined()
            )
            open = nil
        } else if open != nil {
            open?.append(contentsOf: bytes)
        }
    }
    return open == nil && !found.isEmpty ? found : nil
}
