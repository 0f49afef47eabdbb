import FileTree

/// The bundle of trusted certificate authorities, which update-ca-certificates(8) would make.
enum Certificates {
    /// The image's own bundle; where settings add authorities, a feature renders both into `place`.
    static let imageBundle = "/usr/share/bulkhead/ca-certificates.crt"
    /// Where programs look.
    static let place = "/etc/ssl/certs/ca-certificates.crt"

    static func bundle(in tree: inout FileTree) throws {
        let source = "/usr/share/ca-certificates/mozilla"
        var bundle: [UInt8] = []
        for name in tree.children(of: source) where name.hasSuffix(".crt") {
            guard let content = tree.content(at: "\(source)/\(name)") else { continue }
            bundle += try content.bytes(limit: 1 << 20)
            if bundle.last != UInt8(ascii: "\n") { bundle.append(UInt8(ascii: "\n")) }
        }
        guard !bundle.isEmpty else {
            throw BuildError.missing(what: source, remedy: "add the package ca-certificates")
        }
        try tree.remove("/usr/share/ca-certificates", recursive: true)
        try tree.insert(.file(bundle, origin: "ca-certificates"), at: imageBundle)
        if !tree.contains(place) {
            try tree.insert(.symlink(to: imageBundle, origin: "ca-certificates"), at: place)
        }
        // Where OpenSSL looks when nobody tells it a file.
        try tree.insert(
            .symlink(to: place, origin: "ca-certificates"),
            at: "/usr/lib/ssl/cert.pem",
            onConflict: .replace
        )
    }
}
