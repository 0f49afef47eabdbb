import Foundation

/// A directory for unfinished work that is removed when the value goes away.
///
/// It is locked as long as the value lives: what a killed build left can be locked by the next one, and is removed.
final class WorkDirectory: Sendable {
    let path: String
    private let lock: FileLock

    /// Makes a new directory in the cache, so that large files stay on its disk.
    convenience init(cache: StageCache) throws {
        try FileSystem.makeDirectory(cache.root)
        try self.init(in: cache.root, purpose: "work")
    }

    /// Makes a new directory inside of another.
    ///
    /// - Parameter purpose: a word for its name, which begins with a dot.
    init(in parent: String, purpose: String) throws {
        // A sweep may take the directory between its making and its locking: then another is made.
        for _ in 0..<100 {
            let path = "\(parent)/.\(purpose)-\(UUID().uuidString)"
            guard mkdir(path, 0o755) == 0 else {
                throw BuildError.file(operation: "make the directory", path: path, errno: errno)
            }
            guard let lock = try? FileLock.attempt(path, .exclusive) else { continue }
            self.path = path
            self.lock = lock
            return
        }
        throw BuildError.file(operation: "make a directory in", path: parent, errno: EAGAIN)
    }

    deinit {
        // A stage's result has been renamed.
        if FileSystem.exists(path) { FileSystem.remove(path) }
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Removes the unfinished work in a directory that nobody works on any more.
    static func removeLeftovers(in parent: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        where name.hasPrefix(".") {
            let path = "\(parent)/\(name)"
            guard let lock = try? FileLock.attempt(path, .exclusive) else { continue }
            withExtendedLifetime(lock) { FileSystem.remove(path) }
        }
    }
}
