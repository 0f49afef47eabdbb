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

    static let manifestName = "release.json"
    static let rootName = "root.erofs"

    /// The folder.
    public let path: String
    /// What the repository will say of the release; its waves are not decided here.
    public let candidate: Candidate
    /// The manifest, as the build wrote it or with the table of transports.
    let release: Release
    /// The files, `release.json` first.
    let files: [File]

    /// Reads a folder and checks its files against `release.json`.
    ///
    /// - Throws: `RepositoryError.badBuild`.
    public init(reading path: String) throws(RepositoryError) {
        let manifest = "\(path)/\(Self.manifestName)"
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
        guard release.transports == nil else {
            throw .badBuild(
                path: manifest,
                reason:
                    "it has a table of transports, which publishing makes; name a folder that 'bulkhead build' made"
            )
        }
        var files = [Self.manifest(manifest, bytes)]
        let contents = [
            Release.File(file: Self.rootName, size: release.root.size, sha256: release.root.sha256),
            release.uki,
        ]
        for content in contents {
            let file = "\(path)/\(content.file)"
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
            files.append(Self.file(content, in: path))
        }
        self.init(path: path, release: release, files: files)
    }

    /// What the release is called in a repository: VARIANT/ARCH/VERSION.
    var name: String { String(candidate.targetName.dropLast("/\(Self.manifestName)".count)) }

    private init(path: String, release: Release, files: [File]) {
        self.path = path
        self.release = release
        self.files = files
        candidate = Candidate(
            variant: release.variant,
            architecture: release.architecture,
            version: UAPIVersion(release.version),
            rootHash: release.root.hash
        )
    }

    /// The same build with the files of its transports, and the manifest that lists them.
    func adding(_ release: Release, manifest: String, bytes: [UInt8], transports folder: String)
        -> ReleaseFolder
    {
        ReleaseFolder(
            path: path,
            release: release,
            files: [Self.manifest(manifest, bytes)] + files.dropFirst()
                + release.transportFiles.map { Self.file($0, in: folder) }
        )
    }

    private static func manifest(_ path: String, _ bytes: [UInt8]) -> File {
        File(
            path: path,
            name: manifestName,
            length: Int64(bytes.count),
            sha256: SHA256Digest(hashing: bytes)
        )
    }

    private static func file(_ file: Release.File, in folder: String) -> File {
        File(
            path: "\(folder)/\(file.file)",
            name: file.file,
            length: Int64(clamping: file.size),
            sha256: file.sha256
        )
    }
}

extension Release {
    /// The files of the table of transports.
    var transportFiles: [File] {
        guard let transports else { return [] }
        return [transports.frames, transports.index] + transports.packs.map(\.file)
    }
}
