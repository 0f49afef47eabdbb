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
    /// - Parameter acceptingOlder: makes one also when the key ring has published another, which was lost; versions go
    ///   on where that one's ended.
    /// - Returns: whether anything was written; a repository that this key ring made before is left as it is.
    /// - Throws: `RepositoryError`, `.exists` where there is something else, `.publishedBefore`.
    public func initialize(acceptingOlder: Bool = false) async throws(RepositoryError) -> Bool {
        if try storage.length(RepositoryContents.timestampName) != nil {
            _ = try read()
            return false
        }
        let noted = try PublishedState(reading: keys.folder)
        guard acceptingOlder || noted.timestamp == 0 else {
            throw .publishedBefore(ring: keys.folder, version: noted.timestamp, repository: storage.name)
        }
        for name in try storage.list(RepositoryContents.targetsFolder)
        where !RepositoryLeftovers.isTemporary(name) {
            throw .exists(path: "\(storage.name)/\(name)")
        }
        try await commit(Targets(expires: now), replacing: nil, files: [])
        return true
    }

    /// Publishes a build, or several at once.
    ///
    /// A release that is there already with the same bytes is left as it is, waves and all; of its files, those that were
    /// lost or damaged are put back.
    ///
    /// - Parameters:
    ///   - folders: the builds.
    ///   - waves: who may take them when.
    ///   - maximum: the newest version that hosts of these variants and architectures may take, written to all their
    ///     releases.
    ///   - packs: from how many of the releases before it a new release gets a pack.
    /// - Returns: what is new, and whether anything was written.
    /// - Throws: `RepositoryError`.
    public func publish(
        _ folders: [ReleaseFolder],
        waves: WaveTable,
        maximum: MaximumVersion = .unchanged,
        packs: Int = 3
    ) async throws(RepositoryError) -> Publication {
        let contents = try open(removingTargets: true)
        var targets = contents.targets.signed
        let maxima = try newMaxima(maximum, of: folders, in: targets)
        var files: [NewFile] = []
        var result = Publication()
        defer { storage.removeScratch() }
        (result.restored, result.lost) = try await putBack(folders, in: targets, packs: packs)
        for (number, folder) in folders.enumerated() {
            var candidate = folder.candidate
            let release = folder.name
            if targets.target(candidate.targetName) != nil {
                // It was there before, or is given twice.
                guard let twin = folders[..<number].first(where: { $0.name == release }) else { continue }
                guard twin.release == folder.release else {
                    throw .otherRelease(release: release, file: ReleaseFolder.manifestName)
                }
                continue
            }
            try checkVersion(candidate, in: targets)
            let maker = TransportMaker(scratch: try storage.makeScratch("\(number)"), progress: progress)
            let complete = try await maker.make(
                folder,
                from: earlier(than: candidate, in: targets, count: packs)
            )
            candidate.waves = waves
            if maximum == .unchanged {
                candidate.maxVersion = try self.maximum(like: candidate, in: targets)
                warnOfMaximum(candidate, release)
            }
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
            result.added.append(release)
        }
        for (candidate, maximum) in maxima { try setMaximum(maximum, like: candidate, in: &targets) }
        guard targets != contents.targets.signed else { return result }
        try await commit(targets, replacing: contents, files: files)
        result.hasNewMetadata = true
        return result
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

    /// Marks a release so that no host takes it, and hosts that run it say so.
    ///
    /// - Returns: whether anything was written.
    /// - Throws: `RepositoryError.noSuchRelease` and others.
    public func withdraw(_ release: String) async throws(RepositoryError) -> Bool {
        try await change(release) { candidate throws(RepositoryError) in candidate.isWithdrawn = true }
    }

    /// Renews the timestamp, the other metadata when half of their life is over, and takes over new roots.
    ///
    /// - Parameter acceptingOlder: takes a state that is older than what the key ring published last, a backup after a
    ///   loss; its versions go on where those that hosts have seen ended.
    /// - Returns: the names of the metadata files that were written.
    /// - Throws: `RepositoryError`; `.older` for a repository that is older than what was published last.
    public func refresh(acceptingOlder: Bool = false) async throws(RepositoryError) -> [String] {
        let contents = try open(acceptingOlder: acceptingOlder)
        let isOlder = try PublishedState(reading: keys.folder).timestamp > contents.timestamp.signed.version
        let hasNewRoot = contents.roots.links.count < keys.roots.links.count
        let targetsAreOld = contents.targets.signed.expires < now.advanced(by: policy.targets / 2)
        let snapshotIsOld = contents.snapshot.signed.expires < now.advanced(by: policy.snapshot / 2)
        if hasNewRoot || targetsAreOld || isOlder {
            return try await commit(contents.targets.signed, replacing: contents, files: [])
        }
        if snapshotIsOld {
            return try await commit(nil, replacing: contents, files: [])
        }
        guard contents.timestamp.signed.expires != now.advanced(by: policy.timestamp) else { return [] }
        return try await commit(nil, replacing: contents, files: [], isTimestampOnly: true)
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
        if !candidate.isWithdrawn { warnOfMaximum(candidate, release) }
        return true
    }

    /// Says so where the newest version that was set keeps hosts from a release.
    private func warnOfMaximum(_ candidate: Candidate, _ release: String) {
        guard candidate.isRecalled, let newest = candidate.maxVersion else { return }
        progress("no host takes \(release): the newest version that was set is \(newest)")
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
