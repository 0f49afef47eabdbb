import Foundation
import Hashing
import Processes

/// The directory in which SwiftPM keeps what it compiled of one repository, held by one build at a time.
struct CompilerScratch: Sendable {
    /// Where it is.
    let path: String
    private let repository: String
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
        let lock = try await FileLock.acquire(
            path + suffix,
            .exclusive,
            creating: true,
            limit: .seconds(2 * 3600)
        ) {
            observer.note("waiting for another build that compiles the programs of '\(repository)'")
        }
        try FileSystem.makeDirectory(path)
        try FileSystem.write(Array(repository.utf8), to: path + "/" + owner)
        return CompilerScratch(path: path, repository: repository, lock: lock)
    }

    /// A run of `swift build` of the repository in this directory.
    ///
    /// The compiler sees both at the same places whatever they are called outside (bwrap(1)): it puts the length of a
    /// source file's path into programs, which no option maps away. Everything else is the build machine's own.
    /// Whatever it started ends with it. It has a temporary directory of its own, as SwiftPM keeps a lock there whose name
    /// is made from the scratch directory's.
    ///
    /// - Parameters:
    ///   - arguments: what follows `swift build`; packages and scratch directory are set here.
    ///   - timeout: how long it may take.
    func swiftBuild(_ arguments: [String], timeout: Duration) -> Command {
        Toolchain.command(
            "bwrap",
            [
                "--die-with-parent", "--unshare-pid", "--dev-bind", "/", "/", "--proc", "/proc",
                "--tmpfs", Self.sandbox, "--bind", repository, Self.source, "--bind", path, Self.scratch,
                "--dir", Self.temporary, "--setenv", "TMPDIR", Self.temporary, "--chdir", Self.source, "--",
                "swift", "build", "--package-path", Self.source, "--scratch-path", Self.scratch,
            ] + arguments,
            timeout: timeout,
            remedy: "install it: apt-get install bubblewrap"
        )
    }

    /// The place on the build machine of a path that `swift build` printed.
    func outside(_ path: String) -> String {
        guard path.hasPrefix(Self.scratch) else { return path }
        return self.path + path.dropFirst(Self.scratch.count)
    }

    /// A directory that every system has (hier(7)) and no toolchain is installed in.
    private static let sandbox = "/media"
    private static let source = sandbox + "/source"
    private static let scratch = sandbox + "/build"
    private static let temporary = scratch + "/tmp"
    private static let prefix = "compiler-scratch-"
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
