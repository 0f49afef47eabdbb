/// How much a client is willing to read.
public struct ClientLimits: Sendable, Equatable {
    /// New versions of the root metadata in one operation.
    public var rootRotations = 256
    /// Delegated roles that are asked about one target.
    public var delegations = 32
    /// Bytes of root metadata.
    public var rootBytes = 512_000
    /// Bytes of timestamp metadata.
    public var timestampBytes = 16_384
    /// Bytes of snapshot metadata, where the timestamp does not say.
    public var snapshotBytes = 2_000_000
    /// Bytes of targets metadata, where the snapshot does not say.
    public var targetsBytes = 5_000_000
    /// How long another operation is waited for that has the store.
    public var lockTime: Duration = .seconds(10)

    /// Bytes of any metadata, whatever is said of it: what one document in memory may take.
    public static let documentBytes = 8 << 20

    /// The limits of python-tuf.
    public init() {}

    /// A promised length is trusted, but nobody needs metadata of more than ten times the usual limit.
    static func most(_ usual: Int) -> Int {
        let (product, overflow) = usual.multipliedReportingOverflow(by: 10)
        return overflow ? documentBytes : min(product, documentBytes)
    }
}

/// The client workflow of the TUF specification (section 5), over any way to fetch and to store.
///
/// One value is one operation: it knows one time, refreshes once, and answers questions about targets from one
/// consistent state of the repository. Trusted metadata is written to the store as soon as it is trusted, so an
/// operation that is broken off anywhere leaves what it had verified. The time of the last operation that found everything
/// right is kept with it: a clock that is behind it can't be trusted to tell what has expired.
public struct MetadataClient: Sendable {
    /// Fetches a file of metadata by its name below the metadata's address, for example "2.root.json".
    ///
    /// It gives nil when the repository says that there is no such file, and throws for everything else; it must stop
    /// reading behind the limit, which is in bytes.
    public typealias Fetch = @Sendable (_ name: String, _ limit: Int) async throws -> [UInt8]?

    let store: any TrustedStore
    let limits: ClientLimits
    /// The time of the operation.
    public let now: MetadataTime
    private let fetch: Fetch
    /// The trusted root metadata, once refreshed.
    public private(set) var root: Root?
    /// The trusted timestamp metadata, once refreshed.
    public private(set) var timestamp: Timestamp?
    /// The trusted snapshot metadata, once refreshed.
    public private(set) var snapshot: Snapshot?
    /// The trusted top-level targets metadata, once refreshed.
    public private(set) var targets: Targets?

    /// A client for one operation.
    /// - Parameters:
    ///   - store: where trusted metadata is kept; it holds a trusted root.
    ///   - now: the time, against which all expiry is judged.
    ///   - limits: how much may be read.
    ///   - fetch: how metadata is fetched.
    public init(
        store: any TrustedStore,
        now: MetadataTime,
        limits: ClientLimits = ClientLimits(),
        fetch: @escaping Fetch
    ) {
        self.store = store
        self.now = now
        self.limits = limits
        self.fetch = fetch
    }

    /// Puts a first root metadata, which the caller trusts, into a store.
    /// - Throws: `TUFError` when it is no root metadata, or is not signed by its own keys; `storeInUse`.
    public static func initialize(_ store: any TrustedStore, trustedRoot bytes: [UInt8]) throws(TUFError) {
        try Metadata<Root>(parsing: bytes).verifyBySelf()
        guard let lock = try store.lock() else { throw .storeInUse }
        defer { lock.release() }
        try store.save(MetadataFileName.of(Root.type), bytes)
    }

    /// Brings the metadata of the four top-level roles up to date; the second call of one operation does nothing.
    /// - Throws: `TUFError` with the first thing that is wrong.
    public mutating func refresh() async throws(TUFError) {
        guard targets == nil else { return }
        let lock = try await lockedStore()
        defer { lock.release() }
        let seen = try checkClock()
        let root = try await updatedRoot()
        self.root = root
        let timestamp = try await updatedTimestamp(root)
        self.timestamp = timestamp
        let snapshot = try await updatedSnapshot(root, timestamp)
        self.snapshot = snapshot
        guard let keys = root.roles[Targets.type] else {
            throw .unknownRole(Targets.type, delegator: Root.type)
        }
        let targets = try await loadTargets(
            Targets.type,
            Delegator(name: Root.type, keys: root.keys, role: keys),
            root,
            snapshot
        )
        try keepTime(after: seen)
        self.targets = targets
    }

