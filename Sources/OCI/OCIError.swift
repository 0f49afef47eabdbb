/// Why something is not what the OCI's specifications ask for.
public enum OCIError: Error, Equatable, CustomStringConvertible {
    /// A text is no reference to an image.
    case badReference(String, reason: String)
    /// A text is no digest of the only algorithm that is used here.
    case badDigest(String)
    /// A document of an image is not what it should be.
    ///
    /// - `document`: what it is, such as "the manifest".
    case badDocument(String, reason: String)

    /// What is wrong, with what value, and what to do.
    public var description: String {
        switch self {
        case .badReference(let text, let reason):
            "'\(printable(text))' is no image reference: \(reason); write REGISTRY/PATH:TAG or REGISTRY/PATH@sha256:DIGEST"
        case .badDigest(let text):
            "'\(printable(text))' is no digest that is supported: write sha256: and 64 hexadecimal digits in lower case"
        case .badDocument(let document, let reason):
            "\(document) cannot be used: \(reason); have the image built anew"
        }
    }
}

/// The beginning of a text from elsewhere, harmless to terminals and journals.
func printable(_ text: String) -> String {
    let scalars = text.unicodeScalars.prefix(200).map { scalar in
        (0x20...0x7e).contains(scalar.value) ? Character(scalar) : "?"
    }
    return String(scalars)
}
