import BootEntries
import Hashing
import ReleaseManifest
import Rollout
import TUF

extension Repository {
    /// Two texts of one version (1.0 and 1.00) would leave it open which of them a host takes.
    func checkVersion(_ candidate: Candidate, in targets: Targets) throws(RepositoryError) {
        for other in try RepositoryContents.releases(of: targets)
        where other.isLike(candidate) && other.version == candidate.version
            && other.version.text != candidate.version.text
        {
            throw .badValue(
                what: "the version",
                value: candidate.version.text,
                allowed: "another one: it is the same as \(other.version), which is published"
            )
        }
    }

    /// A release that is there must be the very build that is published again.
    ///
    /// - Parameter lost: files that can't be compared.
    func checkSame(
        _ folder: ReleaseFolder,
        as release: String,
        in targets: Targets,
        _ lost: [String]
    ) throws(RepositoryError) {
        for file in folder.files.dropFirst() {
            let known = targets.target("\(release)/\(file.name)")
            guard known?.length == file.length, known?.hashes["sha256"] == file.sha256.hex else {
                throw .otherRelease(release: release, file: file.name)
            }
        }
        // Made again it has what was signed, or it is not put back.
        if lost.contains(ReleaseFolder.manifestName) { return }
        // The manifest has one thing more since: the table of transports.
        var published = try manifest(of: release, in: targets)
        published.transports = nil
        guard published == folder.release else {
            throw .otherRelease(release: release, file: ReleaseFolder.manifestName)
        }
    }

    /// The releases before one that hosts may run, the newest first, at most a number of them.
    func earlier(than candidate: Candidate, in targets: Targets, count: Int)
        throws(RepositoryError) -> [TransportMaker.Earlier]
    {
        var earlier: [TransportMaker.Earlier] = []
        for other in try RepositoryContents.releases(of: targets)
        where other.isLike(candidate) && other.version < candidate.version && earlier.count < count {
            let name = String(other.targetName.dropLast("/release.json".count))
            do throws(RepositoryError) {
                // Those of this very change have no files here yet.
                guard let root = targets.target("\(name)/\(ReleaseFolder.rootName)"),
                    case let file = try fileName("\(name)/\(ReleaseFolder.rootName)", root),
                    try storage.length(file) == root.length
                else { continue }
                let facts = try manifest(of: name, in: targets).root
                // Hosts find a pack by the root that they run.
                guard !earlier.contains(where: { $0.root.hash == facts.hash }) else { continue }
                earlier.append(
                    TransportMaker.Earlier(
                        version: other.version.text,
                        root: facts,
                        path: storage.path(file)
                    )
                )
            } catch {
                progress("warning: hosts get no pack from \(name): \(error); see 'bulkhead repo verify'")
            }
        }
        return earlier
    }

    private func manifest(of release: String, in targets: Targets) throws(RepositoryError) -> Release {
        let target = "\(release)/\(ReleaseFolder.manifestName)"
        guard let file = targets.target(target) else { throw .noSuchRelease(release: release, known: []) }
        let name = try fileName(target, file)
        guard let bytes = try storage.read(name, limit: Release.sizeLimit) else {
            throw .metadata(name: target, .notFound(name: name))
        }
        guard SHA256Digest(hashing: bytes).hex == file.hashes["sha256"] else {
            throw .metadata(name: target, .wrongHash(name: name, algorithm: "sha256"))
        }
        do throws(ReleaseManifestError) { return try Release(decoding: bytes) } catch {
            throw .badBuild(path: storage.path(name), reason: "\(error)")
        }
    }

    private func fileName(_ target: String, _ file: TargetFile) throws(RepositoryError) -> String {
        guard let sha256 = file.hashes["sha256"] else {
            throw .metadata(name: target, .unknownHashes(name: target))
        }
        return RepositoryContents.fileName(target: target, sha256: sha256)
    }
}
