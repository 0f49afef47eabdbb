import Hashing
import JSON

/// What metadata say about a target.
public struct TargetFile: Sendable, Equatable {
    /// Its length in bytes.
    public var length: Int64
    /// Its hashes by algorithm in hexadecimal.
    public var hashes: [String: String]
    /// What the application says about it, where it does.
    public var custom: JSONValue?
    /// Members that this client does not know.
    public var unrecognized: [String: JSONValue]

    /// A target of metadata that are being written.
    public init(length: Int64, sha256: SHA256Digest, custom: JSONValue? = nil) {
        self.length = length
        hashes = ["sha256": sha256.hex]
        self.custom = custom
        unrecognized = [:]
    }

    init(_ value: JSONValue, role: String, place: String) throws(TUFError) {
        var members = try Members(value, role: role, place: place)
        length = try members.integer("length", atLeast: 0)
        hashes = try members.hashes("hashes")
        custom = members.take("custom")
        unrecognized = members.rest
    }

    var value: JSONValue {
        var members = unrecognized
        members["length"] = .integer(length)
        members["hashes"] = .object(hashes.mapValues(JSONValue.string))
        if let custom { members["custom"] = custom }
        return .object(members)
    }
}

/// The metadata of the role `targets`, or of one that it delegates to.
public struct Targets: SignedRole {
    /// The name of the top-level role.
    public static let type = "targets"
    /// What all roles have.
    public var common: CommonFields
    /// The targets by their paths.
    public var targets: [String: TargetFile]
    /// Whom this role trusts with targets.
    public var delegations: Delegations?

    /// Targets metadata that are being written.
    public init(
        version: Int64 = 1,
        expires: MetadataTime,
        targets: [String: TargetFile] = [:],
        delegations: Delegations? = nil
    ) {
        common = CommonFields(version: version, expires: expires)
        self.targets = targets
        self.delegations = delegations
    }

    /// Reads the part that is signed.
    public init(common: CommonFields, members: [String: JSONValue], role: String) throws(TUFError) {
        var members = try Members(.object(members), role: role, place: "signed")
        targets = [:]
        for (path, value) in try members.object("targets") {
            targets[path] = try TargetFile(value, role: role, place: "signed.targets.\(path)")
        }
        if let value = members.take("delegations") {
            delegations = try Delegations(value, role: role)
        }
        self.common = common
        self.common.unrecognized = members.rest
    }

    /// The members of the part that is signed.
    public var members: [String: JSONValue] {
        var members: [String: JSONValue] = ["targets": .object(targets.mapValues(\.value))]
        if let delegations { members["delegations"] = delegations.value }
        return members
    }

    /// What this role itself says about a target; nil when it says nothing.
    ///
    /// Paths are compared byte by byte, which Swift's strings are not.
    public func target(_ path: String) -> TargetFile? {
        guard let index = targets.index(forKey: path), targets[index].key.utf8.elementsEqual(path.utf8) else {
            return nil
        }
        return targets[index].value
    }
}
