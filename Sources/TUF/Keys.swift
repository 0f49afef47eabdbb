import Hashing
import JSON
import Signatures

/// A public key as metadata write it (section 4.2 of the specification).
///
/// Keys of kinds that this client does not know are kept, and count for nothing.
public struct Key: Sendable, Equatable {
    /// The member `keytype`.
    public let keyType: String
    /// The member `scheme`.
    public let scheme: String
    /// The member `keyval.public`: PEM, or hexadecimal.
    public let text: String
    /// The whole object, with members that this client does not know.
    let value: JSONValue

    /// A key for metadata that are being written.
    /// - Throws: `TUFError.key` when libcrypto cannot encode it.
    public init(_ key: PublicKey) throws(TUFError) {
        scheme = key.kind.preferredScheme.rawValue
        switch key.kind {
        case .ed25519: keyType = "ed25519"
        case .ecdsaP256: keyType = "ecdsa"
        case .rsa: keyType = "rsa"
        }
        if let raw = key.rawEd25519 {
            text = Hex.encode(raw)
        } else {
            do throws(SignatureError) {
                text = try key.pem()
            } catch {
                throw .key(keyID: "", reason: "\(error)")
            }
        }
        value = [
            "keytype": .string(keyType), "scheme": .string(scheme), "keyval": ["public": .string(text)],
        ]
    }

    init(_ value: JSONValue, role: String, place: String) throws(TUFError) {
        var members = try Members(value, role: role, place: place)
        keyType = try members.string("keytype")
        scheme = try members.string("scheme")
        var inner = try Members(members.take("keyval"), role: role, place: "\(place).keyval")
        text = try inner.string("public")
        self.value = value
    }

    /// The identifier of a new key: the SHA-256 of its canonical form.
    public var keyID: String {
        // Keys that were read may hold numbers without a canonical form; they have an identifier already.
        SHA256Digest(hashing: CanonicalJSON.encode(value) ?? []).hex
    }

    /// How the key signs; nil where this client does not know its kind or scheme.
    public var signatureScheme: SignatureScheme? {
        guard let known = SignatureScheme(rawValue: scheme) else { return nil }
        switch (keyType, known) {
        case ("ed25519", .ed25519), ("rsa", .rsaPSS), ("rsa", .rsaPKCS1), ("ecdsa", .ecdsaP256),
            // What older writers, sigstore's among them, call it.
            ("ecdsa-sha2-nistp256", .ecdsaP256):
            return known
        default: return nil
        }
    }

    /// The key itself: PEM for any kind, hexadecimal raw bytes or DER for Ed25519 and ECDSA.
    /// - Throws: `TUFError.key`.
    public func publicKey() throws(TUFError) -> PublicKey {
        guard let scheme = signatureScheme else {
            throw .key(
                keyID: keyID,
                reason: "its type '\(shown(keyType))' with the scheme '\(shown(self.scheme))' is not known"
            )
        }
        do throws(SignatureError) {
            let key = try read(scheme.keyKind)
            guard key.kind == scheme.keyKind else {
                throw .schemeDoesNotFit(scheme: scheme, key: key.kind)
            }
            return key
        } catch {
            throw .key(keyID: keyID, reason: "\(error)")
        }
    }

    private func read(_ kind: KeyKind) throws(SignatureError) -> PublicKey {
        guard let bytes = Hex.decode(text) else { return try PublicKey(pem: text) }
        switch kind {
        case .ed25519 where bytes.count == 32: return try PublicKey(rawEd25519: bytes)
        case .ecdsaP256 where bytes.count == 65 || bytes.count == 33: return try PublicKey(rawP256: bytes)
        default: return try PublicKey(der: bytes)
        }
    }

    /// Whether a signature over bytes was made with this key; false where the key cannot be used.
    public func isValid(signature: [UInt8], of bytes: [UInt8]) -> Bool {
        guard let scheme = signatureScheme, let key = try? publicKey() else { return false }
        return key.isValid(signature: signature, of: bytes, scheme: scheme)
    }
}

/// Which keys may sign a role, and how many of them must.
public struct RoleKeys: Sendable, Equatable {
    /// Identifiers of keys, none twice.
    public var keyIDs: [String]
    /// How many different keys must have signed; at least 1.
    public var threshold: Int64
    /// Members that this client does not know.
    public var unrecognized: [String: JSONValue]

    /// A role that any `threshold` of these keys sign.
    public init(keyIDs: [String], threshold: Int64 = 1, unrecognized: [String: JSONValue] = [:]) {
        self.keyIDs = keyIDs
        self.threshold = threshold
        self.unrecognized = unrecognized
    }

    /// Takes the keys of a role out of its object; members that are left become unrecognised.
    init(taking members: inout Members) throws(TUFError) {
        keyIDs = try members.strings("keyids")
        guard Set(keyIDs).count == keyIDs.count else { throw members.fault("keyids", "names a key twice") }
        threshold = try members.integer("threshold", atLeast: 1)
        unrecognized = [:]
    }

    var members: [String: JSONValue] {
        unrecognized.merging([
            "keyids": .array(keyIDs.map(JSONValue.string)), "threshold": .integer(threshold),
        ]) { $1 }
    }
}

/// Reads the table of keys of a root or of delegations.
func readKeys(_ value: [String: JSONValue], role: String, place: String) throws(TUFError) -> [String: Key] {
    var keys: [String: Key] = [:]
    for (keyID, key) in value {
        keys[keyID] = try Key(key, role: role, place: "\(place).\(keyID)")
    }
    return keys
}
