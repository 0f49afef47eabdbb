import Foundation
import Hashing

/// The directory in which SwiftPM keeps what it compiled of one repository, held by one build at a time.
struct CompilerScratch: Sendable {
    /// Where it is.
    let path: String
    private let lock: FileLock

    /// Waits until no other build compiles in it.
    ///
    /// Directories of repositories that are gone are removed.
    ///
    /// - Throws: `BuildError.file`; `CancellationError`.
    static func take(repository: String, cache: StageCache, observer: any BuildObserver) async throws
        -> CompilerScratch
    {
        let parent = (cache.root as NSString).deletingLastPathComponent
        try FileSystem.makeDirectory(parent)
        removeLeftovers(in: parent)
        let path = "\(parent)/\(prefix)\(SHA256Digest(hashing: repository).hex.prefix(16))"
        let lock = try await FileLock.acquire(path + suffix, .exclusive, creating: true) {
            observer.note("waiting for another build that compiles the programs of '\(repository)'")
        }
        try FileSystem.makeDirectory(path)
        try FileSystem.write(Array(repository.utf8), to: path + "/" + owner)
        return CompilerScratch(path: path, lock: lock)
    }

    private static let prefix = "swift-build-"
    private static let suffix = ".lock"
    /// The file that names the repository.
    private static let owner = "repository"

    private static func removeLeftovers(in parent: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        where name.hasPrefix(prefix) && name.hasSuffix(suffix) {
            let file = "\(parent)/\(name)"
            let path = String(file.dropLast(suffix.count))
            guard let lock = try? FileLock.attempt(file, .exclusive),
                let repository = try? FileSystem.read("\(path)/\(owner)", limit: 1 << 16),
                !FileSystem.exists(String(decoding: repository, as: UTF8.self))
            else { continue }
            withExtendedLifetime(lock) {
                FileSystem.remove(path)
                FileSystem.remove(file)
            }
        }
    }
}
