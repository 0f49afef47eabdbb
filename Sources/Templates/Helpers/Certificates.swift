internal import JSON
internal import SettingsModel

/// Certificates of authorities.
let certificateHelpers: [String: Helper] = [
    // `ca_bundle bundle settings.pki`: the certificates of a PEM text (RFC 7468) and of the bundles of `pki` that are
    // trusted, each once, without those of bundles that are not trusted (as in Bottlerocket, one that does not say so
    // is not). Nothing but certificates is taken over: no key, no text, and no damaged block that would hide others.
    // A bundle that is none, which the settings do not accept, is left out: it must not cost the image's own.
    "ca_bundle": Helper(2) { arguments throws(HelperError) in
        guard let image = PEMCertificates.certificates(inPEM: try arguments.text(0)), !image.isEmpty else {
            throw HelperError(
                "\(arguments.name(0)) must have PEM certificates, each from its BEGIN to its END line"
            )
        }
        var trusted = image
        var refused: Set<String> = []
        for (_, bundle) in try arguments.members(1).sorted(by: { $0.key < $1.key }) {
            guard let found = bundle["data"]?.string.flatMap({ PEMCertificates($0) })?.certificates else {
                continue
            }
            if bundle["trusted"] == .bool(true) { trusted += found } else { refused.formUnion(found) }
        }
        return .string(trusted.filter { refused.insert($0).inserted }.joined())
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
