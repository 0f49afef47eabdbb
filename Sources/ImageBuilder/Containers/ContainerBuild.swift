import Debian
import FileTree
import Foundation
import Hashing
import VariantManifest

/// A build of a container: from its manifest and lock to an OCI image.
///
/// Nothing of a package runs and no privilege is needed: the layers are written from file trees in memory.
public struct ContainerBuild: Sendable {
    /// What the command line says about a build.
    public struct Options: Sendable {
        /// The architecture; the build machine's when nil.
        public var architecture: Architecture?
        /// Whether versions that the archive no longer has are an error.
        public var locked = false
        /// Whether only what is in the cache is used.
        public var offline = false

        /// A build for this machine's architecture.
        public init() {}
    }

    /// What a build made.
    public struct Outcome: Sendable {
        /// The folder.
        public let folder: String
        /// The digest of the image's manifest.
        public let digest: SHA256Digest
        /// What each stage took.
        public let stages: [StageRecord]
        /// The files of the folder.
        public let outputs: [BuildOutput]
    }

    /// The container for the architecture that is built.
    public let manifest: ContainerManifest
    /// Where the result goes.
    public let folder: String

    private let workspace: Workspace
    private let policy: PackageSupply.Policy
    private let lock: PackageLock
    private let lockDigest: SHA256Digest

    /// Reads manifest and lock and checks what can be checked before any work is done.
    ///
    /// - Throws: `ManifestError`, `PackageLockError` or `BuildError`.
    public init(container name: String, options: Options, workspace: Workspace) throws {
        manifest = try ContainerManifest.load(
            name,
            for: options.architecture ?? BuildMachine.architecture,
            repository: workspace.repository
        )
        self.workspace = workspace
        policy = PackageSupply.Policy(locked: options.locked, offline: options.offline)
        folder = "\(workspace.output)/containers/\(name)-\(manifest.architecture)"
        let lockFile = workspace.lockFile(ofContainer: name)
        guard FileSystem.exists(lockFile) else {
            throw BuildError.missing(what: "'\(lockFile)'", remedy: "make it: bulkhead lock \(name)")
        }
        let text = try FileSystem.read(lockFile, limit: UInt64(PackageLock.maximumFileSize))
        lock = try PackageLock(text: text, path: lockFile)
        lockDigest = SHA256Digest(hashing: text)
    }

    /// Builds the container into its folder.
    ///
    /// Nothing appears under a final name before all of it is there; a build that fails or is cancelled leaves an
    /// older result as it was, and keeps the results of the stages that ended.
    ///
    /// - Parameters:
    ///   - archives: asked for where packages come from when some are not in the cache.
    ///   - observer: sees how it goes on.
    /// - Throws: `BuildError.stage` with what went wrong in it, `BuildError`, or `CancellationError`.
    public func run(
        archives: @escaping @Sendable () async throws -> AptArchives,
        observer: any BuildObserver
    ) async throws -> Outcome {
        let output = try OutputFolder(path: folder)
        let cache = StageCache(cache: workspace.cache)
        let use = try await cache.use()
        defer { withExtendedLifetime(use) {} }
        UnpackedPackage.removeLeftovers(cache: workspace.cache)
        let log = StageLog(observer: observer)
        let built = try await prepare(log, archives: archives)
        var outputs: [BuildOutput] = []
        try await output.replace { directory in
            outputs = try await log.run("outputs") { (try built.write(to: directory), false) }
        }
        return Outcome(folder: folder, digest: built.digest, stages: log.records, outputs: outputs)
    }

    /// All stages up to the image, whose files lie in the cache; names of stages begin with the container's.
    func prepare(_ log: StageLog, archives: @escaping @Sendable () async throws -> AptArchives) async throws
        -> BuiltContainer
    {
        let name = manifest.name
        let supply = try await log.run("\(name): fetch") {
            try await PackageSupply.prepare(
                lock: lock,
                lists: [(.target(manifest.architecture.rawValue), manifest.packages.map(\.name))],
                workspace: workspace,
                policy: policy,
                archives: archives,
                observer: log.observer
            )
        }
        let packages = try await log.run("\(name): unpack") {
            try await PackageSupply.unpack(
                supply.target,
                stage: "\(name): unpack",
                workspace: workspace,
                observer: log.observer
            )
        }
        return try await log.run("\(name): image") {
            try await image(supply, packages, note: log.observer.note)
        }
    }

    private func image(
        _ supply: PackageSupply,
        _ packages: [UnpackedPackage],
        note: (String) -> Void
    ) async throws -> (BuiltContainer, cached: Bool) {
        let cache = StageCache(cache: workspace.cache)
        let overlay = try overlayDigest()
        var key = StageKey("container", version: 1)
        key.add("tool", BuilderVersion.current)
        key.add("manifest", try SHA256Digest(ofCanonical: manifest))
        key.add("packages", packages.map { "\($0.package.name) \($0.digest.hex)" }.sorted())
        key.add("overlay", overlay)
        key.add("time", String(lock.sourceDateEpoch))
        func built(_ directory: String) throws -> BuiltContainer {
            try BuiltContainer(manifest: manifest, directory: directory, supply: supply, packages: packages)
        }
        if let directory = cache.lookUp("container", key) { return (try built(directory), true) }
        let directory = try await cache.fill("container", key) { directory in
            let tree = try ContainerTree.assemble(
                manifest,
                packages: packages,
                repository: workspace.repository,
                note: note
            )
            let names = Set(packages.map(\.package.name))
            let layers = try ContainerLayers(tree, packages: names).layers
            let time = Int64(lock.sourceDateEpoch)
            let layout = try OCILayout(
                writing: layers,
                of: manifest,
                time: time,
                to: "\(directory)/\(BuiltContainer.layoutName)"
            )
            let facts = ContainerFacts(manifest: manifest, supply: supply, packages: packages, time: time)
            try FileSystem.write(facts.inventory(of: tree), to: "\(directory)/packages.json")
            try FileSystem.write(
                facts.billOfMaterials(digest: layout.digest),
                to: "\(directory)/sbom.spdx.json"
            )
            try FileSystem.write(
                Array("sha256:\(layout.digest.hex)\n".utf8),
                to: "\(directory)/\(BuiltContainer.digestName)"
            )
            guard try overlayDigest() == overlay else {
                throw BuildError.changed("'\(manifest.overlay)'")
            }
        }
        return (try built(directory), false)
    }

    /// The digest of all that decides the image's bytes.
    func inputs() throws -> SHA256Digest {
        var key = StageKey("container inputs", version: 1)
        key.add("manifest", try SHA256Digest(ofCanonical: manifest))
        key.add("lock", lockDigest)
        key.add("overlay", try overlayDigest())
        return key.digest
    }

    private func overlayDigest() throws -> SHA256Digest {
        let path = "\(workspace.repository)/\(manifest.overlay)"
        guard FileSystem.exists(path) else { return FileTree().digest() }
        return try FileTree.load(directory: path, origin: manifest.overlay).digest()
    }
}
