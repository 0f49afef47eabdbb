public import SettingsModel

/// The versions of the settings model, and the migrations between them.
///
/// Version `n` is joined to `n + 1` by one migration or more, which are made in the order of the list, and undone in the
/// reverse order.
public struct MigrationGraph: Sendable {
    /// The first version there ever was.
    public static let oldest = 1

    /// One migration in one direction.
    public struct Hop: Sendable {
        /// The migration.
        public let migration: Migration
        /// Whether it is made, not undone.
        public let isForward: Bool

        /// The document after it.
        public func apply(_ document: SettingsDocument) -> SettingsDocument {
            isForward ? migration.forward(document) : migration.backward(document)
        }
    }

    /// The version that is written.
    public let current: Int
    /// All migrations, oldest first.
    public let migrations: [Migration]

    /// A graph.
    public init(current: Int, migrations: [Migration]) {
        self.current = current
        self.migrations = migrations
    }

    /// The way from a version to another; nil if there is none.
    public func path(from: Int, to: Int) -> [Hop]? {
        guard isVersion(from), isVersion(to) else { return nil }
        var hops: [Hop] = []
        if from <= to {
            for version in from..<to {
                let edge = migrations.filter { $0.from == version }
                if edge.isEmpty { return nil }
                hops += edge.map { Hop(migration: $0, isForward: true) }
            }
        } else {
            for version in (to..<from).reversed() {
                let edge = migrations.filter { $0.from == version }
                if edge.isEmpty { return nil }
                hops += edge.reversed().map { Hop(migration: $0, isForward: false) }
            }
        }
        return hops
    }

    /// A document of one version in the form of another; nil if there is no way.
    public func migrate(_ document: SettingsDocument, from: Int, to: Int) -> SettingsDocument? {
        path(from: from, to: to)?.reduce(document) { $1.apply($0) }
    }

    /// What is wrong with the graph, in words; empty if each version is reached from each other one.
    public func problems() -> [String] {
        var problems: [String] = []
        if current < Self.oldest {
            problems.append("the current version is \(current), below \(Self.oldest)")
        }
        for version in Self.oldest..<max(current, Self.oldest)
        where !migrations.contains(where: { $0.from == version }) {
            problems.append("nothing leads from version \(version) to \(version + 1): add a migration")
        }
        var names: Set<String> = []
        for migration in migrations {
            if !names.insert(migration.name).inserted {
                problems.append("two migrations are named '\(migration.name)'")
            }
            if !isVersion(migration.from) || migration.from == current {
                problems.append(
                    "migration '\(migration.name)' starts from version \(migration.from), but the versions are "
                        + "\(Self.oldest) to \(current)"
                )
            }
        }
        return problems
    }

    private func isVersion(_ version: Int) -> Bool { version >= Self.oldest && version <= current }
}

/// The migrations of Bulkhead.
public enum Migrations {
    /// The version of the settings model that is written.
    public static let current = 1
    /// All migrations; none so far, because there was one version only.
    public static let all: [Migration] = []
    /// The whole graph.
    public static let graph = MigrationGraph(current: current, migrations: all)
}
