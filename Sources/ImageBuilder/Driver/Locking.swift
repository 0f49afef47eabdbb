import Debian
import FileTree
import Foundation
import VariantManifest

/// Resolves the packages of a variant, with its build tools, or those of a container, and writes the lock.
public struct Locking: Sendable {
    /// Where the lock lies.
    public let lockFile: String
    /// The lists that the lock gets, with the names that each is made for.
    private let lists: [(PackageLock.ListName, [String])]
    private let workspace: Workspace

    /// What was locked.
    public struct Outcome: Sendable {
        /// The lock as written.
        public let lock: PackageLock
        /// What changed, list by list; lists without a change are left out.
        public let differences: [(list: PackageLock.ListName, difference: LockDifference)]
    }

    /// Reads the manifest of a variant or, where no variant has the name, of a container.
    ///
    /// - Throws: `ManifestError`.
    public init(_ name: String, workspace: Workspace) throws {
        if ContainerManifest.list(repository: workspace.repository).contains(name),
            try !Variant.list(repository: workspace.repository).contains(name)
        {
            try self.init(container: name, workspace: workspace)
        } else {
            try self.init(variant: name, workspace: workspace)
        }
    }

    private init(variant name: String, workspace: Workspace) throws {
        let variant = try Variant.load(name, repository: workspace.repository)
        var lists: [(PackageLock.ListName, [String])] = []
        for architecture in variant.architectures {
            let resolved = try variant.resolved(for: architecture)
            lists.append((.target(architecture.rawValue), resolved.requestedPackages.map(\.name)))
        }
        // Whoever locks, the lock serves build machines of every architecture.
        lists += Architecture.allCases.map { (.tools($0.rawValue), Toolbox.packages) }
        self.lists = lists
        lockFile = workspace.lockFile(of: name)
        self.workspace = workspace
    }

    private init(container name: String, workspace: Workspace) throws {
        lists = try Architecture.allCases.map { architecture in
            let manifest = try ContainerManifest.load(
                name,
                for: architecture,
                repository: workspace.repository
            )
            return (.target(architecture.rawValue), manifest.packages.map(\.name))
        }
        lockFile = workspace.lockFile(ofContainer: name)
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
    /// - Throws: `AptError`, `PackageLockError`, `ManifestError` or `BuildError`.
    public func run(
        archives: AptArchives,
        update: Update,
        progress: @Sendable (String) -> Void
    ) async throws -> Outcome {
        let old = FileSystem.exists(lockFile) ? try PackageLock(file: lockFile) : nil
        let suites = AptSuites.trixie
        var new = PackageLock(suites: suites.suites, components: suites.components)
        try Self.check(update, requested: lists.flatMap(\.1), old: old)
        let now = try Self.now(ProcessInfo.processInfo.environment)
        for (list, names) in lists {
            progress("resolving \(list)")
            do {
                new[list] = try await Self.resolve(
                    names,
                    for: list,
                    archives: archives,
                    keeping: old?[list],
                    update,
                    workspace: workspace,
                    note: progress
                )
            } catch let error as AptError where Self.isForeign(list) && error.isAboutArchitecture {
                // A mirror may carry one architecture only.
                progress("the \(list) stay as they were: \(error)")
                new[list] = old?[list]
            }
        }
        let empty = PackageLock(suites: suites.suites, components: suites.components)
        let differences = new.differences(from: old ?? empty).filter { !$0.difference.isEmpty }
        new.sourceDateEpoch = Self.sourceDateEpoch(of: new, after: old, now: now)
        try new.write(to: lockFile)
        return Outcome(lock: new, differences: differences)
    }

    /// Refuses names that `--update` cannot mean.
    ///
    /// - Throws: `BuildError.unsupported` with all names that no list has.
    static func check(_ update: Update, requested: [String], old: PackageLock?) throws {
        guard case .packages(let names) = update else { return }
        let locked = old.map { lock in lock.listNames.flatMap { lock[$0]?.packages ?? [] } } ?? []
        let unknown = names.subtracting(requested).subtracting(locked.map(\.name)).sorted()
        guard unknown.isEmpty else {
            throw BuildError.unsupported(
                """
                --update names what no list of the lock has: \(unknown.shortened()); give names of binary packages \
                as packages.lock has them
                """
            )
        }
    }

    /// The time of a lock: it moves on only when a list changed that was there before.
    ///
    /// A list that came new, such as the tools of another architecture, changes no image that could be built.
    static func sourceDateEpoch(of new: PackageLock, after old: PackageLock?, now: Int) -> Int {
        guard let old else { return now }
        let changed = new.differences(from: old).contains { list, _ in old[list] != nil && new[list] != nil }
        return changed ? now : old.sourceDateEpoch
    }

    /// SOURCE_DATE_EPOCH where it is set, else the clock.
    ///
    /// - Throws: `BuildError.unsupported` when it is set to something else than seconds since 1970.
    static func now(_ environment: [String: String]) throws -> Int {
        guard let text = environment["SOURCE_DATE_EPOCH"] else { return Int(Date.now.timeIntervalSince1970) }
        // What a lock's reader takes.
        guard let seconds = UInt32(text) else {
            throw BuildError.unsupported(
                "SOURCE_DATE_EPOCH is '\(text.prefix(80))', which is no number of seconds between 1970 and 2106; "
                    + "correct or unset it"
            )
        }
        return Int(seconds)
    }

    /// Whether a list is for build machines of another architecture than this one's.
    private static func isForeign(_ list: PackageLock.ListName) -> Bool {
        if case .tools(let architecture) = list { return architecture != BuildMachine.architecture.rawValue }
        return false
    }

    /// Resolves one list of a lock.
    static func resolve(
        _ names: [String],
        for list: PackageLock.ListName,
        archives: AptArchives,
        keeping old: PackageList?,
        _ update: Update,
        workspace: Workspace,
        note: @Sendable (String) -> Void
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
        let packages = try await resolver.resolve(names, keeping: keeping, releasing: releasing) {
            note("\(list): everything had to move, for \($0)")
        }
        return try PackageList(requested: names, packages: packages)
    }
}

extension AptError {
    /// Whether the archive lacks an architecture, or packages of it.
    fileprivate var isAboutArchitecture: Bool {
        switch self {
        case .suiteMissing, .unknownPackages, .unsatisfiable: true
        default: false
        }
    }
}
