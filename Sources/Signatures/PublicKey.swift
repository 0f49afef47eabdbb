internal import COpenSSL

/// A public key that verifies signatures: Ed25519, ECDSA on P-256, or RSA.
///
/// Two are equal when they are the same key, in whichever form each was read.
public struct PublicKey: Sendable {
    let handle: KeyHandle
    /// The key as SubjectPublicKeyInfo (RFC 5280), in DER.
    public let der: [UInt8]

    init(_ handle: KeyHandle) throws(SignatureError) {
        self.handle = handle
        der = try handle.publicDER()
    }

    /// Reads a SubjectPublicKeyInfo (RFC 5280) in PEM ("BEGIN PUBLIC KEY").
    /// - Throws: `SignatureError` when it is none, or one of a key that is not supported.
    public init(pem: String) throws(SignatureError) {
        let pointer = Library.withStream(of: Array(pem.utf8)) { stream in
            PEM_read_bio_PUBKEY(stream, nil, refusePassphrase, nil)
        }
        ERR_clear_error()
        guard let pointer else { throw .notAPublicKey(expected: "PEM with 'BEGIN PUBLIC KEY'") }
        try self.init(KeyHandle(owning: pointer))
    }

    /// Reads a SubjectPublicKeyInfo (RFC 5280) in DER; nothing may follow it.
    /// - Throws: `SignatureError` when it is none, or one of a key that is not supported.
    public init(der: [UInt8]) throws(SignatureError) {
        let pointer: OpaquePointer? = der.withUnsafeBufferPointer { buffer in
            guard buffer.count <= Library.pemLimit else { return nil }
            var position = buffer.baseAddress
            guard let key = d2i_PUBKEY(nil, &position, buffer.count) else { return nil }
            guard position == buffer.baseAddress.map({ $0 + buffer.count }) else {
                EVP_PKEY_free(key)
                return nil
            }
            return key
        }
        ERR_clear_error()
        guard let pointer else { throw .notAPublicKey(expected: "SubjectPublicKeyInfo in DER") }
        try self.init(KeyHandle(owning: pointer))
    }

    /// Takes the 32 bytes of an Ed25519 public key (RFC 8032).
    /// - Throws: `SignatureError.notAPublicKey` for any other number of bytes.
    public init(rawEd25519 bytes: [UInt8]) throws(SignatureError) {
        guard bytes.count == 32 else { throw .notAPublicKey(expected: "the 32 bytes of an Ed25519 key") }
        guard let pointer = EVP_PKEY_new_raw_public_key_ex(nil, "ED25519", nil, bytes, bytes.count) else {
            throw Library.failure("take an Ed25519 key")
        }
        try self.init(KeyHandle(owning: pointer))
    }

    /// Takes a point of P-256 as SEC 1 encodes it: 65 bytes uncompressed, or 33 compressed.
    /// - Throws: `SignatureError.notAPublicKey` for other bytes, and for a point that is not on the curve.
    public init(rawP256 bytes: [UInt8]) throws(SignatureError) {
        guard bytes.count == 65 && bytes[0] == 4 || bytes.count == 33 && (bytes[0] == 2 || bytes[0] == 3)
        else {
            throw .notAPublicKey(expected: "the 65 or 33 bytes of a point on P-256")
        }
        // SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING { point } }
        let algorithm: [UInt8] = [
            0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
            0xce, 0x3d, 0x03, 0x01, 0x07,
        ]
        let bits = [0x03, UInt8(bytes.count + 1), 0x00] + bytes
        do throws(SignatureError) {
            try self.init(der: [0x30, UInt8(algorithm.count + bits.count)] + algorithm + bits)
        } catch {
            throw .notAPublicKey(expected: "a point on P-256")
        }
    }

    /// What kind of key it is.
    public var kind: KeyKind { handle.kind }

    /// The key as SubjectPublicKeyInfo in PEM, with a line feed at the end.
    /// - Throws: `SignatureError.library` when libcrypto has no memory.
    public func pem() throws(SignatureError) -> String {
        guard let bytes = Library.written({ PEM_write_bio_PUBKEY($0, handle.pointer) }) else {
            throw Library.failure("write a public key")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The 32 bytes of an Ed25519 key; nil for other keys.
    public var rawEd25519: [UInt8]? {
        guard kind == .ed25519 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 32)
        var length = bytes.count
        guard EVP_PKEY_get_raw_public_key(handle.pointer, &bytes, &length) == 1, length == 32 else {
            return nil
        }
        return bytes
    }

    /// Whether a signature over a message was made with this key, in a given way.
    ///
    /// A scheme for another kind of key, and a signature of the wrong form, are simply not valid.
    public func isValid(signature: [UInt8], of message: [UInt8], scheme: SignatureScheme) -> Bool {
        let valid = try? handle.withContext(
            scheme,
            start: { EVP_DigestVerifyInit($0, $1, $2, nil, self.handle.pointer) },
            saltLength: RSA_PSS_SALTLEN_AUTO
        ) { context in
            EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
        }
        ERR_clear_error()
        return valid ?? false
    }
}

extension PublicKey: Hashable {
    /// Whether both are the same key.
    public static func == (left: PublicKey, right: PublicKey) -> Bool { left.der == right.der }
    /// Feeds the key to a hasher.
    public func hash(into hasher: inout Hasher) { hasher.combine(der) }
}

/// Answers libcrypto's question for a passphrase, for which it would otherwise ask on the terminal.
let refusePassphrase:
    @convention(c) (
        UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?
    ) -> Int32 = { _, _, _, _ in -1 }
