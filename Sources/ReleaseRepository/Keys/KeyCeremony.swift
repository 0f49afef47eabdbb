import Foundation
public import Signatures
public import TUF

/// Making and replacing keys: what a person does with care and writes down.
public struct KeyCeremony: Sendable {
    /// What is known of a new key.
    public enum NewKey: Sendable, Equatable {
        /// It is made here, and kept in a PKCS#8 file.
        case made(KeyKind)
        /// It is elsewhere: the file of its public half in PEM, and the command that signs with it.
        case elsewhere(publicFile: String, command: [String])
    }

    /// The keys of one role.
    public struct RolePlan: Sendable, Equatable {
        /// How many keys are made.
        public var count: Int
        /// How many of them must sign.
        public var threshold: Int

        /// States a role; `KeyCeremony` checks it.
        public init(count: Int = 1, threshold: Int = 1) {
            self.count = count
            self.threshold = threshold
        }
    }

    /// What a ceremony did.
    public struct Outcome: Sendable, Equatable {
        /// The version of the new root metadata.
        public let rootVersion: Int64
        /// From when on it is not trusted any more.
        public let expires: MetadataTime
        /// The files of secrets that were made.
        public let privateFiles: [String]
    }

    /// Most keys of one role.
    public static let countLimit = 32

    /// When the ceremony takes place.
    public var now: MetadataTime
    /// For how long the new root metadata is good, in seconds; a year by default, but not shorter than the last one.
    public var lifetime: Int64?

    /// States when a ceremony takes place, and for how long its root is good.
    public init(now: MetadataTime, lifetime: Int64? = nil) {
        self.now = now
        self.lifetime = lifetime
    }

    /// Makes a key ring with all keys and the first root metadata.
    ///
    /// - Parameters:
    ///   - folder: a folder that is not there, or empty.
    ///   - rootFolder: where the root's private keys go; below `folder` by default.
    ///   - kind: the kind of all keys.
    ///   - plan: keys by role; a role that is not named has one.
    /// - Throws: `RepositoryError`.
    public func initialize(
        _ folder: String,
        rootFolder: String? = nil,
        kind: KeyKind = .ed25519,
        plan: [String: RolePlan] = [:]
    ) async throws(RepositoryError) -> Outcome {
        for (role, keys) in plan { try Self.check(role, keys) }
        try DurableFiles.makeFolder(folder, mode: 0o700)
        let lock = try FolderLock(folder)
        defer { withExtendedLifetime(lock) {} }
        let names = try? FileManager.default.contentsOfDirectory(atPath: folder)
        guard names?.isEmpty ?? false else { throw .exists(path: folder) }
        // One that was there may be open to everybody.
        guard chmod(folder, 0o700) == 0 else { throw .system("set the mode of", folder) }
        var new: [KeyFiles] = []
        var root = Root(expires: try expires(after: nil))
        for role in Root.topLevelRoles {
            let keys = plan[role] ?? RolePlan()
            let place = role == Root.type ? (rootFolder ?? KeyFiles.rootFolder) : nil
            for number in 1...keys.count {
                let made = try KeyFiles(making: kind, "\(role)-1-\(number)", in: folder, secretFolder: place)
                root.add(made.key, to: role)
                new.append(made)
            }
            root.roles[role]?.threshold = Int64(keys.threshold)
        }
        let ring = try KeyRing(folder: folder, roots: RootChain(), entries: [])
        return try await publish(root, after: nil, ring: ring, new: new)
    }

