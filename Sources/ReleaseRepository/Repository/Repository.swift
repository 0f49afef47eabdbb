import BootEntries
import Hashing
import JSON
public import Rollout
public import TUF

/// A TUF repository of releases: a static folder that any web server or object store serves.
///
/// ```
/// metadata/1.root.json 2.root.json ... timestamp.json N.snapshot.json N.targets.json
/// targets/VARIANT/ARCH/VERSION/SHA256.release.json (root.erofs, kernel, ...)
/// ```
///
/// A change writes targets first, then targets metadata and snapshot under new names, and `timestamp.json` last, each
/// flushed before the next. So whoever reads, and whenever the writer is killed, sees the state before or after, whole.
public struct Repository<Storage: RepositoryStorage>: Sendable {
    /// Where it is kept.
    public let storage: Storage
    /// Who signs.
    public let keys: KeyRing
    /// What "now" is.
    public let now: MetadataTime
    /// For how long new metadata are good.
    public let policy: ExpiryPolicy
    /// Says what is being done, for a person who waits.
    let progress: @Sendable (String) -> Void

    /// States a repository; nothing is read or written.
    ///
    /// - Throws: `RepositoryError.badValue` for an impossible policy.
    public init(
        _ storage: Storage,
        keys: KeyRing,
        now: MetadataTime,
        policy: ExpiryPolicy = .standard,
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(RepositoryError) {
        try policy.check()
        self.storage = storage
        self.keys = keys
        self.now = now
        self.policy = policy
        self.progress = progress
    }

    /// Makes an empty repository with the key ring's root.
    ///
    /// - Returns: whether anything was written; a repository that this key ring made before is left as it is.
    /// - Throws: `RepositoryError`, `.exists` where there is something else.
    public func initialize() async throws(RepositoryError) -> Bool {
        if try storage.length(RepositoryContents.timestampName) != nil {
            let contents = try RepositoryContents(reading: storage)
            try checkChain(contents.roots)
            return false
        }
        for name in try storage.list(RepositoryContents.targetsFolder) where !Self.isTemporary(name) {
            throw .exists(path: "\(storage.name)/\(name)")
        }
        try await commit(Targets(expires: now), replacing: nil, files: [])
        return true
    }

    /// Publishes a build, or several at once.
    ///
    /// A release that is there already with the same bytes is left as it is, waves and all.
    ///
    /// - Parameters:
    ///   - folders: the builds.
    ///   - waves: who may take them when.
    ///   - maxVersion: the newest version that hosts of these variants and architectures may take, written to all
    ///     their releases; nil leaves it.
    ///   - packs: from how many of the releases before it a new release gets a pack.
    /// - Returns: the names of the releases that are new; empty when nothing was written.
    /// - Throws: `RepositoryError`.
    public func publish(
        _ folders: [ReleaseFolder],
        waves: WaveTable,
        maxVersion: String? = nil,
        packs: Int = 3
    ) async throws(RepositoryError) -> [String] {
        let contents = try open()
        var targets = contents.targets.signed
        var files: [NewFile] = []
        var added: [String] = []
        defer { storage.removeScratch() }
        for folder in folders {
            var candidate = folder.candidate
            let release = String(candidate.targetName.dropLast("/release.json".count))
            if targets.target(candidate.targetName) != nil {
                try checkSame(folder, as: release, in: targets)
                continue
            }
            try checkVersion(candidate, in: targets)
            let maker = TransportMaker(scratch: try storage.makeScratch("\(added.count)"), progress: progress)
            let complete = try await maker.make(
                folder,
                from: earlier(than: candidate, in: targets, count: packs)
            )
            candidate.waves = waves
            for file in complete.files {
                let target = "\(release)/\(file.name)"
                targets.targets[target] = TargetFile(
                    length: file.length,
                    sha256: file.sha256,
                    custom: file.name == ReleaseFolder.manifestName ? candidate.custom : JSONValue?.none
                )
                files.append(
                    NewFile(
                        source: file,
                        name: RepositoryContents.fileName(target: target, sha256: file.sha256.hex)
                    )
                )
            }
            added.append(release)
        }
        if let maxVersion {
            for folder in folders { try setMaximum(maxVersion, like: folder.candidate, in: &targets) }
        }
        guard targets != contents.targets.signed else { return [] }
        try await commit(targets, replacing: contents, files: files)
        return added
    }

    /// Sets when a release reaches which hosts.
    ///
    /// - Returns: whether anything was written.
    /// - Throws: `RepositoryError.noSuchRelease`, `.withdrawn`, and others.
    public func setWaves(_ waves: WaveTable, of release: String) async throws(RepositoryError) -> Bool {
        try await change(release) { candidate throws(RepositoryError) in
            guard !candidate.isWithdrawn else { throw .withdrawn(release: release) }
            candidate.waves = waves
        }
    }

    /// Opens a release to all hosts now.
    ///
    /// - Returns: whether anything was written; nothing is when all waves are over.
    /// - Throws: `RepositoryError.noSuchRelease`, `.withdrawn`, and others.
    public func promote(_ release: String) async throws(RepositoryError) -> Bool {
        let now = now.seconds
        return try await change(release) { candidate throws(RepositoryError) in
            guard !candidate.isWithdrawn else { throw .withdrawn(release: release) }
            guard let end = candidate.waves.end, end > now else { return }
            do throws(RolloutError) { candidate.waves = try WaveTable([.init(seed: 0, time: now)]) } catch {
                throw .rollout(error)
            }
        }
    }

    /// Marks a release so that no host takes it, and hosts that run it may go back.
    ///
    /// - Returns: whether anything was written.
    /// - Throws: `RepositoryError.noSuchRelease` and others.
    public func withdraw(_ release: String) async throws(RepositoryError) -> Bool {
        try await change(release) { candidate throws(RepositoryError) in candidate.isWithdrawn = true }
    }

    /// Renews the timestamp, the other metadata when half of their life is over, and takes over new roots.
    ///
    /// - Returns: the names of the metadata files that were written.
    /// - Throws: `RepositoryError`.
    public func refresh() async throws(RepositoryError) -> [String] {
        let contents = try open()
        let hasNewRoot = contents.roots.links.count < keys.roots.links.count
        let targetsAreOld = contents.targets.signed.expires < now.advanced(by: policy.targets / 2)
        let snapshotIsOld = contents.snapshot.signed.expires < now.advanced(by: policy.snapshot / 2)
        if hasNewRoot || targetsAreOld {
            return try await commit(contents.targets.signed, replacing: contents, files: [])
        }
        if snapshotIsOld {
            return try await commit(nil, replacing: contents, files: [])
        }
        guard contents.timestamp.signed.expires != now.advanced(by: policy.timestamp) else { return [] }
        var timestamp = contents.timestamp.signed
        timestamp.common.version += 1
        timestamp.common.expires = now.advanced(by: policy.timestamp)
        let bytes = try await keys.sign(timestamp, for: [try keys.newestRoot()])
        try storage.write(bytes, to: RepositoryContents.timestampName)
        return ["timestamp.json"]
    }

    // MARK: changing

    private func change(
        _ release: String,
        _ body: (inout Candidate) throws(RepositoryError) -> Void
    ) async throws(RepositoryError) -> Bool {
        let contents = try open()
        var targets = contents.targets.signed
        var candidate = try RepositoryContents.release(release, in: targets)
        let before = candidate
        try body(&candidate)
        guard candidate != before else { return false }
        targets.targets[candidate.targetName]?.custom = candidate.custom
        try await commit(targets, replacing: contents, files: [])
        return true
    }

    private func setMaximum(_ maximum: String, like candidate: Candidate, in targets: inout Targets)
        throws(RepositoryError)
    {
        for other in try RepositoryContents.releases(of: targets)
        where other.variant == candidate.variant && other.architecture == candidate.architecture {
            var changed = other
            changed.maxVersion = UAPIVersion(maximum)
            // What a host could not read back is not written.
            guard (try? Candidate(custom: changed.custom)) == changed else {
                throw .badValue(
                    what: "the newest version",
                    value: maximum,
                    allowed: "letters, digits and '.', '~', '^', '-'"
                )
            }
            targets.targets[other.targetName]?.custom = changed.custom
        }
    }

    /// Reads the repository for a change and removes what an interrupted one left.
    private func open() throws(RepositoryError) -> RepositoryContents {
        let contents = try RepositoryContents(
            reading: storage,
            alsoTrusting: keys.roots.links.map(\.metadata.signed)
        )
        try checkChain(contents.roots)
        for name in try RepositoryLeftovers(storage, contents).names {
            progress("removing the leftover \(name)")
            try storage.remove(name)
        }
        return contents
    }

    static func isTemporary(_ name: String) -> Bool { name.hasSuffix(DurableFiles.temporarySuffix) }

    /// The repository's roots must be the first of the key ring's: else it belongs to another ring.
    private func checkChain(_ roots: RootChain) throws(RepositoryError) {
        for (index, link) in roots.links.enumerated() {
            guard index < keys.roots.links.count, keys.roots.links[index].bytes == link.bytes else {
                throw .otherRoot(version: Int64(index + 1), ring: keys.folder, repository: storage.name)
            }
        }
    }
}

extension RepositoryContents {
    /// A release by its name, VARIANT/ARCH/VERSION.
    static func release(_ name: String, in targets: Targets) throws(RepositoryError) -> Candidate {
        let all = try releases(of: targets)
        guard let candidate = all.first(where: { $0.targetName == "\(name)/release.json" }) else {
            throw .noSuchRelease(
                release: name,
                known: all.prefix(20).map { String($0.targetName.dropLast("/release.json".count)) }
            )
        }
        return candidate
    }
}
