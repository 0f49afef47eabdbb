import Foundation
import Hashing
import JSON
import Signatures
import Synchronization
import TUF

/// A time for tests; the metadata of test repositories are valid for 30 days from then on.
let testTime = MetadataTime("2031-06-15T12:00:00Z") ?? MetadataTime(seconds: 0)
private let day: Int64 = 86_400

/// A repository in memory; a copy of one is its state at that moment, which an attacker may have kept.
struct TestRepository {
    var signers: [String: [PrivateKey]] = [:]
    var root: Root
    var timestamp: Timestamp
    var snapshot: Snapshot
    var targets: Targets
    var delegated: [String: Targets] = [:]
    /// The files as a web server has them; metadata and targets.
    var files: [String: [UInt8]] = [:]
    var listsHashes = false

    init(consistent: Bool = true, kinds: [String: KeyKind] = [:]) throws {
        let expires = testTime.advanced(by: 30 * day)
        root = Root(expires: expires, consistentSnapshot: consistent)
        timestamp = Timestamp(expires: expires, snapshot: MetaFile(version: 1))
        snapshot = Snapshot(expires: expires, meta: [:])
        targets = Targets(expires: expires)
        for role in Root.topLevelRoles {
            let key = try PrivateKey.generate(kinds[role] ?? .ed25519, rsaBits: 2048)
            signers[role] = [key]
            root.add(try Key(key.publicKey), to: role)
        }
        try publishRoot()
        try publish()
    }

    /// Signs a role with its signers.
    func signed<Role: SignedRole>(_ role: Role, as name: String = Role.type) throws -> [UInt8] {
        var metadata = try Metadata(role)
        for key in signers[name] ?? [] { try metadata.sign(with: key) }
        return metadata.encoded()
    }

    mutating func publishRoot() throws {
        files["\(root.version).root.json"] = try signed(root)
    }

    /// Publishes the next root version after a change, signed by the old and the new signers.
    mutating func changeRoot(_ change: (inout Root, inout [String: [PrivateKey]]) throws -> Void) throws {
        let old = signers["root"] ?? []
        root.common.version += 1
        try change(&root, &signers)
        let new = signers["root"] ?? []
        signers["root"] = new + old.filter { key in !new.contains { $0.publicKey == key.publicKey } }
        try publishRoot()
        signers["root"] = new
    }

    /// Gives a role new keys in place of its old ones.
    mutating func rotate(_ role: String) throws {
        let key = try PrivateKey.generate(.ed25519)
        try changeRoot { root, signers in
            for keyID in root.roles[role]?.keyIDs ?? [] { root.remove(keyID: keyID, from: role) }
            root.add(try Key(key.publicKey), to: role)
            signers[role] = [key]
        }
    }

    private func reference(_ bytes: [UInt8], version: Int64) -> MetaFile {
        listsHashes
            ? MetaFile(
                version: version,
                length: Int64(bytes.count),
                hashes: ["sha256": SHA256Digest(hashing: bytes).hex]
            )
            : MetaFile(version: version)
    }

    mutating func write(_ role: String, _ version: Int64, _ bytes: [UInt8]) {
        files[MetadataFileName.of(role, version: root.consistentSnapshot ? version : nil)] = bytes
    }

    /// Publishes all metadata but the root, as they are.
    mutating func publish() throws {
        let all = delegated.merging(["targets": targets]) { $1 }
        for (name, role) in all {
            let bytes = try signed(role, as: name)
            write(name, role.version, bytes)
            snapshot.meta["\(name).json"] = reference(bytes, version: role.version)
        }
        let bytes = try signed(snapshot)
        write("snapshot", snapshot.version, bytes)
        timestamp.snapshot = reference(bytes, version: snapshot.version)
        files["timestamp.json"] = try signed(timestamp)
    }

    /// Publishes the next versions of targets, snapshot and timestamp.
    mutating func publishNext() throws {
        targets.common.version += 1
        for name in delegated.keys { delegated[name]?.common.version += 1 }
        snapshot.common.version += 1
        timestamp.common.version += 1
        try publish()
    }

    /// Adds a target to a role; `publish` makes it known.
    mutating func add(_ path: String, _ content: String, to role: String = "targets") {
        let bytes = Array(content.utf8)
        let digest = SHA256Digest(hashing: bytes)
        let file = TargetFile(length: Int64(bytes.count), sha256: digest)
        if role == "targets" { targets.targets[path] = file } else { delegated[role]?.targets[path] = file }
        var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let name = parts.removeLast()
        files[(parts + [root.consistentSnapshot ? "\(digest.hex).\(name)" : name]).joined(separator: "/")] =
            bytes
    }

