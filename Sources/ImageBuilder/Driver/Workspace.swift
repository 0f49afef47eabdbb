import Debian
import Foundation

/// Where a build reads and writes.
public struct Workspace: Sendable {
    /// The repository's root: Package.swift, variants/, image/ ...
    public let repository: String
    /// The cache of packages, unpacked packages, tools and stages.
    public let cache: String
    /// The directory that gets a folder for each built image.
    public let output: String

    /// Names the three directories.
    ///
    /// - Parameters:
    ///   - repository: the root; found from the current directory when nil.
    ///   - cache: `BULKHEAD_CACHE`, or `bulkhead` in the user's cache directory, when nil.
    ///   - output: `build` in the repository when nil.
    /// - Throws: `BuildError.missing` outside of a repository.
    public init(repository: String? = nil, cache: String? = nil, output: String? = nil) throws {
        let environment = ProcessInfo.processInfo.environment
        self.repository = try repository.map(Self.checked) ?? Self.findRepository()
        if let cache = cache ?? environment["BULKHEAD_CACHE"] {
            self.cache = Self.absolute(cache)
        } else {
            self.cache = PackageCache.defaultRoot(environment: environment)
        }
        self.output = output.map(Self.absolute) ?? self.repository + "/build"
    }

    /// The package lock of a variant.
    public func lockFile(of variant: String) -> String { "\(repository)/variants/\(variant)/packages.lock" }

    /// The package lock of a container.
    public func lockFile(ofContainer name: String) -> String {
        "\(repository)/image/containers/\(name)/packages.lock"
    }

    /// The absolute form of a path given on a command line.
    public static func absolute(_ path: String) -> String {
        let full = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        return (full as NSString).standardizingPath
    }

    private static func isRepository(_ directory: String) -> Bool {
        FileSystem.exists(directory + "/variants") && FileSystem.exists(directory + "/Package.swift")
    }

    /// The absolute path of a repository that the user named.
    private static func checked(_ path: String) throws -> String {
        let directory = absolute(path)
        guard isRepository(directory) else {
            throw BuildError.missing(
                what: "'\(directory)' as a Bulkhead repository (a folder with variants/ and Package.swift)",
                remedy: "name another with --repository"
            )
        }
        return directory
    }

    private static func findRepository() throws -> String {
        var directory = FileManager.default.currentDirectoryPath
        while true {
            if isRepository(directory) { return directory }
            guard directory != "/", !directory.isEmpty else {
                throw BuildError.missing(
                    what: "a Bulkhead repository (a folder with variants/ and Package.swift)",
                    remedy: "run this inside one, or name it with --repository"
                )
            }
            directory = (directory as NSString).deletingLastPathComponent
        }
    }
}
