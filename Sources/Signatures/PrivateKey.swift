internal import COpenSSL

/// A key pair that signs: Ed25519, ECDSA on P-256, or RSA.
public struct PrivateKey: Sendable {
    /// Of PEM_BUFSIZE, which libcrypto's question for a passphrase has room for, one byte may be for a zero.
    private static let passphraseLimit = 1023

    private let handle: KeyHandle
    /// The public half.
    public let publicKey: PublicKey

    private init(_ handle: KeyHandle) throws(SignatureError) {
        self.handle = handle
        // A copy without the secret, so that public keys can be handed out freely.
        publicKey = try PublicKey(der: handle.publicDER())
    }

    /// Makes a new key from the system's random numbers.
    /// - Parameters:
    ///   - kind: what kind of key.
    ///   - rsaBits: size of an RSA key, 2048 to 8192.
    /// - Throws: `SignatureError` for a size that is not supported.
    public static func generate(_ kind: KeyKind, rsaBits: Int = 3072) throws(SignatureError) -> PrivateKey {
        let name =
            switch kind {
            case .ed25519: "ED25519"
            case .ecdsaP256: "EC"
            case .rsa: "RSA"
            }
        guard kind != .rsa || (2048...8192).contains(rsaBits) else { throw .unsupportedSize(bits: rsaBits) }
        guard let context = EVP_PKEY_CTX_new_from_name(nil, name, nil) else {
            throw Library.failure("make a key")
        }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_keygen_init(context) == 1,
            kind != .ecdsaP256 || EVP_PKEY_CTX_set_group_name(context, "P-256") == 1,
            kind != .rsa || EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(rsaBits)) == 1
        else { throw Library.failure("make a key") }
        var pointer: OpaquePointer?
        guard EVP_PKEY_generate(context, &pointer) == 1, let pointer else {
            throw Library.failure("make a key")
        }
        return try PrivateKey(KeyHandle(owning: pointer))
    }

    /// Reads a private key in PEM: PKCS#8 (RFC 5958), encrypted or not, or what `openssl` wrote before it.
    /// - Parameters:
    ///   - pem: the text.
    ///   - passphrase: what an encrypted key is opened with.
    /// - Throws: `SignatureError`.
    public init(pem: String, passphrase: String? = nil) throws(SignatureError) {
        let attempt = PassphraseAttempt(passphrase)
        let pointer = Library.withStream(of: Array(pem.utf8)) { stream in
            PEM_read_bio_PrivateKey(
                stream,
                nil,
                givePassphrase,
                Unmanaged.passUnretained(attempt).toOpaque()
            )
        }
        ERR_clear_error()
        guard let pointer else {
            if attempt.wasAsked { throw .wrongPassphrase }
            throw .notAPrivateKey
        }
        try self.init(KeyHandle(owning: pointer))
    }

    /// The key as PKCS#8 (RFC 5958) in PEM; with a passphrase it is encrypted with AES-256-CBC.
    /// - Throws: `SignatureError.passphraseTooLong` for more than 1023 bytes, which libcrypto would not read again;
    ///   `library` when libcrypto has no memory.
    public func pem(passphrase: String? = nil) throws(SignatureError) -> String {
        let secret = passphrase.map { Array($0.utf8).map(CChar.init(bitPattern:)) }
        guard secret?.count ?? 0 <= Self.passphraseLimit else {
            throw .passphraseTooLong(limit: Self.passphraseLimit)
        }
        let bytes = Library.written { stream in
            guard let secret else {
                return PEM_write_bio_PKCS8PrivateKey(
                    stream,
                    handle.pointer,
                    nil,
                    nil,
                    0,
                    refusePassphrase,
                    nil
                )
            }
            return PEM_write_bio_PKCS8PrivateKey(
                stream,
                handle.pointer,
                EVP_aes_256_cbc(),
                secret,
                Int32(clamping: secret.count),
                nil,
                nil
            )
        }
        guard let bytes else { throw Library.failure("write a private key") }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Signs a message.
    /// - Parameters:
    ///   - message: the bytes; they are hashed here.
    ///   - scheme: how; by default the preferred scheme of the key's kind.
    /// - Throws: `SignatureError.schemeDoesNotFit` where the key cannot sign that way.
    public func sign(_ message: [UInt8], scheme: SignatureScheme? = nil) throws(SignatureError) -> [UInt8] {
        let scheme = scheme ?? handle.kind.preferredScheme
        let pointer = handle.pointer
        return try handle.withContext(
            scheme,
            start: { EVP_DigestSignInit($0, $1, $2, nil, pointer) },
            saltLength: RSA_PSS_SALTLEN_DIGEST
        ) { context throws(SignatureError) in
            var length = 0
            guard EVP_DigestSign(context, nil, &length, message, message.count) == 1 else {
                throw Library.failure("sign")
            }
            var signature = [UInt8](repeating: 0, count: length)
            guard EVP_DigestSign(context, &signature, &length, message, message.count) == 1,
                length <= signature.count
            else { throw Library.failure("sign") }
            return Array(signature.prefix(length))
        }
    }
}

/// The passphrase for libcrypto's question, and whether it asked.
private final class PassphraseAttempt {
    let passphrase: [UInt8]?
    var wasAsked = false

    init(_ passphrase: String?) {
        self.passphrase = passphrase.map { Array($0.utf8) }
    }
}

private let givePassphrase:
    @convention(c) (
        UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?
    ) -> Int32 = { buffer, size, _, context in
        guard let buffer, let context else { return -1 }
        let attempt = Unmanaged<PassphraseAttempt>.fromOpaque(context).takeUnretainedValue()
        attempt.wasAsked = true
        guard let passphrase = attempt.passphrase, passphrase.count <= Int(size) else { return -1 }
        for (index, byte) in passphrase.enumerated() { buffer[index] = CChar(bitPattern: byte) }
        return Int32(passphrase.count)
    }
