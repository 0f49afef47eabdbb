/// A way to sign, under the name that TUF metadata (section 4.2 of its specification) give it.
public enum SignatureScheme: String, Sendable, Hashable, CaseIterable {
    /// Ed25519 (RFC 8032), pure.
    case ed25519 = "ed25519"
    /// ECDSA over NIST P-256 with SHA-256; the signature is the DER of RFC 3279.
    case ecdsaP256 = "ecdsa-sha2-nistp256"
    /// RSASSA-PSS (RFC 8017) with SHA-256 for the message and for MGF1.
    ///
    /// Signatures are made with a salt as long as the digest; any length is accepted.
    case rsaPSS = "rsassa-pss-sha256"
    /// RSASSA-PKCS1-v1_5 (RFC 8017) with SHA-256, which older repositories use.
    case rsaPKCS1 = "rsa-pkcs1v15-sha256"

    /// The kind of key that signs this way.
    public var keyKind: KeyKind {
        switch self {
        case .ed25519: .ed25519
        case .ecdsaP256: .ecdsaP256
        case .rsaPSS, .rsaPKCS1: .rsa
        }
    }
}

/// A kind of key that this module knows.
public enum KeyKind: String, Sendable, Hashable, CaseIterable {
    /// Ed25519 (RFC 8032).
    case ed25519 = "Ed25519"
    /// An elliptic curve key on NIST P-256.
    case ecdsaP256 = "ECDSA P-256"
    /// RSA with 2048 to 8192 bits.
    case rsa = "RSA"

    /// How new keys of this kind sign.
    public var preferredScheme: SignatureScheme {
        switch self {
        case .ed25519: .ed25519
        case .ecdsaP256: .ecdsaP256
        case .rsa: .rsaPSS
        }
    }
}

/// Why a key cannot be read, used or written.
public enum SignatureError: Error, Equatable, CustomStringConvertible {
    /// The bytes are no public key; says which form was expected.
    case notAPublicKey(expected: String)
    /// The bytes are no private key that can be read.
    case notAPrivateKey
    /// The private key is encrypted, and the passphrase is missing or wrong.
    case wrongPassphrase
    /// The passphrase has more bytes than this.
    case passphraseTooLong(limit: Int)
    /// The key is of a kind that is not supported; names it.
    case unsupportedKey(String)
    /// An RSA key of this many bits is too small or too large.
    case unsupportedSize(bits: Int)
    /// The key cannot sign in this way.
    case schemeDoesNotFit(scheme: SignatureScheme, key: KeyKind)
    /// libcrypto failed where its input was right; says at what, and libcrypto's own reason.
    case library(operation: String, reason: String)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .notAPublicKey(let expected):
            "this is not a public key: expected \(expected)"
        case .notAPrivateKey:
            "this is not a private key: expected PEM with 'BEGIN PRIVATE KEY' or 'BEGIN ENCRYPTED PRIVATE KEY' "
                + "(openssl pkcs8 -topk8 converts others)"
        case .wrongPassphrase:
            "the private key is encrypted and the passphrase is missing or wrong: give the right one"
        case .passphraseTooLong(let limit):
            "the passphrase is longer than \(limit) bytes: use a shorter one"
        case .unsupportedKey(let kind):
            "keys of the kind '\(kind)' are not supported: use Ed25519, ECDSA on P-256 (prime256v1) or RSA"
        case .unsupportedSize(let bits):
            "an RSA key of \(bits) bits is not supported: use 2048 to 8192 bits"
        case .schemeDoesNotFit(let scheme, let key):
            "a key of the kind \(key.rawValue) cannot be used for '\(scheme.rawValue)': "
                + "use '\(key.preferredScheme.rawValue)'"
        case .library(let operation, let reason):
            "libcrypto failed to \(operation): \(reason)"
        }
    }
}
