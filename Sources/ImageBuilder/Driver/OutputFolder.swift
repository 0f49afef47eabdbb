import Foundation

/// The folder of a built image: filled under a temporary name, and put in the place of an older one when complete.
final class OutputFolder: Sendable {
    /// Where the finished folder is.
    let path: String
    private let lock: FileLock
    private let fresh: String
    private let former: String

    /// Takes the folder's lock, so that only one build writes it at a time, and mends what a killed one left.
    ///
    /// - Throws: `BuildError.locked` when another build has it.
    init(path: String) throws {
        let parent = (path as NSString).deletingLastPathComponent
        let name = (path as NSString).lastPathComponent
        self.path = path
        fresh = "\(parent)/.\(name).new"
        former = "\(parent)/.\(name).old"
        try FileSystem.makeDirectory(parent)
        guard let lock = try FileLock.attempt("\(parent)/.\(name).lock", .exclusive, creating: true) else {
            throw BuildError.locked(path: path)
        }
        self.lock = lock
        if FileSystem.exists(former), !FileSystem.exists(path) { try FileSystem.rename(former, to: path) }
    }

    /// Fills a new folder and gives it the final name; an older one is gone afterwards.
    ///
    /// When that fails, the older one is in its place as before.
    func replace(_ fill: (_ directory: String) async throws -> Void) async throws {
        FileSystem.remove(fresh)
        FileSystem.remove(former)
        try FileSystem.makeDirectory(fresh)
        do {
            try await fill(fresh)
            try Task.checkCancellation()
            if FileSystem.exists(path) { try FileSystem.rename(path, to: former) }
            try FileSystem.rename(fresh, to: path)
        } catch {
            if FileSystem.exists(former), !FileSystem.exists(path) {
                try? FileSystem.rename(former, to: path)
            }
            FileSystem.remove(fresh)
            throw error
        }
        FileSystem.remove(former)
    }
}
