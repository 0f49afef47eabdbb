/// A target that a trusted role describes.
public struct FoundTarget: Sendable, Equatable {
    /// The path that was asked for.
    public let path: String
    /// What the role says about it.
    public let file: TargetFile
    /// The role that says so.
    public let role: String
    /// Where the file lies below the targets' address: with consistent snapshots its hash stands before its name.
    public let location: String
}

extension MetadataClient {
    /// Looks a target up, in the order of trust that the delegations give (section 5.6.7); refreshes first where that
    /// has not happened yet.
    ///
    /// - Throws: `TUFError.noSuchTarget` when no role describes it, `tooManyDelegations` when none of the first ones does,
    ///   and any other when a role that may describe it cannot be had or trusted.
    public mutating func target(_ path: String) async throws(TUFError) -> FoundTarget {
        try await refresh()
        guard let root, let snapshot, let targets else { throw .noTrustedRoot }
        var visited: Set<String> = []
        // The last one is the next one to visit.
        var waiting: [(name: String, delegator: Delegator)] = []
        var role = Targets.type
        var current = targets
        while true {
            if let file = current.target(path) {
                return FoundTarget(
                    path: path,
                    file: file,
                    role: role,
                    location: Self.location(path, file, root)
                )
            }
            visited.insert(role)
            push(current.delegations, of: role, for: path, to: &waiting)
            waiting.removeAll { visited.contains($0.name) }
            guard let next = waiting.popLast() else { throw .noSuchTarget(path: path) }
            guard visited.count <= limits.delegations else {
                throw .tooManyDelegations(path: path, limit: limits.delegations)
            }
            role = next.name
            let lock = try await lockedStore()
            defer { lock.release() }
            current = try await loadTargets(next.name, next.delegator, root, snapshot)
        }
    }

    /// Puts the roles that are trusted with a target before those that wait; behind a terminating one nobody is asked.
    private func push(
        _ delegations: Delegations?,
        of role: String,
        for path: String,
        to waiting: inout [(name: String, delegator: Delegator)]
    ) {
        guard let delegations else { return }
        var children: [(name: String, delegator: Delegator)] = []
        for (name, terminating) in delegations.roles(for: path) {
            guard let keys = delegations.keys(of: name) else { continue }
            children.append((name, Delegator(name: role, keys: delegations.keys, role: keys)))
            if terminating {
                waiting = []
                break
            }
        }
        waiting += children.reversed()
    }

    private static func location(_ path: String, _ file: TargetFile, _ root: Root) -> String {
        guard root.consistentSnapshot, let hash = file.hashes["sha256"] ?? file.hashes["sha512"] else {
            return path
        }
        var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let name = parts.popLast() ?? ""
        return (parts + ["\(hash).\(name)"]).joined(separator: "/")
    }
}