    /// Section 5.3: root metadata, version by version, each signed by the one before and by itself.
    private func updatedRoot() async throws(TUFError) -> Root {
        let name = MetadataFileName.of(Root.type)
        guard let bytes = try store.load(name, limit: limits.rootBytes) else { throw .noTrustedRoot }
        let trusted = try Metadata<Root>(parsing: bytes)
        try trusted.verifyBySelf()
        var root = trusted.signed
        for _ in 0..<limits.rootRotations {
            guard root.version < Int64.max else { break }
            let next = root.version + 1
            let file = MetadataFileName.of(Root.type, version: next)
            guard let bytes = try await fetched(file, limit: limits.rootBytes) else { break }
            let new = try Metadata<Root>(parsing: bytes)
            try new.verify(by: root)
            guard new.signed.version == next else {
                throw .wrongVersion(role: Root.type, expected: next, found: new.signed.version)
            }
            try new.verifyBySelf()
            try forgetFastForwarded(from: root, to: new.signed)
            try store.save(name, bytes)
            root = new.signed
        }
        try checkExpiry(Root.type, root)
        return root
    }

    /// Section 5.3.11: who stole keys of these roles may have raised versions, so that ours would look like old ones.
    ///
    /// What was trusted is removed before the new root is: a cut between them must not leave it behind for good. A key
    /// that was only added takes nothing away from what the others signed.
    private func forgetFastForwarded(from old: Root, to new: Root) throws(TUFError) {
        for role in [Timestamp.type, Snapshot.type] {
            let kept = Set(new.roles[role]?.keyIDs ?? [])
            let isWhole = (old.roles[role]?.keyIDs ?? []).allSatisfy { keyID in
                kept.contains(keyID) && old.keys[keyID] == new.keys[keyID]
            }
            if isWhole { continue }
            try store.remove(MetadataFileName.of(Timestamp.type))
            try store.remove(MetadataFileName.of(Snapshot.type))
            return
        }
    }

    /// Section 5.4.
    private func updatedTimestamp(_ root: Root) async throws(TUFError) -> Timestamp {
        let name = MetadataFileName.of(Timestamp.type)
        let trusted: Metadata<Timestamp>? = try local(name, limit: limits.timestampBytes, root)?.metadata
        guard let bytes = try await fetched(name, limit: limits.timestampBytes) else {
            throw .notFound(name: name)
        }
        let new = try Metadata<Timestamp>(parsing: bytes)
        try new.verify(by: root)
        if let trusted = trusted?.signed {
            try checkRollback(Timestamp.type, trusted: trusted.version, new: new.signed.version)
            if new.signed.version == trusted.version {
                // Not the new one, even if it differs: a version has one content.
                try checkExpiry(Timestamp.type, trusted)
                return trusted
            }
            try checkRollback(
                Snapshot.type,
                trusted: trusted.snapshot.version,
                new: new.signed.snapshot.version
            )
        }
        try checkExpiry(Timestamp.type, new.signed)
        try store.save(name, bytes)
        return new.signed
    }

