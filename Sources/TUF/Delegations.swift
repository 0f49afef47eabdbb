import Hashing
import JSON

/// Whom a targets role trusts with which targets.
public struct Delegations: Sendable, Equatable {
    /// How the delegated roles are listed.
    public enum Roles: Sendable, Equatable {
        /// One by one, the most trusted first.
        case listed([DelegatedRole])
        /// As hash bins with names of one pattern (TAP 15).
        case bins(SuccinctRoles)
    }

    /// All keys by their identifiers.
    public var keys: [String: Key]
    /// The delegated roles.
    public var roles: Roles
    /// Members that this client does not know.
    public var unrecognized: [String: JSONValue]

    /// Delegations of metadata that are being written.
    public init(keys: [String: Key], roles: Roles) {
        self.keys = keys
        self.roles = roles
        unrecognized = [:]
    }

    init(_ value: JSONValue, role: String) throws(TUFError) {
        var members = try Members(value, role: role, place: "signed.delegations")
        keys = try readKeys(members.object("keys"), role: role, place: "signed.delegations.keys")
        switch (members.rest["roles"], members.take("succinct_roles")) {
        case (.some, nil):
            var roles: [DelegatedRole] = []
            for (index, value) in try members.array("roles").enumerated() {
                roles.append(
                    try DelegatedRole(value, role: role, place: "signed.delegations.roles[\(index)]")
                )
            }
            guard Set(roles.map(\.name)).count == roles.count else {
                throw members.fault("roles", "names a role twice")
            }
            self.roles = .listed(roles)
        case (nil, let bins?):
            roles = .bins(try SuccinctRoles(bins, role: role))
        default:
            throw members.fault("roles", "must be there or else 'succinct_roles'")
        }
        unrecognized = members.rest
    }

    var value: JSONValue {
        var members = unrecognized
        members["keys"] = .object(keys.mapValues(\.value))
        switch roles {
        case .listed(let roles): members["roles"] = .array(roles.map(\.value))
        case .bins(let bins): members["succinct_roles"] = bins.value
        }
        return .object(members)
    }

    /// The delegated roles that are trusted with a target, the most trusted first.
    public func roles(for path: String) -> [(name: String, terminating: Bool)] {
        switch roles {
        case .listed(let roles):
            roles.filter { $0.covers(path) }.map { ($0.name, $0.terminating) }
        case .bins(let bins):
            [(bins.bin(of: path), true)]
        }
    }

    /// The keys that may sign a delegated role; nil when it is not delegated to.
    public func keys(of name: String) -> RoleKeys? {
        switch roles {
        case .listed(let roles): roles.first { $0.name == name }?.keys
        case .bins(let bins): bins.isBin(name) ? bins.keys : nil
        }
    }
}

/// One delegated role.
public struct DelegatedRole: Sendable, Equatable {
    /// Which targets a role is trusted with.
    public enum Scope: Sendable, Equatable {
        /// Those whose path matches one of these patterns.
        case paths([String])
        /// Those whose path's SHA-256 begins with one of these hexadecimal digits.
        case hashPrefixes([String])
        /// None.
        case nothing
    }

    /// The name; any text, unique among the roles of one delegator.
    public var name: String
    /// Who signs it.
    public var keys: RoleKeys
    /// Which targets it is trusted with.
    public var scope: Scope
    /// Whether roles after this one are not asked about targets in its scope.
    public var terminating: Bool

    /// A delegated role of metadata that are being written.
    public init(name: String, keys: RoleKeys, scope: Scope, terminating: Bool = false) {
        self.name = name
        self.keys = keys
        self.scope = scope
        self.terminating = terminating
    }

    init(_ value: JSONValue, role: String, place: String) throws(TUFError) {
        var members = try Members(value, role: role, place: place)
        name = try members.string("name")
        guard !name.isEmpty, !Root.topLevelRoles.contains(name) else {
            throw members.fault("name", "is no name of a delegated role")
        }
        keys = try RoleKeys(taking: &members)
        terminating = try members.bool("terminating")
        switch (members.rest["paths"], members.rest["path_hash_prefixes"]) {
        case (.some, nil): scope = .paths(try members.strings("paths"))
        case (nil, .some): scope = .hashPrefixes(try members.strings("path_hash_prefixes"))
        case (nil, nil): scope = .nothing
        case (.some, .some): throw members.fault("paths", "may not be there besides 'path_hash_prefixes'")
        }
        keys.unrecognized = members.rest
    }

    var value: JSONValue {
        var members = keys.members
        members["name"] = .string(name)
        members["terminating"] = .bool(terminating)
        switch scope {
        case .paths(let paths): members["paths"] = .array(paths.map(JSONValue.string))
        case .hashPrefixes(let prefixes):
            members["path_hash_prefixes"] = .array(prefixes.map(JSONValue.string))
        case .nothing: break
        }
        return .object(members)
    }

    /// Whether the role is trusted with a target.
    public func covers(_ path: String) -> Bool {
        switch scope {
        case .paths(let patterns): return patterns.contains { PathPattern.matches($0, path: path) }
        case .hashPrefixes(let prefixes):
            let hash = SHA256Digest(hashing: path).hex
            return prefixes.contains { hash.hasPrefix($0) }
        case .nothing: return false
        }
    }
}

/// Hash bins: 2^`bitLength` terminating roles of one set of keys (TAP 15).
public struct SuccinctRoles: Sendable, Equatable {
    /// Who signs all bins.
    public var keys: RoleKeys
    /// How many leading bits of the SHA-256 of a path choose its bin; 1 to 32.
    public var bitLength: Int
    /// What all names begin with; a hyphen and hexadecimal digits follow.
    public var namePrefix: String

    /// Bins of metadata that are being written.
    public init(keys: RoleKeys, bitLength: Int, namePrefix: String) {
        self.keys = keys
        self.bitLength = min(max(bitLength, 1), 32)
        self.namePrefix = namePrefix
    }

    init(_ value: JSONValue, role: String) throws(TUFError) {
        var members = try Members(value, role: role, place: "signed.delegations.succinct_roles")
        keys = try RoleKeys(taking: &members)
        namePrefix = try members.string("name_prefix")
        bitLength = Int(try members.integer("bit_length", atLeast: 1))
        guard bitLength <= 32 else { throw members.fault("bit_length", "is more than 32") }
        keys.unrecognized = members.rest
    }

    var value: JSONValue {
        var members = keys.members
        members["bit_length"] = .integer(Int64(bitLength))
        members["name_prefix"] = .string(namePrefix)
        return .object(members)
    }

    /// The name of the bin that a target belongs to.
    public func bin(of path: String) -> String {
        let leading = SHA256Digest(hashing: path).bytes.prefix(4).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return name(leading >> UInt64(32 - bitLength))
    }

    /// The names of all bins in order; 2^`bitLength` of them.
    public var names: some Sequence<String> { (0..<UInt64(1) << UInt64(bitLength)).lazy.map(name) }

    private func name(_ bin: UInt64) -> String {
        let digits = String(bin, radix: 16)
        return "\(namePrefix)-" + String(repeating: "0", count: max(0, digitCount - digits.count)) + digits
    }

    private var digitCount: Int { String((UInt64(1) << UInt64(bitLength)) - 1, radix: 16).count }

    func isBin(_ role: String) -> Bool {
        guard role.utf8.starts(with: "\(namePrefix)-".utf8) else { return false }
        let digits = String(decoding: role.utf8.dropFirst(namePrefix.utf8.count + 1), as: UTF8.self)
        guard digits.utf8.count == digitCount, let bin = UInt64(digits, radix: 16) else { return false }
        return name(bin) == role
    }
}
