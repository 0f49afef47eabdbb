import JSON

/// One of the four kinds of metadata: what the part that is signed says.
public protocol SignedRole: Sendable, Equatable {
    /// The member `_type`.
    static var type: String { get }
    /// What all roles have.
    var common: CommonFields { get set }
    /// Reads the part that is signed; `members` lacks what all roles have.
    init(common: CommonFields, members: [String: JSONValue], role: String) throws(TUFError)
    /// The members of the part that is signed, without what all roles have.
    var members: [String: JSONValue] { get }
}

extension SignedRole {
    /// The version, from 1.
    public var version: Int64 { common.version }
    /// From when on the metadata is not trusted any more.
    public var expires: MetadataTime { common.expires }
}

/// What all roles have.
public struct CommonFields: Sendable, Equatable {
    /// The version, from 1.
    public var version: Int64
    /// From when on the metadata is not trusted any more.
    public var expires: MetadataTime
    /// Which version of the TUF specification the metadata follow: "1.x" or "1.x.y".
    public var specVersion: String
    /// Members that this client does not know.
    public var unrecognized: [String: JSONValue]

    /// The specification that this module's writers follow.
    public static let specVersion = "1.0.31"

    /// Fields of metadata that are being written.
    public init(
        version: Int64,
        expires: MetadataTime,
        specVersion: String = CommonFields.specVersion,
        unrecognized: [String: JSONValue] = [:]
    ) {
        self.version = version
        self.expires = expires
        self.specVersion = specVersion
        self.unrecognized = unrecognized
    }
}

/// The metadata of the role `root`: the keys of all top-level roles.
public struct Root: SignedRole {
    /// The name of the role.
    public static let type = "root"
    /// What all roles have.
    public var common: CommonFields
    /// Whether files carry their version or hash in their names.
    public var consistentSnapshot: Bool
    /// All keys by their identifiers.
    public var keys: [String: Key]
    /// Who signs what: "root", "timestamp", "snapshot" and "targets".
    public var roles: [String: RoleKeys]

    /// The roles that every root names.
    public static let topLevelRoles = ["root", "timestamp", "snapshot", "targets"]

    /// Root metadata that are being written.
    public init(
        version: Int64 = 1,
        expires: MetadataTime,
        consistentSnapshot: Bool = true,
        keys: [String: Key] = [:],
        roles: [String: RoleKeys] = [:]
    ) {
        common = CommonFields(version: version, expires: expires)
        self.consistentSnapshot = consistentSnapshot
        self.keys = keys
        self.roles = roles
    }

    /// Reads the part that is signed.
    public init(common: CommonFields, members: [String: JSONValue], role: String) throws(TUFError) {
        var members = try Members(.object(members), role: role, place: "signed")
        // Optional in the specification, for metadata from before there was such a thing.
        consistentSnapshot =
            members.rest["consistent_snapshot"] == nil ? false : try members.bool("consistent_snapshot")
        keys = try readKeys(members.object("keys"), role: role, place: "signed.keys")
        roles = [:]
        for (name, value) in try members.object("roles") {
            var inner = try Members(value, role: role, place: "signed.roles.\(name)")
            var keys = try RoleKeys(taking: &inner)
            keys.unrecognized = inner.rest
            roles[name] = keys
        }
        for name in Self.topLevelRoles where roles[name] == nil {
            throw .malformed(role: role, reason: "'signed.roles' lacks '\(name)'")
        }
        self.common = common
        self.common.unrecognized = members.rest
    }

    /// The members of the part that is signed.
    public var members: [String: JSONValue] {
        [
            "consistent_snapshot": .bool(consistentSnapshot),
            "keys": .object(keys.mapValues(\.value)),
            "roles": .object(roles.mapValues { .object($0.members) }),
        ]
    }

    /// Lets a key sign a role, which is made with a threshold of 1 where it is not there.
    ///
    /// - Returns: the key's identifier.
    @discardableResult
    public mutating func add(_ key: Key, to role: String) -> String {
        let keyID = key.keyID
        keys[keyID] = key
        var entry = roles[role] ?? RoleKeys(keyIDs: [])
        if !entry.keyIDs.contains(keyID) { entry.keyIDs.append(keyID) }
        roles[role] = entry
        return keyID
    }

