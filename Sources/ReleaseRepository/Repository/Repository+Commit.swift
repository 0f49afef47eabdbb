import Hashing
import TUF

/// A target's file that is new in a change.
struct NewFile: Sendable {
    let source: ReleaseFolder.File
    /// Its name in the repository.
    let name: String
}

extension Repository {
    /// Writes a change: everything is signed before the first file is written, and `timestamp.json` comes last.
    ///
    /// After a rotation of keys, metadata are signed by the old and the new keys, as far as these are at hand: a host
    /// that reads between the last root and the new timestamp trusts both.
    ///
    /// - Parameters:
    ///   - targets: the new targets metadata, whose version and expiry are set here; nil keeps those that are there.
    ///   - contents: what is there; nil in a new repository.
    ///   - isTimestampOnly: keeps the snapshot too.
    /// - Returns: the names of the metadata files in the order they were written.
    @discardableResult
    func commit(
        _ targets: Targets?,
        replacing contents: RepositoryContents?,
        files: [NewFile],
        isTimestampOnly: Bool = false
    ) async throws(RepositoryError) -> [String] {
        let newest = try keys.newestRoot()
        let known = contents?.roots.links.count ?? 0
        let added = Array(keys.roots.links.dropFirst(known))
        // The newest first: its thresholds must be met. Then those that the repository's readers know.
        var roots = [newest]
        if let older = contents?.roots.latest?.signed {
            roots += added.dropLast().map(\.metadata.signed)
            if !added.isEmpty { roots.append(older) }
        }
        let successor = try Successor(self, of: contents, newest: newest)
        var state = successor.noted
        var snapshot =
            contents?.snapshot.signed ?? Snapshot(expires: now, meta: [:])
        var writes: [(name: String, bytes: [UInt8])] = []
        if var targets {
            try successor.advance(&targets.common, of: contents?.targets.signed, lifetime: policy.targets)
            let bytes = try await keys.sign(targets, for: roots)
            try Self.check(bytes, of: Targets.self, limit: RepositoryContents.targetsLimit)
            writes.append(("\(targets.version).targets.json", bytes))
            snapshot.meta["targets.json"] = Self.reference(bytes, version: targets.version)
        }
        var timestamp = contents?.timestamp.signed
        if !isTimestampOnly || timestamp == nil {
            try successor.advance(
                &snapshot.common,
                of: contents?.snapshot.signed,
                lifetime: policy.snapshot
            )
            let bytes = try await keys.sign(snapshot, for: roots)
            try Self.check(bytes, of: Snapshot.self, limit: ClientLimits().snapshotBytes)
            writes.append(("\(snapshot.version).snapshot.json", bytes))
            timestamp = Timestamp(
                expires: now,
                snapshot: Self.reference(bytes, version: snapshot.version)
            )
        }
        if var timestamp {
            try successor.advance(
                &timestamp.common,
                of: contents?.timestamp.signed,
                lifetime: policy.timestamp
            )
            state.timestamp = timestamp.version
            var bytes = try await keys.sign(timestamp, for: roots)
            // Signatures for older roots spare hosts a second try; they must not keep the change from them.
            if bytes.count > ClientLimits().timestampBytes {
                bytes = try await keys.sign(timestamp, for: [newest])
            }
            try Self.check(bytes, of: Timestamp.self, limit: ClientLimits().timestampBytes)
            writes.append(("timestamp.json", bytes))
        }
        for link in added {
            let name = RootChain.name(link.metadata.signed.version)
            // In a new repository a root comes before all; later the timestamp that both roots trust does.
            writes.insert((name, link.bytes), at: contents == nil ? 0 : writes.count)
        }
        // Roots in rising order, whichever end they stand at.
        if contents == nil { writes[..<added.count].reverse() }

        try put(files)
        for (name, bytes) in writes {
            progress("writing \(name)")
            try storage.write(bytes, to: RepositoryContents.metadataName(name))
        }
        state.root = newest.version
        state.snapshot = snapshot.version
        state.targets = snapshot.meta["targets.json"]?.version ?? state.targets
        note(state)
        if newest.expires < now.advanced(by: RepositoryVerification.rootMargin) {
            progress(
                "warning: the root expires at \(newest.expires): run 'bulkhead keys renew' in time, which needs its keys"
            )
        }
        return writes.map(\.name)
    }

