import Debian
import FileTree
import Foundation
import Hashing
import SBOM
import VariantManifest

/// The root file system of a release as a tree, and what the boot needs of the packages it was made from.
struct RootTree: Sendable {
    /// The tree that becomes EROFS.
    let tree: FileTree
    /// The kernel's release.
    let kernelRelease: String
    /// The kernel image.
    let kernel: Content
    /// systemd-stub, the frame of a UKI.
    let stub: Content
    /// systemd-boot, the boot loader.
    let bootLoader: Content
    /// Allowances of the manifest that excused nothing in the tree.
    let unusedAllowances: [AuditAllowance]

    /// Where the tree has directories that only mounts fill.
    private static let mountPoints = ["/dev", "/proc", "/run", "/state", "/sys", "/tmp", "/var"]

    /// Puts the tree together; every step is a function of its arguments.
    static func assemble(
        variant: ResolvedVariant,
        version: String,
        packages: [UnpackedPackage],
        containers: EmbeddedContainers,
        programs: FileTree,
        updateRoot: UpdateRoot?,
        repository: String,
        toolbox: Toolbox,
        cache: StageCache,
        log: StageLog
    ) async throws -> RootTree {
        let base = try merge(packages, variant: variant, note: log.observer.note)
        let modules = try await log.run("modules") {
            try await KernelModules.prepare(
                from: base,
                keep: variant.kernel.modules,
                drop: variant.kernel.dropModules,
                toolbox: toolbox,
                cache: cache
            )
        }
        return try await log.run("root") {
            var tree = base
            try tree.remove("/usr/lib/modules", recursive: true)
            try filter(&tree, variant.filter, note: log.observer.note)
            try tree.merge(modules.tree)
            try tree.merge(programs)
            try updateRoot?.add(to: &tree)
            try containers.add(to: &tree)
            try addOwnFiles(
                to: &tree,
                variant: variant,
                version: version,
                packages: packages,
                containers: containers,
                repository: repository
            )
            // What maintainer scripts would have made.
            try Certificates.bundle(in: &tree)
            try await Accounts.add(to: &tree, toolbox: toolbox, cache: cache)
            for unit in try Units.check(variant.units, of: tree) {
                log.observer.note("units.mask names '\(unit)', which no package has; a generator may make it")
            }
            try await Units.enable(variant.units, in: &tree, toolbox: toolbox, cache: cache)
            try await SharedLibraries.index(
                &tree,
                architecture: variant.architecture,
                toolbox: toolbox,
                cache: cache
            )
            let cleared = tree.stripSetuid().map { "\($0.path) (\($0.origin))" }
            if !cleared.isEmpty {
                log.observer.note("no file keeps a setuid or setgid bit; cleared: \(cleared.shortened())")
            }
            let unused = try ImageAudit.run(tree, variant: variant)
            let dangling = try ImageAudit.danglingSymlinks(of: tree, mountPoints: mountPoints)
            if !dangling.isEmpty {
                log.observer.note("symlinks lead to what the image does not have: \(dangling.shortened())")
            }
            let result = try RootTree(
                tree: tree,
                boot: base,
                release: modules.release,
                variant: variant,
                unusedAllowances: unused
            )
            return (result, false)
        }
    }

    /// Takes what the boot needs out of the packages as they were before the filter.
    private init(
        tree: FileTree,
        boot packages: FileTree,
        release: String,
        variant: ResolvedVariant,
        unusedAllowances: [AuditAllowance]
    ) throws {
        func content(_ path: String, package: String) throws -> Content {
            guard let content = packages.content(at: path) else {
                throw BuildError.missing(what: path, remedy: "add the package \(package) to the variant")
            }
            return content
        }
        let suffix = variant.architecture.efiSuffix
        let efi = "/usr/lib/systemd/boot/efi"
        self.tree = tree
        self.unusedAllowances = unusedAllowances
        kernelRelease = release
        kernel = try content("/boot/vmlinuz-\(release)", package: variant.kernel.package.name)
        stub = try content("\(efi)/linux\(suffix).efi.stub", package: "systemd-boot-efi")
        bootLoader = try content("\(efi)/systemd-boot\(suffix).efi", package: "systemd-boot-efi")
    }

    /// The packages as they are, in one tree.
    private static func merge(
        _ packages: [UnpackedPackage],
        variant: ResolvedVariant,
        note: (String) -> Void
    ) throws -> FileTree {
        let dropped = Set(variant.droppedPackages.map(\.name))
        for name in dropped.subtracting(packages.map(\.package.name)).sorted() {
            note("packages.drop names '\(name)', which is not among the locked packages")
        }
        var tree = FileTree()
        try tree.addMergedUsrAliases(origin: "layout")
        try UnpackedPackage.insert(packages.filter { !dropped.contains($0.package.name) }, into: &tree)
        return tree
    }

    /// Leaves out what the manifest says, and names paths of it that are nowhere: these are most likely misspelt.
    ///
    /// A pattern with wildcards may well match nothing in one variant of several that share it.
    static func filter(
        _ tree: inout FileTree,
        _ filter: ResolvedVariant.Filter,
        note: (String) -> Void
    ) throws {
        let rules = FilterRules(
            remove: try filter.remove.map { try PathPattern($0) },
            keep: try filter.keep.map { try PathPattern($0) }
        )
        for (key, patterns) in [("remove", rules.remove), ("keep", rules.keep)] {
            let absent = patterns.filter { $0.isLiteral && !tree.contains($0.literalPrefix) }.map(\.text)
            if !absent.isEmpty { note("filter.\(key) names what no package has: \(absent.shortened())") }
        }
        tree.apply(rules)
    }

    /// Everything that is not from a package: overlays, links, os-release, repart definitions, mount points.
    private static func addOwnFiles(
        to tree: inout FileTree,
        variant: ResolvedVariant,
        version: String,
        packages: [UnpackedPackage],
        containers: EmbeddedContainers,
        repository: String
    ) throws {
        for overlay in variant.overlays {
            let files = try FileTree.load(directory: "\(repository)/\(overlay)", origin: overlay)
            try tree.merge(files, onConflict: .replace)
        }
        try SettingsFeatures.add(variant.features, to: &tree, repository: repository)
        for link in variant.alternatives {
            try tree.insert(.symlink(to: link.target, origin: "alternatives"), at: link.link)
        }
        let osRelease = ReleaseFile.text(variant: variant, version: version)
        try tree.insert(.file(osRelease, origin: "release"), at: "/usr/lib/os-release", onConflict: .replace)
        // The root has no package database; this is how the host and `bulkhead inspect` know what it holds.
        let inventory = try PackageInventory(
            packages: PackageFacts.listed(packages, without: variant.droppedPackages)
                + containers.built.flatMap(PackageFacts.listed),
            files: []
        )
        try tree.insert(
            .file(inventory.encoded(), origin: "release"),
            at: "/usr/share/bulkhead/packages.json"
        )
        try RepartDefinitions.add(variant.layout, to: &tree)
        for path in mountPoints where !tree.contains(path) {
            try tree.insert(.directory(mode: path == "/tmp" ? 0o1777 : 0o755, origin: "layout"), at: path)
        }
        if !tree.contains("/root") { try tree.insert(.directory(mode: 0o700, origin: "layout"), at: "/root") }
    }
}
