internal import COpenSSL

/// Owns one EVP_PKEY: a public key or a pair.
///
/// It is never changed after `init`, and libcrypto allows any number of threads to read one at once.
final class KeyHandle: @unchecked Sendable {
    let pointer: OpaquePointer
    let kind: KeyKind

    /// Takes over a key that libcrypto has made, and refuses it where it is of a kind that we do not know.
    init(owning pointer: OpaquePointer) throws(SignatureError) {
        do throws(SignatureError) {
            kind = try Self.kind(of: pointer)
            if kind == .ecdsaP256 { try Self.normalise(pointer) }
        } catch {
            EVP_PKEY_free(pointer)
            throw error
        }
        self.pointer = pointer
    }

    deinit { EVP_PKEY_free(pointer) }

    private static func kind(of pointer: OpaquePointer) throws(SignatureError) -> KeyKind {
        if EVP_PKEY_is_a(pointer, "ED25519") == 1 { return .ed25519 }
        // Not "RSA-PSS": it would be another form of a key that may stand beside it as "RSA".
        if EVP_PKEY_is_a(pointer, "RSA") == 1 {
            let bits = Int(EVP_PKEY_get_bits(pointer))
            guard (2048...8192).contains(bits) else { throw .unsupportedSize(bits: bits) }
            return .rsa
        }
        if EVP_PKEY_is_a(pointer, "EC") == 1 {
            var name = [CChar](repeating: 0, count: 80)
            var length = 0
            guard EVP_PKEY_get_group_name(pointer, &name, name.count, &length) == 1 else {
                throw .unsupportedKey("EC without a named curve")
            }
            let curve = String(decoding: name.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
            guard curve == "prime256v1" || curve == "P-256" else { throw .unsupportedKey("EC \(curve)") }
            return .ecdsaP256
        }
        let name = EVP_PKEY_get0_type_name(pointer).map { String(cString: $0) }
        throw .unsupportedKey(name ?? "unknown")
    }

    /// Lets equal keys be encoded equally, however they were read: a point may be compressed, and the curve be spelt out.
    private static func normalise(_ pointer: OpaquePointer) throws(SignatureError) {
        var isExplicit: Int32 = 0
        guard EVP_PKEY_get_int_param(pointer, "decoded-from-explicit", &isExplicit) == 1 else {
            throw Library.failure("read a key")
        }
        if isExplicit != 0 { throw .unsupportedKey("EC with explicit parameters") }
        guard EVP_PKEY_set_utf8_string_param(pointer, "point-format", "uncompressed") == 1 else {
            throw Library.failure("read a key")
        }
    }

    /// SubjectPublicKeyInfo (RFC 5280) in DER.
    func publicDER() throws(SignatureError) -> [UInt8] {
        let length = i2d_PUBKEY(pointer, nil)
        guard length > 0 else { throw Library.failure("encode a public key") }
        var bytes = [UInt8](repeating: 0, count: Int(length))
        let written = bytes.withUnsafeMutableBufferPointer { buffer in
            var position = buffer.baseAddress
            return i2d_PUBKEY(pointer, &position)
        }
        guard written == length else { throw Library.failure("encode a public key") }
        return bytes
    }

    /// A context that digests a message to sign or verify it, set up for a scheme by `start`.
    func withContext<Result>(
        _ scheme: SignatureScheme,
        start: (OpaquePointer, UnsafeMutablePointer<OpaquePointer?>, OpaquePointer?) -> Int32,
        saltLength: Int32,
        _ body: (OpaquePointer) throws(SignatureError) -> Result
    ) throws(SignatureError) -> Result {
        guard scheme.keyKind == kind else { throw .schemeDoesNotFit(scheme: scheme, key: kind) }
        guard let context = EVP_MD_CTX_new() else { throw Library.failure("allocate a digest") }
        defer { EVP_MD_CTX_free(context) }
        var keyContext: OpaquePointer?
        // Ed25519 hashes by itself.
        guard start(context, &keyContext, scheme == .ed25519 ? nil : EVP_sha256()) == 1 else {
            throw Library.failure("begin '\(scheme.rawValue)'")
        }
        if scheme.keyKind == .rsa {
            let padding = scheme == .rsaPSS ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING
            guard EVP_PKEY_CTX_set_rsa_padding(keyContext, padding) == 1 else {
                throw Library.failure("begin '\(scheme.rawValue)'")
            }
        }
        if scheme == .rsaPSS {
            guard EVP_PKEY_CTX_set_rsa_mgf1_md(keyContext, EVP_sha256()) == 1,
                EVP_PKEY_CTX_set_rsa_pss_saltlen(keyContext, saltLength) == 1
            else { throw Library.failure("begin '\(scheme.rawValue)'") }
        }
        return try body(context)
    }
}

/// Small parts of libcrypto's interface.
enum Library {
    /// No key is longer in PEM; libcrypto is not given more.
    static let pemLimit = 64 << 10

    /// The oldest error that libcrypto has queued for this thread; empties the queue.
    static func failure(_ operation: String) -> SignatureError {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return .library(operation: operation, reason: "no reason given") }
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &text, text.count)
        let end = text.firstIndex(of: 0) ?? text.count
        return .library(
            operation: operation,
            reason: String(decoding: text[..<end].map(UInt8.init(bitPattern:)), as: UTF8.self)
        )
    }

    /// Runs a body with a memory stream that holds bytes.
    static func withStream<Result>(of bytes: [UInt8], _ body: (OpaquePointer) -> Result?) -> Result? {
        bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, buffer.count <= pemLimit,
                let stream = BIO_new_mem_buf(base, Int32(buffer.count))
            else { return nil }
            defer { BIO_free(stream) }
            return body(stream)
        }
    }

    /// What a body writes to a memory stream; nil when it reports failure.
    static func written(_ body: (OpaquePointer) -> Int32) -> [UInt8]? {
        guard let stream = BIO_new(BIO_s_mem()) else { return nil }
        defer { BIO_free(stream) }
        guard body(stream) == 1 else { return nil }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while bytes.count <= pemLimit {
            let count = BIO_read(stream, &piece, Int32(piece.count))
            guard count > 0 else { return bytes }
            bytes += piece[..<Int(count)]
        }
        return nil
    }
}
