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
    /// - Returns: the names of the metadata files in the order they were written.
    @discardableResult
    func commit(
        _ targets: Targets?,
        replacing contents: RepositoryContents?,
        files: [NewFile]
    ) async throws(RepositoryError) -> [String] {
        let known = contents?.roots.links.count ?? 0
        let added = Array(keys.roots.links.dropFirst(known))
        // The newest first: its thresholds must be met. Then those that the repository's readers know.
        var roots = [try keys.newestRoot()]
        if let older = contents?.roots.latest?.signed {
            roots += added.dropLast().map(\.metadata.signed)
            if !added.isEmpty { roots.append(older) }
        }
        var snapshot =
            contents?.snapshot.signed ?? Snapshot(expires: now, meta: [:])
        var writes: [(name: String, bytes: [UInt8])] = []
        if var targets {
            targets.common.version = (contents?.targets.signed.version ?? 0) + 1
            targets.common.expires = now.advanced(by: policy.targets)
            let bytes = try await keys.sign(targets, for: roots)
            guard bytes.count <= RepositoryContents.targetsLimit else {
                throw .metadata(
                    name: "targets.json",
                    .tooLong(name: "targets.json", limit: RepositoryContents.targetsLimit)
                )
            }
            writes.append(("\(targets.version).targets.json", bytes))
            snapshot.meta["targets.json"] = Self.reference(bytes, version: targets.version)
        }
        snapshot.common.version = (contents?.snapshot.signed.version ?? 0) + 1
        snapshot.common.expires = now.advanced(by: policy.snapshot)
        let snapshotBytes = try await keys.sign(snapshot, for: roots)
        writes.append(("\(snapshot.version).snapshot.json", snapshotBytes))
        var timestamp = Timestamp(
            expires: now.advanced(by: policy.timestamp),
            snapshot: Self.reference(snapshotBytes, version: snapshot.version)
        )
        timestamp.common.version = (contents?.timestamp.signed.version ?? 0) + 1
        writes.append(("timestamp.json", try await keys.sign(timestamp, for: roots)))
        for link in added {
            let name = RootChain.name(link.metadata.signed.version)
            // In a new repository a root comes before all; later the timestamp that both roots trust does.
            writes.insert((name, link.bytes), at: contents == nil ? 0 : writes.count)
        }
        // Roots in rising order, whichever end they stand at.
        if contents == nil { writes[..<added.count].reverse() }

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
        for (name, bytes) in writes {
            progress("writing \(name)")
            try storage.write(bytes, to: RepositoryContents.metadataName(name))
        }
        return writes.map(\.name)
    }

    private static func reference(_ bytes: [UInt8], version: Int64) -> MetaFile {
        MetaFile(
            version: version,
            length: Int64(bytes.count),
            hashes: ["sha256": SHA256Digest(hashing: bytes).hex]
        )
    }
}

/// Files that no reader can come to: what an interrupted change left.
struct RepositoryLeftovers {
    /// Their names, in order.
    private(set) var names: [String] = []

    init(_ storage: some RepositoryStorage, _ contents: RepositoryContents) throws(RepositoryError) {
        let newest: [String: Int64] = [
            "snapshot.json": contents.snapshot.signed.version,
            "targets.json": contents.targets.signed.version,
            "root.json": Int64(contents.roots.links.count),
        ]
        for name in try storage.list(RepositoryContents.metadataFolder) {
            let file = name.dropFirst(RepositoryContents.metadataFolder.count + 1)
            let parts = file.split(separator: ".", maxSplits: 1)
            if name.hasSuffix(DurableFiles.temporarySuffix) {
                names.append(name)
            } else if parts.count == 2, let version = Int64(parts[0]), let last = newest[String(parts[1])],
                version > last
            {
                names.append(name)
            }
        }
        let wanted = Set(
            contents.targets.signed.targets.map { target, file in
                RepositoryContents.fileName(target: target, sha256: file.hashes["sha256"] ?? "")
            }
        )
        for name in try storage.list(RepositoryContents.targetsFolder) where !wanted.contains(name) {
            names.append(name)
        }
    }
}
