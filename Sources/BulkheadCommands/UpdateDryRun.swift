import BlockDevices
import Bytes
import Foundation
import Hashing
import ReleaseManifest
import UpdateBlocks

/// An update from one build to another, done on files: what hosts will download, and proof that it gives the new root.
struct UpdateDryRun {
    /// What hosts in one situation download.
    struct Download: Encodable, Equatable {
        /// Who downloads.
        enum Host: String, Encodable {
            /// Runs OLD, and NEW was published with a pack from it.
            case withPack = "runs OLD, with a pack"
            /// Runs OLD, and NEW was published without a pack from it.
            case withoutPack = "runs OLD, without a pack"
            /// Runs something that has nothing of NEW.
            case other = "has nothing of NEW"
        }

        let host: Host
        /// The cheapest means: `pack`, `ranges`, `stream`, or `none` where nothing is missing.
        let method: String
        /// Bytes of the root, with the index or the head of the pack.
        let rootBytes: UInt64
        /// Bytes of the kernel image that the host does not have in the one that it runs.
        let kernelBytes: UInt64
        /// How many parts of files are asked for.
        let parts: Int
        /// Blocks that are downloaded; the others are copied from the running slot, or are zeros.
        let blocks: Int
    }

    /// The result.
    struct Report: Encodable, Equatable {
        let oldVersion: String
        let newVersion: String
        /// Blocks of the new root.
        let blocks: Int
        /// Bytes of the new root, as it lies in a slot.
        let rootSize: UInt64
        /// Bytes of the unified kernel image, as it lies on the ESP.
        let kernelSize: UInt64
        /// Bytes of the pack; nil where it would not be smaller than the whole root.
        let packSize: UInt64?
        /// Seconds that making frames and index, and making the pack took.
        let framesSeconds: Double
        let packSeconds: Double
        let downloads: [Download]
    }

    /// Says what is being done.
    let progress: @Sendable (String) -> Void

    /// Does the update in every way that hosts may.
    ///
    /// - Parameters:
    ///   - old: the folder of the build that hosts run.
    ///   - new: the folder of the build that they get.
    ///   - scratch: an empty folder with room for twice the new root.
    func run(old: String, new: String, scratch: String) async throws -> Report {
        let (before, after) = (try release(in: old), try release(in: new))
        guard before.variant == after.variant, before.architecture == after.architecture else {
            throw UpdateDryRunError.otherVariant(
                old: "\(before.variant)/\(before.architecture)",
                new: "\(after.variant)/\(after.architecture)"
            )
        }
        let oldImage = try FileBlockDevice(path: "\(old)/root.erofs", access: .readOnly)
        let newImage = try FileBlockDevice(path: "\(new)/root.erofs", access: .readOnly)
        let start = ContinuousClock.now
        progress("making root.zst and root.index")
        let frames = try await RootFramesWriter.write(
            image: newImage,
            rootHash: after.root.hash,
            salt: after.root.salt.bytes,
            framesPath: "\(scratch)/root.zst",
            indexPath: "\(scratch)/root.index"
        )
        let middle = ContinuousClock.now
        progress("making the pack")
        let pack =
            before.root.hash == after.root.hash
            ? nil
            : try await PackWriter.write(
                from: .init(image: oldImage, rootHash: before.root.hash, salt: before.root.salt.bytes),
                to: .init(image: newImage, rootHash: after.root.hash, salt: after.root.salt.bytes),
                path: "\(scratch)/from-old.pack",
                limit: frames.frames.size
            )
        let end = ContinuousClock.now
        var transports = Release.Transports(
            frames: .init(file: "root.zst", size: frames.frames.size, sha256: frames.frames.sha256),
            index: .init(file: "root.index", size: frames.index.size, sha256: frames.index.sha256),
            packs: []
        )
        progress("comparing the kernel images")
        var described = after
        let kernels = try [old, new].enumerated().map { number, folder in
            try ByteSource(file: "\(folder)/\([before, after][number].uki.file)")
        }
        transports.kernel = try KernelParts.table(of: kernels[1])
        described.transports = transports
        let parts = KernelParts(of: described)
        let found = parts.found(in: [kernels[0]])
        let kernelBytes = parts.parts.enumerated().reduce(UInt64(0)) { sum, part in
            found[part.offset] == nil ? sum + UInt64(part.element.range.count) : sum
        }
        let running = BlockUpdate.Running(
            device: oldImage,
            rootHash: before.root.hash,
            blockCount: Int(clamping: before.root.dataBlocks)
        )
        let slot = Slot(path: "\(scratch)/slot", root: after.root, folder: scratch)
        var downloads: [Download] = []
        if let pack {
            progress("updating with the pack")
            let file = Release.File(file: "from-old.pack", size: pack.pack.size, sha256: pack.pack.sha256)
            transports.packs = [
                Release.Pack(
                    from: before.root.hash,
                    file: file,
                    headSize: pack.head.size,
                    headSha256: pack.head.sha256
                )
            ]
            downloads.append(try await slot.fill(.withPack, transports, running, kernelBytes))
            transports.packs = []
        }
        progress("updating without a pack")
        downloads.append(try await slot.fill(.withoutPack, transports, running, kernelBytes))
        progress("installing all of it")
        downloads.append(try await slot.fill(.other, transports, nil, after.uki.size))
        return Report(
            oldVersion: before.version,
            newVersion: after.version,
            blocks: Int(clamping: after.root.dataBlocks),
            rootSize: after.root.size,
            kernelSize: after.uki.size,
            packSize: pack?.pack.size,
            framesSeconds: (middle - start) / .seconds(1),
            packSeconds: (end - middle) / .seconds(1),
            downloads: downloads
        )
    }

