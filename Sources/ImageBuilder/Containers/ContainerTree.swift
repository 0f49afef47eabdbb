import Debian
import FileTree
import Foundation
import VariantManifest

/// The files of a container, from its packages and its own folder.
enum ContainerTree {
    /// Directories that every runtime expects, and that only mounts and the running container fill.
    private static let directories: [(path: String, mode: UInt16)] = [
        ("/dev", 0o755), ("/etc", 0o755), ("/proc", 0o755), ("/root", 0o700), ("/run", 0o755),
        ("/sys", 0o755),
        ("/tmp", 0o1777), ("/var", 0o755), ("/var/tmp", 0o1777),
    ]

    /// What holds for a container: no privilege by file mode and no devices; a shell is what it is for.
    private static let rules: [AuditRule] = [
        .setuid, .fileCapabilities, .worldWritable, .deviceNodes, whiteouts,
    ]

    /// Files by which a layer says that something of the layers below is gone (OCI image specification, "Whiteouts").
    private static let whiteouts = AuditRule(
        name: "whiteout",
        explanation: "in a layer such a name would delete a file instead of bringing one"
    ) { path, _, _ in
        (path as NSString).lastPathComponent.hasPrefix(".wh.")
    }

    /// Puts the tree together; every step is a function of its arguments.
    ///
    /// - Throws: `BuildError.audit` and `.unresolvedLibraries` with everything that must not be, or is missing.
    static func assemble(
        _ manifest: ContainerManifest,
        packages: [UnpackedPackage],
        repository: String,
        note: (String) -> Void
    ) throws -> FileTree {
        var tree = FileTree()
        try tree.addMergedUsrAliases(origin: "layout")
        try UnpackedPackage.insert(ofContainer(manifest, packages, note: note), into: &tree)
        try RootTree.filter(&tree, manifest.filter, note: note)
        if FileSystem.exists("\(repository)/\(manifest.overlay)") {
            let files = try FileTree.load(
                directory: "\(repository)/\(manifest.overlay)",
                origin: manifest.overlay
            )
            try tree.merge(files, onConflict: .replace)
        }
        for link in manifest.alternatives {
            try tree.insert(.symlink(to: link.target, origin: "alternatives"), at: link.link)
        }
        if tree.contains("/usr/share/ca-certificates/mozilla") { try Certificates.bundle(in: &tree) }
        for (path, mode) in directories {
            try tree.insert(.directory(mode: mode, origin: "layout"), at: path)
        }
        let cleared = tree.stripSetuid().map { "\($0.path) (\($0.origin))" }
        if !cleared.isEmpty {
            note("no file keeps a setuid or setgid bit; cleared: \(cleared.shortened())")
        }
        try audit(tree, manifest, note: note)
        return tree
    }

    /// The packages that bring files.
    static func ofContainer(
        _ manifest: ContainerManifest,
        _ packages: [UnpackedPackage],
        note: (String) -> Void = { _ in }
    ) -> [UnpackedPackage] {
        let dropped = Set(manifest.droppedPackages.map(\.name))
        let absent = dropped.subtracting(packages.map(\.package.name)).sorted()
        if !absent.isEmpty {
            note("packages.drop names what is not among the locked packages: \(absent.shortened())")
        }
        return packages.filter { !dropped.contains($0.package.name) }
    }

    private static func audit(
        _ tree: FileTree,
        _ manifest: ContainerManifest,
        note: (String) -> Void
    ) throws {
        let allowances = try manifest.auditExceptions.map {
            AuditAllowance(pattern: try PathPattern($0.path), reason: $0.reason)
        }
        let report = try tree.audit(rules, allowing: allowances)
        guard report.findings.isEmpty else { throw BuildError.audit(report.findings.map(\.description)) }
        for allowance in report.unused {
            note("audit.allow excuses nothing with '\(allowance.pattern.text)'; remove it")
        }
        try SharedLibraries.audit(tree, architecture: manifest.architecture)
        try checkEntrypoint(tree, manifest)
    }

    /// Refuses an entrypoint that is nowhere in the tree or that nobody may execute.
    private static func checkEntrypoint(_ tree: FileTree, _ manifest: ContainerManifest) throws {
        guard let program = manifest.process.entrypoint.first else { return }
        guard program.hasPrefix("/"), let place = try? tree.resolve(program),
            let node = tree[place], !node.isDirectory, node.mode & 0o111 != 0
        else {
            throw BuildError.missing(
                what: "the program '\(program)' of config.entrypoint",
                remedy: "name an executable file of the container by its absolute path"
            )
        }
    }
}
