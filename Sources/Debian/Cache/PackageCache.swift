import Foundation
public import Hashing

/// A store of package files under the names of their SHA-256, shared by all variants and builds of a user.
///
/// A file gets its final name only after it was checked and flushed, so that any number of builds can use the
/// cache at once and none ever finds half a file.
public struct PackageCache: Sendable {
    /// The cache's directory.
    public let root: String
    /// How files are fetched.
    public var limits: FetchLimits

    /// Describes a cache; its directory is made when something is stored.
    public init(root: String, limits: FetchLimits = FetchLimits()) {
        self.root = URL(filePath: root).standardizedFileURL.path
        self.limits = limits
    }

    /// `$XDG_CACHE_HOME/bulkhead`, or `~/.cache/bulkhead` (XDG Base Directory Specification).
    public static func defaultRoot(environment: [String: String] = ProcessInfo.processInfo.environment)
        -> String
    {
        // The specification says that a relative path is to be ignored.
        if let home = environment["XDG_CACHE_HOME"], home.hasPrefix("/") { return "\(home)/bulkhead" }
        let home = environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? NSHomeDirectory()
        return "\(home)/.cache/bulkhead"
    }

    /// Where a file with these bytes is, or would be.
    public func path(of digest: SHA256Digest) -> String {
        "\(root)/sha256/\(digest.hex.prefix(2))/\(digest.hex).deb"
    }

    /// Where a package's file is, or would be.
    public func path(of package: LockedPackage) -> String { path(of: package.sha256) }

    /// How far a file that is already in the cache is trusted.
    public enum Verification: Sendable {
        /// Its size is looked at.
        case size
        /// It is read whole and hashed.
        case content
    }

    /// Whether the cache has a package's file; a file that is not right is removed.
    ///
    /// - Throws: `PackageCacheError.file`.
    public func contains(
        _ package: LockedPackage,
        verification: Verification = .size
    ) throws(PackageCacheError) -> Bool {
        let path = path(of: package)
        guard let size = Self.regularFileSize(path) else { return false }
        if size == package.size {
            guard verification == .content else { return true }
            do {
                if try SHA256Digest(hashingFile: path) == package.sha256 { return true }
            } catch {
                throw .file(path: path, reason: "\(error)")
            }
        }
        // Another build may have removed it already, or replaced it by a good one just now: then that one is
        // fetched again, which costs time but nothing else.
        guard unlink(path) == 0 || errno == ENOENT else {
            throw .file(
                path: path,
                reason: "it is damaged and cannot be removed: \(String(cString: strerror(errno)))"
            )
        }
        return false
    }

    /// The size of a regular file in bytes; nil for anything else, links included.
    static func regularFileSize(_ path: String) -> Int? {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }
}

/// How hard a fetch tries.
public struct FetchLimits: Sendable, Equatable {
    /// How many programs fetch at the same time.
    public var parallel: Int
    /// How often apt repeats a request that failed.
    public var retries: Int
    /// After how many seconds of silence a connection is given up.
    public var silence: Int
    /// How long the fetch of one batch of files may take.
    public var batchTimeout: Duration

    /// Sets limits; those left out suit an ordinary connection.
    public init(
        parallel: Int = 6,
        retries: Int = 3,
        silence: Int = 30,
        batchTimeout: Duration = .seconds(3600)
    ) {
        self.parallel = max(1, min(parallel, 32))
        self.retries = max(0, min(retries, 10))
        self.silence = max(1, silence)
        self.batchTimeout = batchTimeout
    }
}

/// How far a fetch has come.
public struct FetchProgress: Sendable, Equatable {
    /// The number of files that have arrived and were found right.
    public var completedFiles: Int
    /// The number of files to fetch.
    public var totalFiles: Int
    /// The bytes that have arrived.
    public var completedBytes: Int
    /// The bytes to fetch.
    public var totalBytes: Int
}

/// What a fetch did.
public struct FetchSummary: Sendable, Equatable {
    /// The number of files that were in the cache before.
    public var cachedFiles: Int
    /// The number of files that came from the mirror.
    public var fetchedFiles: Int
    /// Their size in bytes.
    public var fetchedBytes: Int
}