    private func release(in folder: String) throws -> Release {
        let path = "\(folder)/release.json"
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw UpdateDryRunError.noBuild(path: folder)
        }
        defer { try? handle.close() }
        let bytes = try handle.read(upToCount: Release.sizeLimit + 1) ?? Data()
        do throws(ReleaseManifestError) { return try Release(decoding: Array(bytes)) } catch {
            throw UpdateDryRunError.badManifest(path: path, reason: "\(error)")
        }
    }
}

extension UpdateDryRun {
    /// A slot that is a file.
    private struct Slot {
        let path: String
        let root: Release.Root
        /// Where the published files are.
        let folder: String

        /// Makes the slot empty, brings the release into it, and makes sure that it is there.
        func fill(
            _ host: Download.Host,
            _ transports: Release.Transports,
            _ running: BlockUpdate.Running?,
            _ kernelBytes: UInt64
        ) async throws -> Download {
            guard FileManager.default.createFile(atPath: path, contents: nil),
                truncate(path, off_t(clamping: root.size)) == 0
            else { throw UpdateDryRunError.noRoom(path: path) }
            let device = try FileBlockDevice(path: path, access: .readWrite)
            let published = PublishedFiles(folder: folder)
            let update = try BlockUpdate(root: root, transports: transports, running: running) {
                PublishedFile(files: published, name: $0.file)
            }
            let plan = try await update.plan(for: device)
            try await update.run(plan, progress: { _ in }) { first, bytes in
                try device.write(bytes, at: UInt64(first) * root.blockSize)
            }
            let digest = try SHA256Digest(hashingFile: path)
            guard digest == root.sha256 else {
                throw UpdateDryRunError.otherRoot(host: host.rawValue, found: digest, expected: root.sha256)
            }
            return Download(
                host: host,
                method: plan.method.rawValue,
                rootBytes: update.bytesFetched,
                kernelBytes: kernelBytes,
                parts: published.parts,
                blocks: plan.fetched.count
            )
        }
    }
}

/// Why an update could not be tried.
enum UpdateDryRunError: Error, Equatable, CustomStringConvertible {
    case noBuild(path: String)
    case badManifest(path: String, reason: String)
    case otherVariant(old: String, new: String)
    case noRoom(path: String)
    case otherRoot(host: String, found: SHA256Digest, expected: SHA256Digest)

    var description: String {
        switch self {
        case .noBuild(let path):
            "'\(path)' has no release.json: name a folder that 'bulkhead build' made"
        case .badManifest(let path, let reason):
            "'\(path)': \(reason)"
        case .otherVariant(let old, let new):
            "no host updates from \(old) to \(new): name two builds of one variant and architecture"
        case .noRoom(let path):
            "'\(path)' cannot be made: set TMPDIR to a folder with room for two roots"
        case .otherRoot(let host, let found, let expected):
            """
            a host that \(host) got a root with SHA-256 \(found) instead of \(expected): do not publish this release, \
            and report it as an error of bulkhead
            """
        }
    }
}