    /// Section 5.5.
    private func updatedSnapshot(_ root: Root, _ timestamp: Timestamp) async throws(TUFError) -> Snapshot {
        let name = MetadataFileName.of(Snapshot.type)
        let meta = timestamp.snapshot
        let limit = try Self.limit(meta, limits.snapshotBytes, name: name)
        // It may be as long as the longest that was ever promised.
        let known: (metadata: Metadata<Snapshot>, bytes: [UInt8])? = try local(
            name,
            limit: ClientLimits.most(limits.snapshotBytes),
            root
        )
        let trusted = known?.metadata.signed
        if let known, let trusted, trusted.version == meta.version, trusted.expires > now,
            (try? meta.check(known.bytes, name: name)) != nil
        {
            return trusted
        }
        let file = MetadataFileName.of(Snapshot.type, version: root.consistentSnapshot ? meta.version : nil)
        guard let bytes = try await fetched(file, limit: limit) else { throw .notFound(name: file) }
        try meta.check(bytes, name: file)
        let new = try Metadata<Snapshot>(parsing: bytes)
        try new.verify(by: root)
        guard new.signed.version == meta.version else {
            throw .wrongVersion(role: Snapshot.type, expected: meta.version, found: new.signed.version)
        }
        // The last one that was trusted counts, expired or not.
        for (name, old) in trusted?.meta ?? [:] {
            guard let file = new.signed.meta[name] else { throw .missingFromSnapshot(role: name) }
            try checkRollback(name, trusted: old.version, new: file.version)
        }
        try checkExpiry(Snapshot.type, new.signed)
        try store.save(name, bytes)
        return new.signed
    }

    /// Section 5.6, for the top-level role and for delegated ones.
    func loadTargets(_ role: String, _ delegator: Delegator, _ root: Root, _ snapshot: Snapshot)
        async throws(TUFError) -> Targets
    {
        guard let meta = snapshot.meta["\(role).json"] else { throw .missingFromSnapshot(role: role) }
        let name = MetadataFileName.of(role)
        let limit = try Self.limit(meta, limits.targetsBytes, name: name)
        if let bytes = try store.load(name, limit: ClientLimits.most(limits.targetsBytes)),
            let trusted = try? verified(bytes, role, delegator, meta, file: name)
        {
            return trusted
        }
        let file = MetadataFileName.of(role, version: root.consistentSnapshot ? meta.version : nil)
        guard let bytes = try await fetched(file, limit: limit) else { throw .notFound(name: file) }
        let new = try verified(bytes, role, delegator, meta, file: file)
        try store.save(name, bytes)
        return new
    }

    private func verified(
        _ bytes: [UInt8],
        _ role: String,
        _ delegator: Delegator,
        _ meta: MetaFile,
        file: String
    )
        throws(TUFError) -> Targets
    {
        try meta.check(bytes, name: file)
        let new = try Metadata<Targets>(parsing: bytes, name: role)
        try new.verify(by: delegator.role, keys: delegator.keys, name: role, delegator: delegator.name)
        guard new.signed.version == meta.version else {
            throw .wrongVersion(role: role, expected: meta.version, found: new.signed.version)
        }
        try checkExpiry(role, new.signed)
        return new.signed
    }

    /// Fetches a file of at most `limit` bytes.
    private func fetched(_ name: String, limit: Int) async throws(TUFError) -> [UInt8]? {
        let bytes: [UInt8]?
        do {
            bytes = try await fetch(name, limit)
        } catch let error as TUFError {
            throw error
        } catch {
            throw .fetch(name: name, reason: "\(error)")
        }
        if let bytes, bytes.count > limit { throw .tooLong(name: name, limit: limit) }
        return bytes
    }

    /// How many bytes a file may have: as many as are promised, or else as are usual.
    private static func limit(_ meta: MetaFile, _ usual: Int, name: String) throws(TUFError) -> Int {
        let most = ClientLimits.most(usual)
        guard let length = meta.length else { return min(usual, most) }
        guard length <= most else { throw .tooLong(name: name, limit: most) }
        return Int(length)
    }

    private func checkRollback(_ role: String, trusted: Int64, new: Int64) throws(TUFError) {
        guard new >= trusted else { throw .rollback(role: role, trusted: trusted, found: new) }
    }

    private func checkExpiry(_ role: String, _ signed: some SignedRole) throws(TUFError) {
        guard signed.expires > now else { throw .expired(role: role, at: signed.expires, now: now) }
    }
}

/// Who says which keys sign a role.
struct Delegator {
    let name: String
    let keys: [String: Key]
    let role: RoleKeys
}

extension Metadata where Role == Root {
    /// Checks that a root is signed by the keys that it names itself.
    func verifyBySelf() throws(TUFError) { try verify(by: signed) }
}