    /// Takes a key from a role, and forgets it when no role has it any more.
    public mutating func remove(keyID: String, from role: String) {
        roles[role]?.keyIDs.removeAll { $0 == keyID }
        if !roles.values.contains(where: { $0.keyIDs.contains(keyID) }) { keys[keyID] = nil }
    }
}

/// What metadata say about a file of other metadata.
public struct MetaFile: Sendable, Equatable {
    /// The version that the file must have.
    public var version: Int64
    /// Its length in bytes, where given.
    public var length: Int64?
    /// Its hashes by algorithm in hexadecimal, where given.
    public var hashes: [String: String]?
    /// Members that this client does not know.
    public var unrecognized: [String: JSONValue]

    /// A reference to metadata.
    public init(version: Int64, length: Int64? = nil, hashes: [String: String]? = nil) {
        self.version = version
        self.length = length
        self.hashes = hashes
        unrecognized = [:]
    }

    init(_ value: JSONValue, role: String, place: String) throws(TUFError) {
        var members = try Members(value, role: role, place: place)
        version = try members.integer("version", atLeast: 1)
        length = try members.optionalInteger("length", atLeast: 1)
        hashes = members.rest["hashes"] == nil ? nil : try members.hashes("hashes")
        unrecognized = members.rest
    }

    var value: JSONValue {
        var members = unrecognized
        members["version"] = .integer(version)
        if let length { members["length"] = .integer(length) }
        if let hashes { members["hashes"] = .object(hashes.mapValues(JSONValue.string)) }
        return .object(members)
    }
}

/// Reads the table of files of a timestamp or snapshot.
private func readMeta(_ value: [String: JSONValue], role: String) throws(TUFError) -> [String: MetaFile] {
    var meta: [String: MetaFile] = [:]
    for (name, file) in value { meta[name] = try MetaFile(file, role: role, place: "signed.meta.\(name)") }
    return meta
}

/// The metadata of the role `timestamp`: which snapshot is the newest.
public struct Timestamp: SignedRole {
    /// The name of the role.
    public static let type = "timestamp"
    /// What all roles have.
    public var common: CommonFields
    /// The newest snapshot.
    public var snapshot: MetaFile

    /// Timestamp metadata that are being written.
    public init(version: Int64 = 1, expires: MetadataTime, snapshot: MetaFile) {
        common = CommonFields(version: version, expires: expires)
        self.snapshot = snapshot
    }

    /// Reads the part that is signed.
    public init(common: CommonFields, members: [String: JSONValue], role: String) throws(TUFError) {
        var members = try Members(.object(members), role: role, place: "signed")
        let meta = try readMeta(members.object("meta"), role: role)
        guard let snapshot = meta["snapshot.json"] else {
            throw .malformed(role: role, reason: "'signed.meta' lacks 'snapshot.json'")
        }
        self.snapshot = snapshot
        self.common = common
        self.common.unrecognized = members.rest
    }

    /// The members of the part that is signed.
    public var members: [String: JSONValue] { ["meta": ["snapshot.json": snapshot.value]] }
}

/// The metadata of the role `snapshot`: the versions of all targets metadata that belong together.
public struct Snapshot: SignedRole {
    /// The name of the role.
    public static let type = "snapshot"
    /// What all roles have.
    public var common: CommonFields
    /// The files by their names without a version: "targets.json" and one for each delegated role.
    public var meta: [String: MetaFile]

    /// Snapshot metadata that are being written.
    public init(version: Int64 = 1, expires: MetadataTime, meta: [String: MetaFile]) {
        common = CommonFields(version: version, expires: expires)
        self.meta = meta
    }

    /// Reads the part that is signed.
    public init(common: CommonFields, members: [String: JSONValue], role: String) throws(TUFError) {
        var members = try Members(.object(members), role: role, place: "signed")
        meta = try readMeta(members.object("meta"), role: role)
        self.common = common
        self.common.unrecognized = members.rest
    }

    /// The members of the part that is signed.
    public var members: [String: JSONValue] { ["meta": .object(meta.mapValues(\.value))] }
}
