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
    /// For how long the new root metadata is good, in seconds.
    public var lifetime: Int64

    /// States when a ceremony takes place, and for how long its root is good: a year by default.
    public init(now: MetadataTime, lifetime: Int64 = ExpiryPolicy.standard.root) {
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
        if let names = try? FileManager.default.contentsOfDirectory(atPath: folder), !names.isEmpty {
            throw .exists(path: folder)
        }
        try DurableFiles.makeFolder(folder, mode: 0o700)
        let lock = try FolderLock(folder)
        defer { withExtendedLifetime(lock) {} }
        var entries: [KeyRing.Entry] = []
        var root = Root(expires: try expires())
        for role in Root.topLevelRoles {
            let keys = plan[role] ?? RolePlan()
            let place = role == Root.type ? (rootFolder ?? "root") : nil
            for number in 1...keys.count {
                let (key, entry) = try make(
                    kind,
                    name: "\(role)-1-\(number)",
                    in: folder,
                    secretFolder: place
                )
                root.add(key, to: role)
                entries.append(entry)
            }
            root.roles[role]?.threshold = Int64(keys.threshold)
        }
        try DurableFiles.write(Array(KeyRing.text(entries).utf8), to: "\(folder)/\(KeyRing.listName)")
        let ring = try KeyRing(folder: folder, roots: RootChain(), entries: entries)
        return try await publish(root, ring: ring, signedAlsoFor: [], secrets: entries)
    }

    /// Replaces all keys of a role, in new root metadata that the old and the new threshold of root keys sign.
    ///
    /// The old keys stay in `keys.toml`, for hosts that know the old root.
    ///
    /// - Parameters:
    ///   - role: `root`, `timestamp`, `snapshot` or `targets`.
    ///   - newKeys: the keys that the role has from now on.
    ///   - threshold: how many of them must sign; as many as before by default, or all of fewer.
    ///   - rootFolder: where private keys of the root go; where the last one lies by default.
    /// - Throws: `RepositoryError`.
    public func rotate(
        _ role: String,
        in folder: String,
        newKeys: [NewKey],
        threshold: Int? = nil,
        rootFolder: String? = nil
    ) async throws(RepositoryError) -> Outcome {
        let ring = try KeyRing(reading: folder)
        let lock = try FolderLock(folder)
        defer { withExtendedLifetime(lock) {} }
        var root = try ring.newestRoot()
        let old = root
        guard let before = root.roles[role] else {
            throw .badValue(
                what: "the role",
                value: role,
                allowed: Root.topLevelRoles.joined(separator: ", ")
            )
        }
        let needed = threshold ?? min(Int(clamping: before.threshold), newKeys.count)
        try Self.check(role, RolePlan(count: newKeys.count, threshold: needed))
        root.common.version += 1
        root.common.expires = try expires()
        for keyID in before.keyIDs { root.remove(keyID: keyID, from: role) }
        var added: [KeyRing.Entry] = []
        for (index, newKey) in newKeys.enumerated() {
            let name = "\(role)-\(root.version)-\(index + 1)"
            let (key, entry) = try add(
                newKey,
                name: name,
                in: folder,
                secretFolder: role == Root.type ? (rootFolder ?? Self.rootFolder(of: ring)) : nil
            )
            let countBefore = root.roles[role]?.keyIDs.count ?? 0
            root.add(key, to: role)
            guard root.roles[role]?.keyIDs.count == countBefore + 1 else {
                throw .badKey(path: entry.publicFile, reason: "it is named twice; every key counts once")
            }
            added.append(entry)
        }
        root.roles[role]?.threshold = Int64(needed)
        let entries = ring.entries + added
        try DurableFiles.write(Array(KeyRing.text(entries).utf8), to: "\(folder)/\(KeyRing.listName)")
        let next = try KeyRing(folder: folder, roots: ring.roots, entries: entries)
        return try await publish(root, ring: next, signedAlsoFor: [old], secrets: added)
    }

    /// Makes new root metadata with the same keys, which expires later.
    ///
    /// - Throws: `RepositoryError`.
    public func renew(_ folder: String) async throws(RepositoryError) -> Outcome {
        let ring = try KeyRing(reading: folder)
        let lock = try FolderLock(folder)
        defer { withExtendedLifetime(lock) {} }
        var root = try ring.newestRoot()
        root.common.version += 1
        root.common.expires = try expires()
        return try await publish(root, ring: ring, signedAlsoFor: [], secrets: [])
    }

    private func expires() throws(RepositoryError) -> MetadataTime {
        try ExpiryPolicy.check(lifetime, what: "the lifetime of the root")
        return now.advanced(by: lifetime)
    }

    /// Signs root metadata and gives it its name: from then on it counts.
    private func publish(
        _ root: Root,
        ring: KeyRing,
        signedAlsoFor older: [Root],
        secrets: [KeyRing.Entry]
    ) async throws(RepositoryError) -> Outcome {
        var metadata: Metadata<Root>
        do throws(TUFError) { metadata = try Metadata(root) } catch {
            throw .metadata(name: Root.type, error)
        }
        for signing in older + [root] {
            guard let keys = signing.roles[Root.type] else { continue }
            try await ring.sign(&metadata, with: keys, of: signing, isRequired: true)
        }
        var chain = ring.roots
        let bytes = metadata.encoded()
        // Also proves that old and new thresholds are met.
        try chain.append(bytes)
        try DurableFiles.write(bytes, to: "\(ring.folder)/\(RootChain.name(root.version))")
        let files = secrets.compactMap { entry -> String? in
            guard case .file(let file) = entry.source else { return nil }
            return file.hasPrefix("/") ? file : "\(ring.folder)/\(file)"
        }
        return Outcome(rootVersion: root.version, expires: root.expires, privateFiles: files)
    }

    private func add(_ newKey: NewKey, name: String, in folder: String, secretFolder: String?)
        throws(RepositoryError) -> (Key, KeyRing.Entry)
    {
        switch newKey {
        case .made(let kind):
            return try make(kind, name: name, in: folder, secretFolder: secretFolder)
        case .elsewhere(let publicFile, let command):
            guard let bytes = try DurableFiles.read(publicFile, limit: Signer.keyFileLimit) else {
                throw .badKey(path: publicFile, reason: "it is not there; name a public key in PEM")
            }
            let key = try KeyRing.publicKey(bytes, path: publicFile)
            try DurableFiles.write(Array(key.pemText.utf8), to: "\(folder)/\(name).pub")
            return (key, KeyRing.Entry(publicFile: "\(name).pub", source: .command(command)))
        }
    }

    /// Makes a key and writes both halves; the secret first, so that no public key is without one.
    private func make(_ kind: KeyKind, name: String, in folder: String, secretFolder: String?)
        throws(RepositoryError) -> (Key, KeyRing.Entry)
    {
        // A ceremony that was cut may have left keys of this name; no secret is ever written over.
        let base = name
        var (name, secret, path) = (base, "", "")
        for attempt in 1... {
            name = attempt == 1 ? base : "\(base)-attempt-\(attempt)"
            secret = [secretFolder, "\(name).pem"].compactMap(\.self).joined(separator: "/")
            path = secret.hasPrefix("/") ? secret : "\(folder)/\(secret)"
            if access(path, F_OK) != 0, access("\(folder)/\(name).pub", F_OK) != 0 { break }
        }
        if secretFolder != nil {
            try DurableFiles.makeFolder(URL(filePath: path).deletingLastPathComponent().path, mode: 0o700)
        }
        let pair: PrivateKey
        let pem: String
        let publicPEM: String
        do throws(SignatureError) {
            pair = try PrivateKey.generate(kind)
            pem = try pair.pem()
            publicPEM = try pair.publicKey.pem()
        } catch {
            throw .badKey(path: path, reason: "\(error)")
        }
        try DurableFiles.write(Array(pem.utf8), to: path, mode: 0o600)
        try DurableFiles.write(Array(publicPEM.utf8), to: "\(folder)/\(name).pub")
        return (
            try KeyRing.publicKey(Array(publicPEM.utf8), path: path),
            KeyRing.Entry(publicFile: "\(name).pub", source: .file(secret))
        )
    }

    /// Where the newest private key of the root lies.
    private static func rootFolder(of ring: KeyRing) -> String {
        for entry in ring.entries.reversed() {
            guard entry.publicFile.hasPrefix("root-"), case .file(let file) = entry.source,
                let slash = file.lastIndex(of: "/")
            else { continue }
            return String(file[..<slash])
        }
        return "root"
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

extension Key {
    /// The public key in PEM, whatever form the metadata have.
    fileprivate var pemText: String { (try? publicKey().pem()) ?? text }
}
