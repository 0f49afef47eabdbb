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
/// A result is a directory. It gets its name when it is complete, so that a killed build leaves only what the
/// next one sweeps away, and two builds at once at worst do the same work twice.
struct StageCache: Sendable {
    let root: String

    init(cache: String) {
        root = cache + "/stages"
    }

    /// The directory of a finished result, if there is one.
    func lookUp(_ stage: String, _ key: StageKey) -> String? {
        let path = place(stage, key)
        guard FileSystem.exists(path) else { return nil }
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
        let temporary = "\(root)/.\(stage)-\(getpid())-\(UUID().uuidString.prefix(8))"
        try FileSystem.makeDirectory(temporary)
        do {
            try await body(temporary)
            if Glibc.rename(temporary, path) != 0 {
                guard errno == EEXIST || errno == ENOTEMPTY else {
                    throw BuildError.file(operation: "keep the result", path: path, errno: errno)
                }
                // Another build was faster; its result is the same.
                FileSystem.remove(temporary)
            }
        } catch {
            FileSystem.remove(temporary)
            throw error
        }
        return path
    }

    /// Removes what killed builds left, and the oldest results of each stage beyond a number.
    func sweep(keep: Int = 6) {
        let manager = FileManager.default
        var results: [String: [(path: String, used: Date)]] = [:]
        for name in (try? manager.contentsOfDirectory(atPath: root)) ?? [] {
            let path = "\(root)/\(name)"
            if name.hasPrefix(".") {
                if let owner = Self.owner(of: name), kill(owner, 0) != 0, errno == ESRCH {
                    FileSystem.remove(path)
                }
                continue
            }
            let used = (try? manager.attributesOfItem(atPath: path))?[.modificationDate] as? Date
            let stage = String(name.prefix { $0 != "-" })
            results[stage, default: []].append((path, used ?? .distantPast))
        }
        for (_, list) in results where list.count > keep {
            for old in list.sorted(by: { $0.used > $1.used }).dropFirst(keep) { FileSystem.remove(old.path) }
        }
    }

    private func place(_ stage: String, _ key: StageKey) -> String { "\(root)/\(stage)-\(key.digest.hex)" }

    /// The process number in the name of a temporary directory.
    private static func owner(of name: String) -> pid_t? {
        let fields = name.split(separator: "-")
        return fields.count == 3 ? pid_t(fields[1]) : nil
    }
}
