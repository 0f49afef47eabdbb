import Foundation
import Hashing
import Rollout
import Synchronization
import TUF
import TestSupport
import Testing

@testable import ReleaseRepository
@testable import UpdateFixtures

/// A key ring, a repository and builds in a temporary folder.
struct Site {
    let folder: TemporaryDirectory
    /// 2026-01-01T00:00:00Z.
    static let origin = MetadataTime(seconds: 1_767_225_600)

    init() throws { folder = try TemporaryDirectory() }

    var keys: String { folder.file("keys") }
    var repository: String { folder.file("repository") }

    /// Makes keys and an empty repository.
    static func make(now: MetadataTime = origin) async throws -> Site {
        let site = try Site()
        _ = try await KeyCeremony(now: now).initialize(site.keys)
        try FileManager.default.createDirectory(atPath: site.repository, withIntermediateDirectories: true)
        #expect(try await site.open(now: now).initialize())
        return site
    }

    func open(now: MetadataTime = origin, policy: ExpiryPolicy = .standard) throws -> Repository<
        FolderStorage
    > {
        try Repository(
            FolderStorage(repository, forWriting: true),
            keys: KeyRing(reading: keys),
            now: now,
            policy: policy
        )
    }

    func verify(now: MetadataTime = origin) throws -> RepositoryReport {
        try RepositoryVerification.run(FolderStorage(repository, forWriting: false), now: now)
    }

    /// Every file of the repository with its bytes.
    func files() throws -> [String: Data] {
        var files: [String: Data] = [:]
        let storage = try FolderStorage(repository, forWriting: false)
        for name in try storage.list("metadata") + storage.list("targets") {
            files[name] = try Data(contentsOf: URL(filePath: "\(repository)/\(name)"))
        }
        return files
    }

    /// Makes a build folder whose files have the digests that its release.json says.
    ///
    /// - Parameter other: the version whose root file system it has; its own by default.
    func build(_ version: String, variant: String = "vm", content: UInt8 = 1, rootOf other: String? = nil)
        throws -> ReleaseFolder
    {
        try ReleaseFolder(
            reading: buildFolder(version, variant: variant, content: content, rootOf: other)
        )
    }

    func buildFolder(
        _ version: String,
        variant: String = "vm",
        content: UInt8 = 1,
        rootOf other: String? = nil
    ) throws -> String {
        // 16 blocks that all versions share, and one of its own.
        var root = (0..<16 << 12).map {
            UInt8(truncatingIfNeeded: ($0 >> 12 + 1) &* ($0 | 1) &* Int(content))
        }
        let name = Array((other ?? version).utf8)
        root += name + [UInt8](repeating: 0, count: 4096 - name.count)
        let linux = Array("kernel of \(version) \(content)".utf8)
        return try SampleRelease(version: version, root: root, sections: [(".linux", linux)])
            .writeBuild(in: folder, variant: variant, name: "\(variant)-amd64-\(version)-\(content)")
    }
}

/// A folder in which a step fails: with a clean error, or as a kill leaves it, with a temporary file.
final class FailingStorage: RepositoryStorage {
    let inner: FolderStorage
    private let stepsLeft: Mutex<Int>

    struct Cut: Error {}

    init(_ folder: String, after steps: Int) throws {
        inner = try FolderStorage(folder, forWriting: true)
        stepsLeft = Mutex(steps)
    }

    /// Steps that were not used up.
    var remaining: Int { stepsLeft.withLock { $0 } }

    private func step(_ name: String, _ bytes: [UInt8]) throws(RepositoryError) {
        let isLast = stepsLeft.withLock { left in
            left -= 1
            return left < 0
        }
        guard isLast else { return }
        // What a writer that was killed leaves.
        try? inner.write(Array(bytes.prefix(10)), to: "\(name).12345\(DurableFiles.temporarySuffix)")
        throw .file(operation: "write", path: name, reason: "the power went")
    }

    var name: String { inner.name }
    func read(_ name: String, limit: Int) throws(RepositoryError) -> [UInt8]? {
        try inner.read(name, limit: limit)
    }
    func write(_ bytes: [UInt8], to name: String) throws(RepositoryError) {
        try step(name, bytes)
        try inner.write(bytes, to: name)
    }
    func copy(_ path: String, to name: String, length: Int64, sha256: SHA256Digest) throws(RepositoryError) {
        try step(name, Array(path.utf8))
        try inner.copy(path, to: name, length: length, sha256: sha256)
    }
    func digest(_ name: String) throws(RepositoryError) -> (length: Int64, sha256: SHA256Digest)? {
        try inner.digest(name)
    }
    func length(_ name: String) throws(RepositoryError) -> Int64? { try inner.length(name) }
    func list(_ folder: String) throws(RepositoryError) -> [String] { try inner.list(folder) }
    func path(_ name: String) -> String { inner.path(name) }
    func makeScratch(_ name: String) throws(RepositoryError) -> String { try inner.makeScratch(name) }
    func removeScratch() { inner.removeScratch() }
    func remove(_ name: String) throws(RepositoryError) {
        try step(name, [])
        try inner.remove(name)
    }
}