    /// Replaces all keys of a role, in new root metadata that the old and the new threshold of root keys sign.
    ///
    /// The old keys stay in `keys.toml`, for hosts that know the old root. Where the root's keys are not at hand nothing
    /// is written.
    ///
    /// - Parameters:
    ///   - role: `root`, `timestamp`, `snapshot` or `targets`.
    ///   - newKeys: the keys that the role has from now on.
    ///   - threshold: how many of them must sign; as many as before by default.
    ///   - rootFolder: where private keys of the root go; where the last one lies by default.
    /// - Throws: `RepositoryError`.
    public func rotate(
        _ role: String,
        in folder: String,
        newKeys: [NewKey],
        threshold: Int? = nil,
        rootFolder: String? = nil
    ) async throws(RepositoryError) -> Outcome {
        let lock = try FolderLock(folder)
        defer { withExtendedLifetime(lock) {} }
        let ring = try KeyRing(reading: folder)
        KeyFiles.removeLeftovers(of: ring)
        var root = try ring.newestRoot()
        let old = root
        guard let before = root.roles[role] else {
            throw .badValue(
                what: "the role",
                value: role,
                allowed: Root.topLevelRoles.joined(separator: ", ")
            )
        }
        let needed = threshold ?? Int(clamping: before.threshold)
        guard threshold != nil || newKeys.count >= needed else {
            throw .badValue(
                what: "the number of new keys of \(role)",
                value: "\(newKeys.count)",
                allowed: "at least \(needed), which is its threshold, or a lower one with --threshold"
            )
        }
        try Self.check(role, RolePlan(count: newKeys.count, threshold: needed))
        root.common.version += 1
        root.common.expires = try expires(after: old)
        for keyID in before.keyIDs { root.remove(keyID: keyID, from: role) }
        var new: [KeyFiles] = []
        for (index, newKey) in newKeys.enumerated() {
            let name = "\(role)-\(root.version)-\(index + 1)"
            let added =
                switch newKey {
                case .made(let kind):
                    try KeyFiles(
                        making: kind,
                        name,
                        in: folder,
                        secretFolder: role == Root.type ? (rootFolder ?? KeyFiles.rootFolder(of: ring)) : nil
                    )
                case .elsewhere(let publicFile, let command):
                    try KeyFiles(reading: publicFile, command: command, name, in: folder)
                }
            let countBefore = root.roles[role]?.keyIDs.count ?? 0
            root.add(added.key, to: role)
            guard root.roles[role]?.keyIDs.count == countBefore + 1 else {
                throw .badKey(path: added.source, reason: "it is named twice; every key counts once")
            }
            new.append(added)
        }
        root.roles[role]?.threshold = Int64(needed)
        return try await publish(root, after: old, ring: ring, new: new)
    }

    /// Makes new root metadata with the same keys, which expires later.
    ///
    /// - Throws: `RepositoryError`.
    public func renew(_ folder: String) async throws(RepositoryError) -> Outcome {
        let lock = try FolderLock(folder)
        defer { withExtendedLifetime(lock) {} }
        let ring = try KeyRing(reading: folder)
        KeyFiles.removeLeftovers(of: ring)
        let old = try ring.newestRoot()
        var root = old
        root.common.version += 1
        root.common.expires = try expires(after: old)
        return try await publish(root, after: old, ring: ring, new: [])
    }

    private func expires(after old: Root?) throws(RepositoryError) -> MetadataTime {
        var policy = ExpiryPolicy.standard
        if let lifetime {
            policy.root = lifetime
            policy.chosen = [Root.type]
        }
        try ExpiryPolicy.check(policy.root, what: "the lifetime of the root")
        let expires = now.advanced(by: policy.root)
        if let old { try policy.check(expires, of: Root.type, after: old.expires) }
        return expires
    }

    /// Signs root metadata and gives it its name: from then on it counts.
    ///
    /// The old keys sign before anything is written, and everything else is on the medium before the root is. What a
    /// ceremony that fails wrote is removed again.
    private func publish(_ root: Root, after old: Root?, ring: KeyRing, new: [KeyFiles])
        async throws(RepositoryError) -> Outcome
    {
        var metadata: Metadata<Root>
        do throws(TUFError) { metadata = try Metadata(root) } catch {
            throw .metadata(name: Root.type, error)
        }
        if let old, let keys = old.roles[Root.type] {
            try await ring.sign(&metadata, with: keys, of: old, isRequired: true)
        }
        let next: KeyRing
        var chain = ring.roots
        var written: [KeyFiles] = []
        do throws(RepositoryError) {
            for files in new {
                try files.write()
                written.append(files)
            }
            next = try KeyRing(
                folder: ring.folder,
                roots: ring.roots,
                entries: ring.entries + new.map(\.entry)
            )
            if let keys = root.roles[Root.type] {
                try await next.sign(&metadata, with: keys, of: root, isRequired: true)
            }
            // Also proves that old and new thresholds are met.
            try chain.append(metadata.encoded())
            try next.writeList(for: chain)
        } catch {
            for files in written { files.remove() }
            throw error
        }
        try DurableFiles.write(
            metadata.encoded(),
            to: "\(ring.folder)/\(RootChain.name(root.version))",
            mayReplace: false
        )
        return Outcome(
            rootVersion: root.version,
            expires: root.expires,
            privateFiles: new.compactMap(\.secretPath)
        )
    }

    private static func check(_ role: String, _ plan: RolePlan) throws(RepositoryError) {
        guard Root.topLevelRoles.contains(role) else {
            throw .badValue(
                what: "the role",
                value: role,
                allowed: Root.topLevelRoles.joined(separator: ", ")
            )
        }
        guard (1...countLimit).contains(plan.count) else {
            throw .badValue(
                what: "the number of keys of \(role)",
                value: "\(plan.count)",
                allowed: "1 to \(countLimit)"
            )
        }
        guard (1...plan.count).contains(plan.threshold) else {
            throw .badValue(
                what: "the threshold of \(role)",
                value: "\(plan.threshold)",
                allowed: "1 to \(plan.count)"
            )
        }
    }
}
