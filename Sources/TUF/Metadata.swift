import Hashing
import JSON
import Signatures

/// One signature of metadata.
public struct MetadataSignature: Sendable, Equatable {
    /// The identifier of the key.
    public var keyID: String
    /// The signature in hexadecimal; some writers leave it empty for one that is still to come.
    public var hex: String
    /// Members that this client does not know.
    public var unrecognized: [String: JSONValue] = [:]

    /// A signature of metadata that are being written.
    public init(keyID: String, signature: [UInt8]) {
        self.keyID = keyID
        hex = Hex.encode(signature)
    }

    init(_ value: JSONValue, role: String, place: String) throws(TUFError) {
        var members = try Members(value, role: role, place: place)
        keyID = try members.string("keyid")
        hex = try members.string("sig")
        unrecognized = members.rest
    }

    var value: JSONValue {
        .object(unrecognized.merging(["keyid": .string(keyID), "sig": .string(hex)]) { $1 })
    }
}

/// A file of metadata: a role with its signatures.
///
/// What was read is kept as it is, with all members that this client does not know, and is what signatures are
/// checked over. To change metadata, make new ones from a changed role: they have no signatures.
public struct Metadata<Role: SignedRole>: Sendable, Equatable {
    /// The part that is signed.
    public let signed: Role
    /// The signatures; no two of one key.
    public private(set) var signatures: [MetadataSignature]
    /// What the signatures are made over: the canonical form of the part that is signed.
    public let signedBytes: [UInt8]
    private let signedValue: JSONValue
    private let unrecognized: [String: JSONValue]

    /// New metadata without signatures.
    /// - Throws: `TUFError.malformed` for a number with a fraction in `custom` or in unknown members, for a version
    ///   below 1 and for what a reader would refuse otherwise.
    public init(_ role: Role) throws(TUFError) {
        var members = role.common.unrecognized.merging(role.members) { $1 }
        members["_type"] = .string(Role.type)
        members["version"] = .integer(role.version)
        members["expires"] = .string(role.expires.description)
        members["spec_version"] = .string(role.common.specVersion)
        // Read back, so that nothing is written that this module's readers do not accept.
        try self.init(signedValue: .object(members), signatures: [], unrecognized: [:], role: Role.type)
    }

    /// Reads a file of metadata; checks no signature.
    /// - Parameters:
    ///   - bytes: the file.
    ///   - name: the name of the role, for errors; by default the type.
    ///   - limits: how much the file may be.
    /// - Throws: `TUFError`.
    public init(
        parsing bytes: [UInt8],
        name: String = Role.type,
        limits: JSONLimits = JSONLimits(bytes: ClientLimits.documentBytes, depth: 32, values: 400_000)
    ) throws(TUFError) {
        let document: JSONValue
        do throws(JSONError) {
            document = try JSONValue(parsing: bytes, limits: limits)
        } catch {
            throw .malformed(role: name, reason: "\(error)")
        }
        var members = try Members(document, role: name, place: "metadata")
        let signed = members.take("signed") ?? .null
        var signatures: [MetadataSignature] = []
        for (index, value) in try members.array("signatures").enumerated() {
            signatures.append(try MetadataSignature(value, role: name, place: "signatures[\(index)]"))
        }
        guard Set(signatures.map(\.keyID)).count == signatures.count else {
            throw .malformed(role: name, reason: "it has two signatures of one key")
        }
        try self.init(signedValue: signed, signatures: signatures, unrecognized: members.rest, role: name)
    }

