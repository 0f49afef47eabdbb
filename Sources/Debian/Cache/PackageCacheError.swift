public import Processes

/// Why package files could not be provided.
///
/// Nothing wrong is ever kept in the cache.
public enum PackageCacheError: Error, Equatable, CustomStringConvertible {
    /// The mirror no longer has these versions; the caller may choose others.
    case vanished([LockedPackage])
    /// Files whose bytes are not those the lock names.
    case damaged([DamagedPackage])
    /// The mirror does not answer.
    case unreachable(address: String, message: String)
    /// The mirror refused a file, or sent something else that is no file.
    case refused(address: String, message: String)
    /// The disk the cache is on has no room left.
    case diskFull(path: String)
    /// Files that are not in the cache while the network must not be used.
    case offline(missing: [LockedPackage])
    /// A file of the cache cannot be read or written.
    case file(path: String, reason: String)
    /// The operation was cancelled.
    case cancelled
    /// The program that fetches failed for another reason.
    case process(ProcessError)

    /// A file that arrived with other bytes than the lock names.
    public struct DamagedPackage: Sendable, Equatable {
        /// The package as the lock has it.
        public let package: LockedPackage
        /// How the file differs.
        public let problem: String
    }

    /// What failed, for which packages, and what to do about it.
    public var description: String {
        switch self {
        case .vanished(let packages):
            return "the mirror no longer has \(Self.list(packages.map(\.title))); "
                + "run 'bulkhead lock --update \(packages.prefix(20).map(\.name).joined(separator: " "))' "
                + "to choose the current versions, or name an archive that keeps old ones with --mirror URL"
        case .damaged(let files):
            let lines = files.prefix(20).map { "  \($0.package.title): \($0.problem)" }
            return "the mirror sent other bytes than the lock names; none of them were kept:\n"
                + lines.joined(separator: "\n")
                + "\nTry again, or name another mirror with --mirror URL"
        case .unreachable(let address, let message):
            return "the mirror does not answer for '\(address)': \(message)\n"
                + "Check the network and apt's proxy settings, or name another mirror with --mirror URL"
        case .refused(let address, let message):
            return "the mirror did not give '\(address)': \(message)\nName another mirror with --mirror URL"
        case .diskFull(let path):
            return "no space is left for the package cache in '\(path)'; "
                + "free some, or place the cache elsewhere with XDG_CACHE_HOME"
        case .offline(let missing):
            return
                "not in the package cache, and --offline forbids fetching: \(Self.list(missing.map(\.title))); "
                + "run the build once without --offline"
        case .file(let path, let reason):
            return "the package cache cannot be used: \(path): \(reason)"
        case .cancelled:
            return "fetching packages was cancelled; what has arrived is kept in the cache"
        case .process(let error):
            return error.description
        }
    }

    private static func list(_ names: [String]) -> String {
        names.count <= 20
            ? names.joined(separator: ", ")
            : names.prefix(20).joined(separator: ", ") + " and \(names.count - 20) more"
    }
}
