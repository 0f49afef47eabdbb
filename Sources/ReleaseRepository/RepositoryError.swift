public import Rollout
public import TUF

/// Why a key ring or repository cannot be made, read or changed.
public enum RepositoryError: Error, Equatable, CustomStringConvertible {
    /// A system call on a file failed.
    case file(operation: String, path: String, reason: String)
    /// A folder that must be new has something in it.
    case exists(path: String)
    /// A folder is no key ring or repository.
    case notFound(path: String, what: String, command: String)
    /// Another program writes to the repository or key ring.
    case locked(path: String)
    /// A key ring's `keys.toml` cannot be used.
    case badKeyRing(path: String, reason: String)
    /// A key cannot be read or used.
    case badKey(path: String, reason: String)
    /// A program that signs failed; its arguments are not told, as there may be secrets among them.
    case signingFailed(command: String, reason: String)
    /// Too few keys of a role are at hand.
    case missingKeys(role: String, found: Int, threshold: Int, reasons: [String])
    /// Metadata cannot be read, trusted or written.
    case metadata(name: String, TUFError)
    /// The root metadata of the key ring and the repository are not of one chain.
    case otherRoot(version: Int64, ring: String, repository: String)
    /// The repository is older than what the key ring published last.
    case older(repository: String, ring: String, role: String, Int64, Int64)
    /// A new repository is wanted of a key ring that has published one.
    case publishedBefore(ring: String, version: Int64, repository: String)
    /// Somebody raised a version so far that none can follow.
    case fastForwarded(role: String, version: Int64)
    /// New metadata would expire before those that are there.
    case expiresEarlier(role: String, there: MetadataTime, new: MetadataTime)
    /// A build folder cannot be published.
    case badBuild(path: String, reason: String)
    /// The repository has a release of that name with other bytes.
    case otherRelease(release: String, file: String)
    /// Files of a release are gone or damaged, and its build does not give them back as they were signed.
    case lost(files: [String])
    /// The repository has no such release.
    case noSuchRelease(release: String, known: [String])
    /// A release that was withdrawn cannot be offered again.
    case withdrawn(release: String)
    /// A value of an option or argument is not allowed.
    case badValue(what: String, value: String, allowed: String)
    /// A schedule or description of a release is wrong.
    case rollout(RolloutError)

    /// What is wrong, with which value, and what to do.
    public var description: String {
        switch self {
        case .file(let operation, let path, let reason):
            return "cannot \(operation) '\(path)': \(reason)"
        case .exists(let path):
            return "'\(path)' is there already and not empty; name a new folder"
        case .notFound(let path, let what, let command):
            return "'\(path)' is no \(what); make one with: \(command)"
        case .locked(let path):
            return "another program writes to '\(path)'; wait until it has ended and try again"
        case .badKeyRing(let path, let reason):
            return "'\(path)' cannot be used: \(reason)"
        case .badKey(let path, let reason):
            return "the key '\(path)' cannot be used: \(reason)"
        case .signingFailed(let command, let reason):
            return "the signing command '\(command)' failed: \(reason)"
        case .missingKeys(let role, let found, let threshold, let reasons):
            let causes = reasons.isEmpty ? "the key ring lacks them" : reasons.joined(separator: "; ")
            return "the role '\(role)' needs \(threshold) signature\(threshold == 1 ? "" : "s"), and "
                + "\(found) could be made: \(causes)"
        case .metadata(let name, let error):
            return "\(name): \(error)"
        case .otherRoot(let version, let ring, let repository):
            return
                "\(version).root.json of '\(ring)' is not that of '\(repository)'; use the key ring that the "
                + "repository was made with"
        case .older(let repository, let ring, let role, let found, let noted):
            return "'\(repository)' is older than what '\(ring)' published last: its \(role) has the version "
                + "\(found), and \(noted) was published. Restore the newest state; only if that is lost, take this one with: "
                + "bulkhead repo refresh \(repository) --keys \(ring) --accept-older"
        case .publishedBefore(let ring, let version, let repository):
            return
                "'\(ring)' has published a repository, up to version \(version) of its timestamp; a second "
                + "one needs a key ring of its own. If the first one is lost, replace it with: "
                + "bulkhead repo init \(repository) --keys \(ring) --accept-older"
        case .fastForwarded(let role, let version):
            return
                "the \(role) metadata have the version \(version), which nobody can follow: somebody else has "
                + "signed them. Replace the keys of timestamp and snapshot (and those of targets) with 'bulkhead keys rotate', "
                + "then run 'bulkhead repo refresh'"
        case .expiresEarlier(let role, let there, let new):
            return
                "the new \(role) metadata would expire at \(new), those that are there do at \(there): set the "
                + "clock right, or state with --expires how long they shall be good"
        case .badBuild(let path, let reason):
            return "'\(path)' cannot be published: \(reason)"
        case .otherRelease(let release, let file):
            return "\(release) is published with another \(file); hosts may run it, so its bytes are final: "
                + "build and publish a new version"
        case .lost(let files):
            return """
                gone or damaged, and not made again as they were signed: \(files.joined(separator: ", ")); publish the \
                builds before again first, give the '--packs' of then, or put the files back from a copy of the repository
                """
        case .noSuchRelease(let release, let known):
            let list = known.isEmpty ? "it has none" : "it has \(known.joined(separator: ", "))"
            return "the repository has no release '\(release)' (VARIANT/ARCH/VERSION); \(list)"
        case .withdrawn(let release):
            return "\(release) was withdrawn, and hosts may have gone back from it; publish a new version"
        case .badValue(let what, let value, let allowed):
            return "\(what) is '\(value)'; give \(allowed)"
        case .rollout(let error):
            return "\(error)"
        }
    }
}