    private init(
        signedValue: JSONValue,
        signatures: [MetadataSignature],
        unrecognized: [String: JSONValue],
        role: String
    ) throws(TUFError) {
        var members = try Members(signedValue, role: role, place: "signed")
        let type = try members.string("_type")
        guard type == Role.type else { throw .wrongType(expected: Role.type, found: type) }
        let specVersion = try members.string("spec_version")
        guard Self.isSupported(specVersion) else {
            throw .unsupportedSpecification(role: role, version: specVersion)
        }
        let version = try members.integer("version", atLeast: 1)
        guard let expires = MetadataTime(try members.string("expires")) else {
            throw members.fault("expires", "is not a time such as 2030-01-01T00:00:00Z")
        }
        guard let signedBytes = CanonicalJSON.encode(signedValue) else {
            throw .malformed(
                role: role,
                reason: "it holds a number that is not whole, which cannot be signed"
            )
        }
        signed = try Role(
            common: CommonFields(version: version, expires: expires, specVersion: specVersion),
            members: members.rest,
            role: role
        )
        self.signedValue = signedValue
        self.signedBytes = signedBytes
        self.signatures = signatures
        self.unrecognized = unrecognized
    }

    /// Whether a version of the specification is 1.x or 1.x.y.
    private static func isSupported(_ version: String) -> Bool {
        let parts = version.split(separator: ".", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts[0] == "1" else { return false }
        return parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
    }

    /// Adds a signature over `signedBytes`, in place of an earlier one of the same key.
    public mutating func add(_ signature: MetadataSignature) {
        signatures.removeAll { $0.keyID == signature.keyID }
        signatures.append(signature)
    }

    /// Signs with a private key, under the identifier of its public half.
    /// - Throws: `TUFError.key`.
    public mutating func sign(with key: PrivateKey) throws(TUFError) {
        try sign(with: key, keyID: Key(key.publicKey).keyID)
    }

    /// Signs with a private key under an identifier that the delegator gave it.
    /// - Throws: `TUFError.key`.
    public mutating func sign(with key: PrivateKey, keyID: String, scheme: SignatureScheme? = nil)
        throws(TUFError)
    {
        do throws(SignatureError) {
            add(MetadataSignature(keyID: keyID, signature: try key.sign(signedBytes, scheme: scheme)))
        } catch {
            throw .key(keyID: keyID, reason: "\(error)")
        }
    }

    /// The bytes of the file, as people can read them; the same for equal metadata.
    public func encoded() -> [UInt8] {
        var members = unrecognized
        members["signatures"] = .array(signatures.map(\.value))
        members["signed"] = signedValue
        return Array(JSONValue.object(members).prettyText.utf8) + [0x0a]
    }

    /// How many different keys of a role have validly signed; counting ends at the threshold.
    ///
    /// One key under two identifiers counts once.
    public func validSignatures(of role: RoleKeys, keys: [String: Key]) -> Int {
        var valid: Set<PublicKey> = []
        for keyID in role.keyIDs where valid.count < role.threshold {
            guard let key = keys[keyID], let scheme = key.signatureScheme,
                let signature = signatures.first(where: { $0.keyID == keyID }),
                let bytes = Hex.decode(signature.hex), let publicKey = try? key.publicKey(),
                publicKey.isValid(signature: bytes, of: signedBytes, scheme: scheme)
            else { continue }
            valid.insert(publicKey)
        }
        return valid.count
    }

    /// Checks that a threshold of a role's keys have signed.
    /// - Parameters:
    ///   - role: the keys, as the delegator names them.
    ///   - keys: the delegator's table of keys.
    ///   - name: the name of this role, for errors.
    ///   - delegator: the name of the delegator, for errors.
    /// - Throws: `TUFError.notEnoughSignatures`.
    public func verify(by role: RoleKeys, keys: [String: Key], name: String, delegator: String)
        throws(TUFError)
    {
        let valid = validSignatures(of: role, keys: keys)
        guard valid >= role.threshold else {
            throw .notEnoughSignatures(
                role: name,
                valid: valid,
                threshold: Int(clamping: role.threshold),
                delegator: delegator
            )
        }
    }

    /// Checks that a threshold of the keys that a root names for this top-level role have signed.
    /// - Throws: `TUFError.notEnoughSignatures`.
    public func verify(by root: Root) throws(TUFError) {
        guard let role = root.roles[Role.type] else { throw .unknownRole(Role.type, delegator: Root.type) }
        try verify(by: role, keys: root.keys, name: Role.type, delegator: Root.type)
    }
}
