import Debian
import FileTree
import Foundation
import Hashing
import ReleaseManifest
import VariantManifest

/// A build: from a variant's manifest and lock to a folder with a disk image and all that belongs to it.
public struct ImageBuild: Sendable {
    /// What the command line says about a build.
    public struct Options: Sendable {
        /// The version; the manifest's when nil.
        public var version: String?
        /// The architecture; the build machine's when nil and the variant has it.
        public var architecture: Architecture?
        /// The formats of the disk image besides the raw one; the manifest's when nil.
        public var formats: [ImageFormat]?
        /// Whether versions that the archive no longer has are an error.
        public var locked = false
        /// Whether only what is in the cache is used.
        public var offline = false
        /// Whether the image goes without Bulkhead's own programs, and so is never found healthy.
        public var withoutPrograms = false
        /// The file of the TUF root metadata that the host trusts updates by; the manifest's when nil.
        public var updateRoot: String?

        /// A build as the manifest says.
        public init() {}
    }

    /// What a build made.
    public struct Outcome: Sendable {
        /// The folder.
        public let folder: String
        /// Whether nothing had to be done.
        public let unchanged: Bool
        /// What each stage took.
        public let stages: [StageRecord]
        /// The files of the folder.
        public let outputs: [BuildOutput]
        /// Whether hosts with the image can update: it has root metadata to trust releases by.
        public let canUpdate: Bool
    }

    /// The variant for the architecture that is built.
    public let variant: ResolvedVariant
    /// The version that is built.
    public let version: String
    /// Where the result goes.
    public let folder: String

    private let options: Options
    private let workspace: Workspace
    private let cache: StageCache
    private let identity: DerivedIdentity
    private let lock: PackageLock
    private let lockDigest: SHA256Digest
    private let updateRoot: UpdateRoot?
    private let containers: [ContainerBuild]

    /// Reads manifest and lock and checks what can be checked before any work is done.
    ///
    /// - Throws: `ManifestError`, `PackageLockError` or `BuildError`.
    public init(variant name: String, options: Options, workspace: Workspace) throws {
        let manifest = try Variant.load(name, repository: workspace.repository)
        let native = manifest.architectures.contains(BuildMachine.architecture)
        let architecture =
            options.architecture
            ?? (native ? BuildMachine.architecture : manifest.architectures[0])
        variant = try manifest.resolved(for: architecture)
        version = options.version ?? variant.version
        try manifest.checkVersion(version)
        self.options = options
        self.workspace = workspace
        cache = StageCache(cache: workspace.cache)
        identity = DerivedIdentity(
            variant: variant.name,
            architecture: architecture.rawValue,
            version: version
        )
        folder = "\(workspace.output)/\(variant.name)-\(architecture)-\(version)"
        let lockFile = workspace.lockFile(of: name)
        guard FileSystem.exists(lockFile) else {
            throw BuildError.missing(what: "'\(lockFile)'", remedy: "make it: bulkhead lock \(name)")
        }
        // The bytes that are hashed are those that are used.
        let text = try FileSystem.read(lockFile, limit: UInt64(PackageLock.maximumFileSize))
        lock = try PackageLock(text: text, path: lockFile)
        lockDigest = SHA256Digest(hashing: text)
        let updateRoot =
            options.updateRoot.map(Workspace.absolute)
            ?? variant.updateRoot.map { "\(workspace.repository)/\($0)" }
        self.updateRoot = try updateRoot.map { try UpdateRoot(reading: $0) }
        var containerOptions = ContainerBuild.Options()
        containerOptions.architecture = architecture
        containerOptions.locked = options.locked
        containerOptions.offline = options.offline
        containers = try variant.containers.map {
            try ContainerBuild(container: $0, options: containerOptions, workspace: workspace)
        }
    }

