import Hashing
public import Rollout
import TUF

/// The metadata that a repository's newest timestamp leads to, as a client reads them.
struct RepositoryContents: Sendable {
    /// The root metadata of the repository.
    var roots: RootChain
    var timestamp: Metadata<Timestamp>
    var snapshot: Metadata<Snapshot>
    var targets: Metadata<Targets>

    static let metadataFolder = "metadata"
    static let targetsFolder = "targets"
    /// Largest metadata file but targets metadata.
    static let sizeLimit = 1 << 20
    /// Largest targets metadata: as much as hosts read, which is less than tough, Bottlerocket's client, does.
    static let targetsLimit = ClientLimits.documentBytes

    static func metadataName(_ name: String) -> String { "\(metadataFolder)/\(name)" }
    static var timestampName: String { metadataName("timestamp.json") }

    /// The name of a target's file: its digest before the last component (consistent snapshots).
    static func fileName(target: String, sha256: String) -> String {
        let parts = target.split(separator: "/", omittingEmptySubsequences: false)
        return ([targetsFolder] + parts.dropLast().map(String.init) + ["\(sha256).\(parts.last ?? "")"])
            .joined(separator: "/")
    }

    /// Reads and checks what a client would: signatures, versions, hashes and lengths, but not expiry.
    ///
    /// - Parameter trusting: gets the repository's roots, and returns those whose keys may have signed, at least one: by
    ///   default the newest.
    init(
        reading storage: some RepositoryStorage,
        trusting: (RootChain) throws(RepositoryError) -> [Root] = { chain throws(RepositoryError) in
            chain.links.suffix(1).map(\.metadata.signed)
        }
    ) throws(RepositoryError) {
        roots = try RootChain { name throws(RepositoryError) in
            try storage.read(Self.metadataName(name), limit: RootChain.sizeLimit)
        }
        guard roots.latest != nil else {
            throw .notFound(
                path: storage.name,
                what: "repository",
                command: "bulkhead repo init \(storage.name) --keys KEYS"
            )
        }
        let trusted = try trusting(roots)
        timestamp = try Self.read(storage, "timestamp.json", nil, trusted)
        let snapshotFile = timestamp.signed.snapshot
        snapshot = try Self.read(
            storage,
            "\(snapshotFile.version).snapshot.json",
            snapshotFile,
            trusted
        )
        guard let targetsFile = snapshot.signed.meta["targets.json"] else {
            throw .metadata(name: "snapshot.json", .missingFromSnapshot(role: Targets.type))
        }
        targets = try Self.read(storage, "\(targetsFile.version).targets.json", targetsFile, trusted)
    }

    private static func read<Role: SignedRole>(
        _ storage: some RepositoryStorage,
        _ name: String,
        _ reference: MetaFile?,
        _ trusted: [Root]
    ) throws(RepositoryError) -> Metadata<Role> {
        let limit = Role.self == Targets.self ? targetsLimit : sizeLimit
        guard let bytes = try storage.read(metadataName(name), limit: limit) else {
            throw .metadata(name: name, .notFound(name: name))
        }
        do throws(TUFError) {
            if let length = reference?.length, Int64(bytes.count) != length {
                throw TUFError.wrongLength(name: name, expected: length, found: Int64(bytes.count))
            }
            if let hash = reference?.hashes?["sha256"], SHA256Digest(hashing: bytes).hex != hash {
                throw TUFError.wrongHash(name: name, algorithm: "sha256")
            }
            let metadata = try Metadata<Role>(parsing: bytes)
            let isValid = trusted.dropFirst().contains { (try? metadata.verify(by: $0)) != nil }
            if !isValid, let first = trusted.first { try metadata.verify(by: first) }
            if let reference, metadata.signed.version != reference.version {
                throw TUFError.wrongVersion(
                    role: Role.type,
                    expected: reference.version,
                    found: metadata.signed.version
                )
            }
            return metadata
        } catch {
            throw .metadata(name: name, error)
        }
    }

    /// Every release, the newest versions of each variant and architecture first.
    ///
    /// - Throws: `RepositoryError.rollout` for a description that is damaged.
    static func releases(of targets: Targets) throws(RepositoryError) -> [Candidate] {
        var releases: [Candidate] = []
        for (name, file) in targets.targets where name.hasSuffix("/release.json") {
            guard let custom = file.custom else { continue }
            do throws(RolloutError) { releases.append(try Candidate(custom: custom)) } catch {
                throw .rollout(error)
            }
        }
        return releases.sorted {
            ($0.variant, $0.architecture) != ($1.variant, $1.architecture)
                ? ($0.variant, $0.architecture) < ($1.variant, $1.architecture) : $0.version > $1.version
        }
    }
}

/// What can be known of a repository without its keys.
public enum RepositoryReading {
    /// The waves of a release.
    ///
    /// - Throws: `RepositoryError.noSuchRelease`, or what is wrong with the repository.
    public static func waves(of release: String, in storage: some RepositoryStorage) throws(RepositoryError)
        -> WaveTable
    {
        let contents = try RepositoryContents(reading: storage)
        return try RepositoryContents.release(release, in: contents.targets.signed).waves
    }
}
