import BlockDevices
import Bytes
import Foundation
import Hashing
import ReleaseManifest
import UpdateBlocks

/// Makes what a release has beside its root so that hosts download less: frames, index, packs from earlier releases, and
/// the table of the kernel image's parts (docs/update-format.md).
///
/// The same images give the same bytes, so a publication that was interrupted makes the same release again.
struct TransportMaker: Sendable {
    /// A release that hosts may run, with its root file system at a local path.
    struct Earlier: Sendable {
        let version: String
        let root: Release.Root
        let path: String
    }

    /// An empty folder for the files.
    let scratch: String
    /// Says what is being made.
    let progress: @Sendable (String) -> Void

    static let framesName = "root.zst"
    static let indexName = "root.index"

    /// Makes the files of a build and its `release.json` with the table of them.
    ///
    /// A pack that would not be smaller than the whole root is left out.
    func make(_ folder: ReleaseFolder, from earlier: [Earlier]) async throws(RepositoryError) -> ReleaseFolder
    {
        var release = folder.release
        let name = "\(release.variant) \(release.version)"
        do {
            let image = try FileBlockDevice(
                path: "\(folder.path)/\(ReleaseFolder.rootName)",
                access: .readOnly
            )
            progress("making \(Self.framesName) and \(Self.indexName) of \(name)")
            let root = try await RootFramesWriter.write(
                image: image,
                rootHash: release.root.hash,
                salt: release.root.salt.bytes,
                framesPath: "\(scratch)/\(Self.framesName)",
                indexPath: "\(scratch)/\(Self.indexName)"
            )
            var packs: [Release.Pack] = []
            var packed: Set = [release.root.hash]
            for old in earlier where packed.insert(old.root.hash).inserted {
                if let pack = try await pack(from: old, to: release, image, limit: root.frames.size) {
                    packs.append(pack)
                }
            }
            release.transports = Release.Transports(
                frames: Self.file(Self.framesName, root.frames),
                index: Self.file(Self.indexName, root.index),
                packs: packs,
                kernel: try KernelParts.table(of: ByteSource(file: "\(folder.path)/\(release.uki.file)"))
            )
            let manifest = "\(scratch)/\(ReleaseFolder.manifestName)"
            let bytes = try release.encoded()
            try DurableFiles.write(bytes, to: manifest)
            return folder.adding(release, manifest: manifest, bytes: bytes, transports: scratch)
        } catch let error as RepositoryError {
            throw error
        } catch {
            throw .badBuild(path: folder.path, reason: "\(error)")
        }
    }

    /// Makes one pack; nil where it would not be smaller than `limit` bytes, or the old release is damaged.
    ///
    /// A pack only saves bytes: what is wrong with a release of long ago must not stop one that hosts wait for.
    private func pack(
        from old: Earlier,
        to release: Release,
        _ image: FileBlockDevice,
        limit: UInt64
    ) async throws -> Release.Pack? {
        progress("making the pack from \(old.version) to \(release.variant) \(release.version)")
        let file = "from-\(old.version).pack"
        do {
            let result = try await PackWriter.write(
                from: .init(
                    image: FileBlockDevice(path: old.path, access: .readOnly),
                    rootHash: old.root.hash,
                    salt: old.root.salt.bytes
                ),
                to: .init(image: image, rootHash: release.root.hash, salt: release.root.salt.bytes),
                path: "\(scratch)/\(file)",
                limit: limit
            )
            guard let result else { return nil }
            return Release.Pack(
                from: old.root.hash,
                file: Self.file(file, result.pack),
                headSize: result.head.size,
                headSha256: result.head.sha256
            )
        } catch let error as UpdateBlocksError {
            // A full disk is no fault of the old release.
            if case .output = error { throw error }
            warn(old.version, "\(error)")
        } catch let error as BlockDeviceError {
            warn(old.version, "\(error)")
        }
        return nil
    }

    private func warn(_ version: String, _ reason: String) {
        progress("warning: hosts get no pack from \(version): \(reason); see 'bulkhead repo verify'")
    }

    private static func file(_ name: String, _ facts: ArtefactFacts) -> Release.File {
        Release.File(file: name, size: facts.size, sha256: facts.sha256)
    }
}