    /// Builds the image.
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
        try Self.checkPrograms(architecture: variant.architecture, without: options.withoutPrograms)
        let output = try OutputFolder(path: folder)
        let inputs = try inputs()
        if let last = BuildRecord.lookUp(folder: folder, inputs: inputs, cache: cache) {
            let stages = last.stages.map { StageRecord(name: $0, cached: true, duration: .zero) }
            return Outcome(
                folder: folder,
                unchanged: true,
                stages: stages,
                outputs: last.outputs,
                canUpdate: updateRoot != nil
            )
        }
        let use = try await cache.use()
        defer { withExtendedLifetime(use) {} }
        BuildRecord.sweep(cache: cache)
        UnpackedPackage.removeLeftovers(cache: workspace.cache)
        let log = StageLog(observer: observer)
        let facts = try await build(log, archives: archives)
        var outputs: [BuildOutput] = []
        try await output.replace { directory in
            outputs = try await log.run("outputs") {
                (try await OutputWriter(facts: facts.facts, images: facts.images).write(to: directory), false)
            }
        }
        // An image from a changed lock is not what these inputs stand for.
        if facts.facts.isAsLocked {
            try remember(inputs, outputs, log)
        }
        return Outcome(
            folder: folder,
            unchanged: false,
            stages: log.records,
            outputs: outputs,
            canUpdate: updateRoot != nil
        )
    }

    /// Lets the same build end at once the next time, unless an input was edited while it was used.
    func remember(_ inputs: SHA256Digest, _ outputs: [BuildOutput], _ log: StageLog) throws {
        // A file that can no longer be read has changed, too; the image is there all the same.
        guard let now = try? self.inputs(), now == inputs else {
            log.observer.note(
                "the repository changed during the build, and the image may have some of it; build again"
            )
            return
        }
        try BuildRecord.save(
            folder: folder,
            inputs: inputs,
            outputs: outputs,
            stages: log.records,
            cache: cache
        )
    }

    /// All stages up to the disk images.
    private func build(_ log: StageLog, archives: @escaping @Sendable () async throws -> AptArchives)
        async throws -> (facts: ImageFacts, images: [DiskFormat])
    {
        let supply = try await log.run("fetch") {
            try await PackageSupply.prepare(
                lock: lock,
                lists: [
                    (.target(variant.architecture.rawValue), variant.requestedPackages.map(\.name)),
                    (.tools(BuildMachine.architecture.rawValue), Toolbox.packages),
                ],
                workspace: workspace,
                policy: PackageSupply.Policy(locked: options.locked, offline: options.offline),
                archives: archives,
                observer: log.observer
            )
        }
        let toolbox = try await log.run("tools") { () -> (Toolbox, cached: Bool) in
            let (unpacked, unpackedBefore) = try await unpack(supply.tools, "tools", log)
            let (toolbox, madeBefore) = try await Toolbox.prepare(
                packages: unpacked,
                cache: cache,
                sourceDateEpoch: Int64(lock.sourceDateEpoch)
            )
            return (toolbox, cached: unpackedBefore && madeBefore)
        }
        // The compiler and the packages have nothing to do with each other.
        async let programs = log.run("programs") { try await compilePrograms(toolbox, log) }
        async let unpacked = log.run("unpack") { try await unpack(supply.target, "unpack", log) }
        let packages = try await unpacked
        let embedded = try await EmbeddedContainers.prepare(
            containers,
            variant: variant,
            repository: workspace.repository,
            cache: cache,
            archives: archives,
            log: log
        )
        let tree = try await RootTree.assemble(
            variant: variant,
            version: version,
            packages: packages,
            containers: embedded,
            programs: programs.tree,
            updateRoot: updateRoot,
            repository: workspace.repository,
            toolbox: toolbox,
            cache: cache,
            log: log
        )
        let root = try await log.run("erofs") {
            try await ErofsImage.prepare(
                tree.tree,
                options: variant.erofs,
                identity: identity,
                limit: variant.layout.rootSize,
                toolbox: toolbox,
                cache: cache
            )
        }
        let verity = try await log.run("verity") {
            try await VerityImage.prepare(
                root,
                identity: identity,
                limit: variant.layout.veritySize,
                cache: cache
            )
        }
        let initrd = try await log.run("initrd") {
            try await Initrd.prepare(
                root: tree,
                variant: variant,
                repository: workspace.repository,
                toolbox: toolbox,
                cache: cache,
                note: log.observer.note
            )
        }
        let uki = try await log.run("uki") {
            try await UKIImage.prepare(
                root: tree,
                initrd: initrd,
                variant: variant,
                version: version,
                rootHash: verity.rootHash,
                toolbox: toolbox,
                cache: cache
            )
        }
        let loaderGuard = try await log.run("guard") {
            try await LoaderGuard.prepare(
                repository: workspace.repository,
                architecture: variant.architecture,
                cache: cache
            )
        }
        let esp = try await log.run("esp") {
            try await ESPImage.prepare(
                root: tree,
                loaderGuard: loaderGuard,
                uki: uki,
                variant: variant,
                identity: identity,
                toolbox: toolbox,
                cache: cache
            )
        }
        let disk = try await log.run("disk") {
            try await DiskImage.prepare(
                esp: esp,
                root: root,
                verity: verity,
                variant: variant,
                identity: identity,
                cache: cache
            )
        }
        var images: [DiskFormat] = []
        for format in formats {
            images.append(
                try await log.run("\(format)") {
                    try await DiskFormat.prepare(format, of: disk, toolbox: toolbox, cache: cache)
                }
            )
        }
        let facts = ImageFacts(
            variant: variant,
            identity: identity,
            sourceDateEpoch: toolbox.sourceDateEpoch,
            lockDigest: lockDigest,
            swiftVersion: try BuildMachine.swiftVersion(repository: workspace.repository),
            supply: supply,
            packages: packages,
            swiftPackages: try await programs.packages,
            containers: embedded.built,
            tree: tree,
            root: root,
            verity: verity,
            uki: uki,
            disk: disk
        )
        return (facts, images)
    }

    /// The formats besides the raw image, in a fixed order.
    private var formats: [ImageFormat] {
        let wanted = options.formats ?? variant.image.formats
        return ImageFormat.allCases.filter { $0 != .raw && wanted.contains($0) }
    }

    private func unpack(_ packages: [LockedPackage], _ stage: String, _ log: StageLog) async throws
        -> ([UnpackedPackage], cached: Bool)
    {
        try await PackageSupply.unpack(packages, stage: stage, workspace: workspace, observer: log.observer)
    }

    private func compilePrograms(_ toolbox: Toolbox, _ log: StageLog) async throws -> (Programs, cached: Bool)
    {
        if options.withoutPrograms {
            log.observer.note(
                "the image gets no Bulkhead programs, so that no boot of it is ever found healthy"
            )
            return (Programs.none, cached: false)
        }
        return try await Programs.prepare(
            repository: workspace.repository,
            toolbox: toolbox,
            cache: cache,
            observer: log.observer
        )
    }

    /// Refuses an image whose programs cannot be compiled here, before any work is done.
    ///
    /// - Throws: `BuildError.unsupported`.
    static func checkPrograms(architecture: Architecture, without: Bool) throws {
        guard architecture != BuildMachine.architecture, !without else { return }
        throw BuildError.unsupported(
            """
            an image for \(architecture) needs Bulkhead programs, which are compiled on a machine of that \
            architecture, and this one is \(BuildMachine.architecture): build it there, or give --without-programs \
            for an image without hostd, whose boots are never found healthy
            """
        )
    }

    /// The digest of all that decides the outputs' bytes.
    func inputs() throws -> SHA256Digest {
        var key = StageKey("build", version: 1)
        key.add("tool", BuilderVersion.current)
        key.add("builder", try SHA256Digest(hashingFile: "/proc/self/exe"))
        key.add("variant", try SHA256Digest(ofCanonical: variant))
        key.add("lock", lockDigest)
        key.add("version", version)
        key.add("formats", formats.map(\.rawValue))
        key.add("overlays", try (variant.overlays + variant.initrd.overlays).map(overlayDigest))
        key.add(
            "features",
            try SettingsFeatures.digest(variant.features, repository: workspace.repository).hex
        )
        key.add("containers", try containers.map { try $0.inputs().hex })
        if EmbeddedContainers.areUsed(by: variant) {
            key.add("launcher", try ClientLauncher.sourceDigest(repository: workspace.repository))
        }
        key.add("update root", updateRoot?.digest.hex ?? "none")
        key.add("without programs", String(options.withoutPrograms))
        if !options.withoutPrograms {
            key.add("programs", try Programs.sourceDigest(repository: workspace.repository))
        }
        key.add("guard", try LoaderGuard.sourceDigest(repository: workspace.repository))
        key.add("toolchain", Toolchain.stamp(repository: workspace.repository))
        return key.digest
    }

    private func overlayDigest(_ overlay: String) throws -> String {
        try FileTree.load(directory: "\(workspace.repository)/\(overlay)", origin: overlay).digest().hex
    }
}