    /// Lets one role delegate to another, which is made empty where it is not there.
    mutating func delegate(
        _ delegator: String = "targets",
        to name: String,
        _ scope: DelegatedRole.Scope = .paths(["*"]),
        terminating: Bool = false
    ) throws {
        if delegated[name] == nil {
            delegated[name] = Targets(expires: testTime.advanced(by: 30 * day))
            signers[name] = [try PrivateKey.generate(.ed25519)]
        }
        let keys = try (signers[name] ?? []).map { try Key($0.publicKey) }
        var role = delegator == "targets" ? targets : delegated[delegator] ?? targets
        var delegations = role.delegations ?? Delegations(keys: [:], roles: .listed([]))
        for key in keys { delegations.keys[key.keyID] = key }
        if case .listed(let roles) = delegations.roles {
            let entry = DelegatedRole(
                name: name,
                keys: RoleKeys(keyIDs: keys.map(\.keyID)),
                scope: scope,
                terminating: terminating
            )
            delegations.roles = .listed(roles + [entry])
        }
        role.delegations = delegations
        if delegator == "targets" { targets = role } else { delegated[delegator] = role }
    }
}

/// Trusted metadata in memory.
final class MemoryStore: TrustedStore {
    private let files = Mutex<[String: [UInt8]]>([:])
    /// The file that cannot be written.
    let unwritable = Mutex<String?>(nil)
    /// The file that cannot be read.
    let unreadable = Mutex<String?>(nil)
    private let isHeld = Mutex(false)

    var names: [String] { files.withLock { $0.keys.sorted() } }

    func load(_ name: String, limit: Int) throws(TUFError) -> [UInt8]? {
        if unreadable.withLock({ $0 == name }) { throw .store(operation: "read", path: name, errno: EIO) }
        let bytes = files.withLock { $0[name] }
        if let bytes, bytes.count > limit { throw .tooLong(name: name, limit: limit) }
        return bytes
    }
    func lock() throws(TUFError) -> StoreLock? {
        let isMine = isHeld.withLock { held in
            defer { held = true }
            return !held
        }
        return isMine ? StoreLock { self.isHeld.withLock { $0 = false } } : nil
    }
    func save(_ name: String, _ bytes: [UInt8]) throws(TUFError) {
        if unwritable.withLock({ $0 == name }) { throw .store(operation: "write", path: name, errno: ENOSPC) }
        files.withLock { $0[name] = bytes }
    }
    func remove(_ name: String) throws(TUFError) { files.withLock { $0[name] = nil } }

    func version<Role: SignedRole>(_ role: Role.Type) -> Int64? {
        guard let bytes = files.withLock({ $0["\(Role.type).json"] }) else { return nil }
        return try? Metadata<Role>(parsing: bytes).signed.version
    }
}

/// A host: what it trusts, and what it has asked for.
final class TestHost: Sendable {
    let store = MemoryStore()
    private let log = Mutex<[String]>([])

    /// The names of files that the last operation asked for.
    var requests: [String] { log.withLock { $0 } }

    init(_ repository: TestRepository) throws {
        try MetadataClient.initialize(store, trustedRoot: repository.files["1.root.json"] ?? [])
    }

    func client(
        _ repository: TestRepository,
        now: MetadataTime = testTime,
        limits: ClientLimits = ClientLimits()
    )
        -> MetadataClient
    {
        log.withLock { $0 = [] }
        let files = repository.files
        return MetadataClient(store: store, now: now, limits: limits) { name, limit in
            self.log.withLock { $0.append(name) }
            return files[name]
        }
    }

    func refresh(_ repository: TestRepository, now: MetadataTime = testTime) async throws {
        var client = client(repository, now: now)
        try await client.refresh()
    }

    /// What a refresh fails with; nil when it does not.
    func failure(_ repository: TestRepository, now: MetadataTime = testTime) async -> TUFError? {
        do {
            try await refresh(repository, now: now)
            return nil
        } catch {
            return error as? TUFError
        }
    }

    func target(_ path: String, _ repository: TestRepository, limits: ClientLimits = ClientLimits())
        async throws
        -> FoundTarget
    {
        var client = client(repository, limits: limits)
        return try await client.target(path)
    }
}
