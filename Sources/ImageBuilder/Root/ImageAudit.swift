import FileTree
import VariantManifest

/// What holds for the root and for the initrd alike: no shell, interpreter or package manager, no privilege by file
/// mode, and every program finds its libraries.
enum ImageAudit {
    /// Holds a tree against the rules.
    ///
    /// - Parameter place: what goes before the paths in messages, such as `initrd:`.
    /// - Returns: the allowances of the manifest that excused nothing.
    /// - Throws: `BuildError.audit` or `.unresolvedLibraries` with everything that was found.
    static func run(
        _ tree: FileTree,
        variant: ResolvedVariant,
        place: String = ""
    ) throws -> [AuditAllowance] {
        let allowances = try variant.auditExceptions.map {
            AuditAllowance(pattern: try PathPattern($0.path), reason: $0.reason)
        }
        let report = try tree.audit(AuditRule.standard, allowing: allowances)
        guard report.findings.isEmpty else {
            throw BuildError.audit(
                report.findings.map { "\($0.rule): '\(place)\($0.path)' from '\($0.origin)'" }
            )
        }
        try SharedLibraries.audit(tree, architecture: variant.architecture, place: place)
        return report.unused
    }

    /// Links of the root whose targets neither the image has nor a mount brings.
    static func danglingSymlinks(of tree: FileTree, mountPoints: [String]) throws -> [String] {
        try tree.danglingSymlinks(ignoring: mountPoints.map { try PathPattern("\($0)/**") })
    }
}