    /// Writes targets' files that are not there as they should be.
    func put(_ files: [NewFile]) throws(RepositoryError) {
        for file in files {
            if let there = try storage.digest(file.name), there == (file.source.length, file.source.sha256) {
                continue
            }
            progress("writing \(file.name)")
            try storage.copy(
                file.source.path,
                to: file.name,
                length: file.source.length,
                sha256: file.source.sha256
            )
        }
    }

    /// Refuses metadata that no host would read.
    private static func check<Role: SignedRole>(_ bytes: [UInt8], of role: Role.Type, limit: Int)
        throws(RepositoryError)
    {
        let name = "\(Role.type).json"
        guard bytes.count <= limit else { throw .metadata(name: name, .tooLong(name: name, limit: limit)) }
        // Documents are bounded in more than their length.
        do throws(TUFError) { _ = try Metadata<Role>(parsing: bytes) } catch {
            throw .metadata(name: name, error)
        }
    }

    /// Notes what was published, where the key ring can be written: the change is done whether or not it can.
    private func note(_ state: PublishedState) {
        do throws(RepositoryError) { try state.write(to: keys.folder) } catch {
            progress(
                "warning: \(error), so an older state of '\(storage.name)' would not be recognised as one; "
                    + "make the key ring writable"
            )
        }
    }

    private static func reference(_ bytes: [UInt8], version: Int64) -> MetaFile {
        MetaFile(
            version: version,
            length: Int64(bytes.count),
            hashes: ["sha256": SHA256Digest(hashing: bytes).hex]
        )
    }
}

/// What comes after metadata that are there: the next version and a later expiry.
private struct Successor {
    /// What the key ring published last.
    let noted: PublishedState
    /// Whether hosts forget timestamp and snapshot, and with it the version of targets metadata, as they come to the
    /// newest root: it took a key of these roles away.
    private let isForgotten: Bool
    private let replaced: Set<String>
    /// The highest versions in names of files, which are never used for other content.
    private var used: [String: Int64] = [:]
    private let now: MetadataTime
    private let policy: ExpiryPolicy

    init<Storage>(_ repository: Repository<Storage>, of contents: RepositoryContents?, newest: Root)
        throws(RepositoryError)
    {
        noted = try PublishedState(reading: repository.keys.folder)
        (now, policy) = (repository.now, repository.policy)
        let older = contents?.roots.latest?.signed
        replaced = Set(
            Root.topLevelRoles.filter { role in
                let kept = Set(newest.roles[role]?.keyIDs ?? [])
                return !(older?.roles[role]?.keyIDs ?? []).allSatisfy(kept.contains)
            }
        )
        isForgotten = replaced.contains(Timestamp.type) || replaced.contains(Snapshot.type)
        guard isForgotten else { return }
        for name in try repository.storage.list(RepositoryContents.metadataFolder) {
            guard let (version, file) = RepositoryLeftovers.version(of: name),
                version < PublishedState.versionLimit
            else { continue }
            let role = file.hasSuffix(".json") ? String(file.dropLast(".json".count)) : file
            used[role] = max(used[role] ?? 0, version)
        }
    }

    /// Sets version and expiry of new metadata.
    func advance<Role: SignedRole>(_ common: inout CommonFields, of there: Role?, lifetime: Int64)
        throws(RepositoryError)
    {
        let published =
            switch Role.type {
            case Timestamp.type: noted.timestamp
            case Snapshot.type: noted.snapshot
            default: noted.targets
            }
        var last = max(there?.version ?? 0, published)
        if last >= PublishedState.versionLimit {
            // Who had the keys may have raised versions to the end, so that ours would look like old ones.
            guard isForgotten else { throw .fastForwarded(role: Role.type, version: last) }
            last = max(published, used[Role.type] ?? 0)
            guard last < PublishedState.versionLimit else {
                throw .fastForwarded(role: Role.type, version: last)
            }
        }
        common.version = last + 1
        common.expires = now.advanced(by: lifetime)
        if let there, !replaced.contains(Role.type) {
            try policy.check(common.expires, of: Role.type, after: there.expires)
        }
    }
}
