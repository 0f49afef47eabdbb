import Foundation
import Hashing

/// What a stage's result depends on, as named digests; the order in which they are added does not matter.
struct StageKey: Sendable {
    private var parts: [String: String] = [:]

    init(_ stage: String, version: Int) {
        parts["stage"] = "\(stage) \(version)"
    }

    mutating func add(_ name: String, _ value: String) { parts[name] = value }
    mutating func add(_ name: String, _ digest: SHA256Digest) { parts[name] = digest.hex }
    mutating func add(_ name: String, _ values: [String]) {
        parts[name] = values.map { "\($0.utf8.count):\($0)" }.joined()
    }

    /// The key: SHA-256 over all parts.
    var digest: SHA256Digest {
        var hasher = SHA256Hasher()
        for (name, value) in parts.sorted(by: { $0.key < $1.key }) {
            hasher.update("\(name.utf8.count):\(name)\(value.utf8.count):\(value)")
        }
        return hasher.finish()
    }
}

/// Results of stages, kept under the hash of their inputs.
///
/// A result is a directory. It gets its name when it is complete and on the disk, so that a killed build leaves only
/// what the next one sweeps away, and two builds at once at worst do the same work twice.
struct StageCache: Sendable {
    let root: String

    init(cache: String) {
        root = cache + "/stages"
    }

    /// The directory of a finished result, if there is one.
    func lookUp(_ stage: String, _ key: StageKey) -> String? {
        let path = place(stage, key)
        guard ResultSeal.isIntact(path) else { return nil }
        // The time of last use decides what is swept first.
        utimes(path, nil)
        return path
    }

    /// Runs a stage that fills a new directory, and keeps it under the key.
    func fill(_ stage: String, _ key: StageKey, _ body: (_ directory: String) async throws -> Void)
        async throws -> String
    {
        let path = place(stage, key)
        try FileSystem.makeDirectory(root)
        let work = try WorkDirectory(in: root, purpose: stage)
        try await body(work.path)
        try ResultSeal.seal(work.path)
        do {
            try FileSystem.rename(work.path, to: path)
        } catch BuildError.file(_, _, let reason) where reason == EEXIST || reason == ENOTEMPTY {
            // Another build was faster, and its result is the same; or what is there is damaged.
            if !ResultSeal.isIntact(path) {
                discard(path)
                try FileSystem.rename(work.path, to: path)
            }
        }
        return path
    }

    /// Keeps results from being swept until the value goes away, and sweeps what killed builds left.
    ///
    /// When no other build uses results, the oldest of each stage beyond a number go, too.
    func use(keep: Int = 6) async throws -> FileLock {
        try FileSystem.makeDirectory(root)
        WorkDirectory.removeLeftovers(in: root)
        if let alone = try FileLock.attempt(root, .exclusive) {
            withExtendedLifetime(alone) { sweep(keep: keep) }
        }
        return try await FileLock.acquire(root, .shared)
    }

    /// Removes the oldest results of each stage beyond a number.
    private func sweep(keep: Int) {
        let manager = FileManager.default
        var results: [String: [(path: String, used: Date)]] = [:]
        for name in (try? manager.contentsOfDirectory(atPath: root)) ?? [] where !name.hasPrefix(".") {
            let path = "\(root)/\(name)"
            let used = (try? manager.attributesOfItem(atPath: path))?[.modificationDate] as? Date
            let stage = String(name.prefix { $0 != "-" })
            results[stage, default: []].append((path, used ?? .distantPast))
        }
        for (_, list) in results where list.count > keep {
            for old in list.sorted(by: { $0.used > $1.used }).dropFirst(keep) { discard(old.path) }
        }
    }

    /// Removes a result: first its name, so that a killed build leaves no half of it under a final one.
    private func discard(_ path: String) {
        let leftover = "\(root)/.discarded-\(UUID().uuidString)"
        guard Glibc.rename(path, leftover) == 0 else { return }
        FileSystem.remove(leftover)
    }

    private func place(_ stage: String, _ key: StageKey) -> String { "\(root)/\(stage)-\(key.digest.hex)" }
}
