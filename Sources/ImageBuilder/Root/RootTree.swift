import Debian
import FileTree
import Foundation
import Hashing
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

    /// Where the tree has directories that only mounts fill.
    private static let mountPoints = ["/dev", "/efi", "/proc", "/run", "/state", "/sys", "/tmp", "/var"]

    /// Puts the tree together; every step is a function of its arguments.
    static func assemble(
        variant: ResolvedVariant,
        version: String,
        packages: [UnpackedPackage],
        programs: FileTree,
        repository: String,
        toolbox: Toolbox,
        cache: StageCache,
        note: @Sendable (String) -> Void
    ) async throws -> RootTree {
        // 1. The packages as they are, and what the boot takes from them before the filter.
        let dropped = Set(variant.droppedPackages.map(\.name))
        for name in dropped.subtracting(packages.map(\.package.name)).sorted() {
            note("packages.drop names '\(name)', which is not among the locked packages")
        }
        var tree = FileTree()
        try tree.addMergedUsrAliases(origin: "layout")
        try UnpackedPackage.insert(packages.filter { !dropped.contains($0.package.name) }, into: &tree)
        let release = try KernelModules.kernelRelease(of: tree)
        let suffix = variant.architecture.efiSuffix
        let kernel = try content("/boot/vmlinuz-\(release)", of: tree, package: variant.kernel.package.name)
        let efi = "/usr/lib/systemd/boot/efi"
        let stub = try content("\(efi)/linux\(suffix).efi.stub", of: tree, package: "systemd-boot-efi")
        let loader = try content("\(efi)/systemd-boot\(suffix).efi", of: tree, package: "systemd-boot-efi")

        // 2. The kernel's modules, chosen and uncompressed.
        let (modules, _) = try await KernelModules.prepare(
            from: tree,
            keep: variant.kernel.modules,
            drop: variant.kernel.dropModules,
            toolbox: toolbox,
            cache: cache
        )
        try tree.remove("/usr/lib/modules", recursive: true)

        // 3. The filter, then everything of our own.
        _ = tree.apply(
            FilterRules(
                remove: try variant.filter.remove.map { try PathPattern($0) },
                keep: try variant.filter.keep.map { try PathPattern($0) }
            )
        )
        try tree.merge(modules.tree)
        try tree.merge(programs)
        for overlay in variant.overlays {
            let files = try FileTree.load(directory: "\(repository)/\(overlay)", origin: overlay)
            try tree.merge(files, onConflict: .replace)
        }
        for link in variant.alternatives {
            try tree.insert(.symlink(to: link.target, origin: "alternatives"), at: link.link)
        }
        let osRelease = ReleaseFile.text(variant: variant, version: version)
        try tree.insert(.file(osRelease, origin: "release"), at: "/usr/lib/os-release", onConflict: .replace)
        try RepartDefinitions.add(variant.layout, to: &tree)
        for path in mountPoints where !tree.contains(path) {
            try tree.insert(.directory(mode: path == "/tmp" ? 0o1777 : 0o755, origin: "layout"), at: path)
        }
        if !tree.contains("/root") { try tree.insert(.directory(mode: 0o700, origin: "layout"), at: "/root") }

        // 4. What maintainer scripts would have made.
        try Certificates.bundle(in: &tree)
        try await Accounts.add(to: &tree, toolbox: toolbox, cache: cache)
        try await Units.enable(variant.units, in: &tree, toolbox: toolbox, cache: cache)
        try await SharedLibraries.index(
            &tree,
            architecture: variant.architecture,
            toolbox: toolbox,
            cache: cache
        )

        // 5. The audit.
        _ = tree.stripSetuid()
        try audit(tree, variant: variant, note: note)
        return RootTree(tree: tree, kernelRelease: release, kernel: kernel, stub: stub, bootLoader: loader)
    }

    /// Fails when the tree holds what no image may, or a program without its libraries.
    private static func audit(_ tree: FileTree, variant: ResolvedVariant, note: (String) -> Void) throws {
        let allowances = try variant.auditExceptions.map {
            AuditAllowance(pattern: try PathPattern($0.path), reason: $0.reason)
        }
        let report = try tree.audit(AuditRule.standard, allowing: allowances)
        guard report.findings.isEmpty else { throw BuildError.audit(report.findings.map(\.description)) }
        for unused in report.unused {
            note("audit.allow '\(unused.pattern)' excuses nothing; remove it")
        }
        try SharedLibraries.audit(tree, architecture: variant.architecture)
    }

    private static func content(_ path: String, of tree: FileTree, package: String) throws -> Content {
        guard let content = tree.content(at: path) else {
            throw BuildError.missing(what: path, remedy: "add the package \(package) to the variant")
        }
        return content
    }
}
