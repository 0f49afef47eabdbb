import Debian
import FileTree
import Hashing

/// The packages of a build: out of the lock, or chosen again where the archive no longer has them.
struct PackageSupply: Sendable {
    /// The packages of the image or container.
    let target: [LockedPackage]
    /// The packages with the tools; none for a container.
    let tools: [LockedPackage]
    /// How they differ from the lock; empty unless the archive moved on.
    let differences: [(list: PackageLock.ListName, difference: LockDifference)]

    private static let attempts = 3

    /// Whether the network may be used, and for what.
    struct Policy: Sendable {
        /// Whether versions that the archive no longer has are an error.
        let locked: Bool
        /// Whether only what is in the cache is used.
        let offline: Bool
    }

    /// Takes the lock's packages and fetches those the cache lacks.
    ///
    /// Versions that the archive no longer has are chosen again, those and nothing else, unless the policy forbids it.
    ///
    /// - Parameters:
    ///   - lists: the lists of the lock that are needed, each with the names that it must be made for.
    static func prepare(
        lock: PackageLock,
        lists: [(PackageLock.ListName, requested: [String])],
        workspace: Workspace,
        policy: Policy,
        archives: @Sendable () async throws -> AptArchives,
        observer: any BuildObserver
    ) async throws -> (PackageSupply, cached: Bool) {
        var current = lock
        var fetched = false
        var attempt = 0
        while true {
            attempt += 1
            var target: [LockedPackage] = []
            var tools: [LockedPackage] = []
            for (list, requested) in lists {
                let packages = try current.packages(of: list, requested: requested)
                if case .target = list { target += packages } else { tools += packages }
            }
            do {
                fetched = try await fetch(target + tools, workspace, policy, archives, observer) || fetched
                let differences = current.differences(from: lock).filter { !$0.difference.isEmpty }
                return (
                    PackageSupply(target: target, tools: tools, differences: differences), cached: !fetched
                )
            } catch PackageCacheError.vanished(let packages) where !policy.locked && attempt < Self.attempts {
                let names = packages.map(\.title).joined(separator: ", ")
                observer.note("the archive no longer has \(names); choosing other versions of these")
                current = try await resolveAgain(
                    current,
                    without: packages,
                    lists: lists.map(\.0),
                    workspace: workspace,
                    archives: try await archives(),
                    note: observer.note
                )
                for (list, difference) in current.differences(from: lock) where !difference.isEmpty {
                    observer.note("not as locked, \(list):\n\(difference)")
                }
            }
        }
    }

    /// Whether something had to be fetched.
    private static func fetch(
        _ packages: [LockedPackage],
        _ workspace: Workspace,
        _ policy: Policy,
        _ archives: @Sendable () async throws -> AptArchives,
        _ observer: any BuildObserver
    ) async throws -> Bool {
        let cache = PackageCache(root: workspace.cache)
        // apt is asked where packages come from only when some are needed.
        var missing = false
        for package in packages where !missing { missing = try !cache.contains(package) }
        guard missing else { return false }
        if policy.offline {
            let absent = try packages.filter { try !cache.contains($0) }
            throw PackageCacheError.offline(missing: absent)
        }
        try await cache.fetch(packages, from: try await archives()) { progress in
            observer.stageAdvanced(
                "fetch",
                done: progress.completedBytes,
                total: progress.totalBytes,
                unit: "bytes"
            )
        }
        return true
    }

    private static func resolveAgain(
        _ lock: PackageLock,
        without vanished: [LockedPackage],
        lists: [PackageLock.ListName],
        workspace: Workspace,
        archives: AptArchives,
        note: @Sendable (String) -> Void
    ) async throws -> PackageLock {
        var new = lock
        let names = Set(vanished.map(\.name))
        for list in lists {
            guard let old = lock[list], old.packages.contains(where: { names.contains($0.name) }) else {
                continue
            }
            new[list] = try await Locking.resolve(
                old.requested,
                for: list,
                archives: archives,
                keeping: old,
                .packages(names),
                workspace: workspace,
                note: note
            )
        }
        return new
    }

    /// Unpacks packages into the cache, several at once.
    static func unpack(
        _ packages: [LockedPackage],
        stage: String,
        workspace: Workspace,
        observer: any BuildObserver
    ) async throws -> ([UnpackedPackage], cached: Bool) {
        let cache = PackageCache(root: workspace.cache)
        let counter = Counter()
        let results = try await ParallelMap.run(packages) { package -> (UnpackedPackage, Bool) in
            defer {
                observer.stageAdvanced(
                    stage,
                    done: counter.next(),
                    total: packages.count,
                    unit: "packages"
                )
            }
            if let unpacked = try? UnpackedPackage.cached(package.sha256, cache: workspace.cache) {
                return (unpacked, true)
            }
            do {
                let path = cache.path(of: package)
                return (
                    try UnpackedPackage(path: path, digest: package.sha256, cache: workspace.cache), false
                )
            } catch {
                // A file that went bad in the cache is taken away, so that the next build fetches it again.
                _ = try? cache.contains(package, verification: .content)
                throw error
            }
        }
        return (results.map(\.0), cached: results.allSatisfy(\.1))
    }
}
