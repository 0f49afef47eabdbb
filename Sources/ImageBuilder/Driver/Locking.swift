import Debian
import FileTree
import Foundation
import VariantManifest

/// Resolves a variant's packages and its build tools and writes its lock.
public struct Locking: Sendable {
    /// The variant that is locked.
    public let variant: Variant
    /// Where its lock lies.
    public let lockFile: String
    private let workspace: Workspace

    /// What was locked.
    public struct Outcome: Sendable {
        /// The lock as written.
        public let lock: PackageLock
        /// What changed, list by list; lists without a change are left out.
        public let differences: [(list: PackageLock.ListName, difference: LockDifference)]
    }

    /// Reads the variant's manifest.
    ///
    /// - Throws: `ManifestError`.
    public init(variant name: String, workspace: Workspace) throws {
        variant = try Variant.load(name, repository: workspace.repository)
        lockFile = workspace.lockFile(of: name)
        self.workspace = workspace
    }

    /// What to do with versions that are locked already.
    public enum Update: Sendable, Equatable {
        /// Keep them all, as long as the archive has them.
        case nothing
        /// Take the newest of these packages and of what they are built with.
        case packages(Set<String>)
        /// Take the newest of all.
        case everything
    }

    /// Resolves and writes the lock.
    ///
    /// - Parameters:
    ///   - archives: where packages come from.
    ///   - update: which locked versions may move.
    ///   - progress: gets a line for each list that is resolved.
    /// - Throws: `AptError`, `PackageLockError` or `ManifestError`.
    public func run(
        archives: AptArchives,
        update: Update,
        progress: @Sendable (String) -> Void
    ) async throws -> Outcome {
        let old = FileSystem.exists(lockFile) ? try PackageLock(file: lockFile) : nil
        let suites = AptSuites.trixie
        var new = PackageLock(suites: suites.suites, components: suites.components)
        var lists: [(PackageLock.ListName, [String])] = []
        for architecture in variant.architectures {
            let resolved = try variant.resolved(for: architecture)
            lists.append((.target(architecture.rawValue), resolved.requestedPackages.map(\.name)))
        }
        lists.append((.tools(BuildMachine.architecture.rawValue), Toolbox.packages))
        for (list, names) in lists {
            progress("resolving \(list)")
            new[list] = try await Self.resolve(
                names,
                for: list,
                archives: archives,
                keeping: old?[list],
                update,
                workspace: workspace
            )
        }
        let empty = PackageLock(suites: suites.suites, components: suites.components)
        let differences = new.differences(from: old ?? empty).filter { !$0.difference.isEmpty }
        // The clock is read only when something changed; from then on the time is part of the input.
        let changed = old == nil || !differences.isEmpty
        new.sourceDateEpoch = changed ? Self.now : old?.sourceDateEpoch ?? Self.now
        try new.write(to: lockFile)
        return Outcome(lock: new, differences: differences)
    }

    /// SOURCE_DATE_EPOCH where it is set, else the clock.
    private static var now: Int {
        ProcessInfo.processInfo.environment["SOURCE_DATE_EPOCH"].flatMap { Int($0) }
            ?? Int(Date.now.timeIntervalSince1970)
    }

    /// Resolves one list of a lock.
    static func resolve(
        _ names: [String],
        for list: PackageLock.ListName,
        archives: AptArchives,
        keeping old: PackageList?,
        _ update: Update,
        workspace: Workspace
    ) async throws -> PackageList {
        let architecture =
            switch list {
            case .target(let architecture), .tools(let architecture): architecture
            }
        let resolver = try AptResolver(
            archives: archives,
            suites: .trixie,
            architecture: architecture,
            stateDirectory: "\(workspace.cache)/apt-\(architecture)"
        )
        try await resolver.update()
        let locked = old?.packages ?? []
        let (keeping, releasing): ([LockedPackage], Set<String>) =
            switch update {
            case .nothing: (locked, [])
            case .packages(let packages): (locked, packages)
            case .everything: ([], [])
            }
        let packages = try await resolver.resolve(names, keeping: keeping, releasing: releasing)
        return try PackageList(requested: names, packages: packages)
    }
}
