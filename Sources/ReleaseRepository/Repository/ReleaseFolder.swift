import BootEntries
import Foundation
import Hashing
import ReleaseManifest
public import Rollout

/// A build folder, as `bulkhead build` makes them, on its way into a repository.
public struct ReleaseFolder: Sendable {
    /// A file that hosts may download.
    struct File: Sendable, Equatable {
        /// Where it is now.
        let path: String
        /// Its name in the release: one path component.
        let name: String
        let length: Int64
        let sha256: SHA256Digest
    }

    /// The folder.
    public let path: String
    /// What the repository will say of the release; its waves are not decided here.
    public let candidate: Candidate
    /// The files, `release.json` first.
    let files: [File]

    /// Reads a folder and checks its files against `release.json`.
    ///
    /// - Throws: `RepositoryError.badBuild`.
    public init(reading path: String) throws(RepositoryError) {
        self.path = path
        let manifest = "\(path)/release.json"
        guard let bytes = try DurableFiles.read(manifest, limit: Release.sizeLimit) else {
            throw .badBuild(
                path: path,
                reason: "it has no release.json; name a folder that 'bulkhead build' made"
            )
        }
        let release: Release
        do throws(ReleaseManifestError) { release = try Release(decoding: bytes) } catch {
            throw .badBuild(path: manifest, reason: "\(error)")
        }
        candidate = Candidate(
            variant: release.variant,
            architecture: release.architecture,
            version: UAPIVersion(release.version),
            rootHash: release.root.hash
        )
        var files = [
            File(
                path: manifest,
                name: "release.json",
                length: Int64(bytes.count),
                sha256: SHA256Digest(hashing: bytes)
            )
        ]
        let contents = [
            (name: "root.erofs", size: release.root.size, sha256: release.root.sha256),
            (name: release.uki.file, size: release.uki.size, sha256: release.uki.sha256),
        ]
        for content in contents + Self.transports(of: release) {
            let file = "\(path)/\(content.name)"
            let digest: SHA256Digest
            do throws(HashingError) { digest = try SHA256Digest(hashingFile: file) } catch {
                throw .badBuild(path: file, reason: "\(error)")
            }
            guard digest == content.sha256 else {
                throw .badBuild(
                    path: file,
                    reason:
                        "its SHA-256 is \(digest), and release.json says \(content.sha256); build it again"
                )
            }
            files.append(
                File(path: file, name: content.name, length: Int64(clamping: content.size), sha256: digest)
            )
        }
        self.files = files
    }

    /// What a release has beside its root and kernel so that less is downloaded: index, frames and packs, which
    /// `release.json` lists by name, size and digest.
    ///
    /// This is where they join: each becomes one more target of the release, checked and copied like the others.
    private static func transports(of release: Release) -> [(
        name: String, size: UInt64, sha256: SHA256Digest
    )] {
        []
    }
}
