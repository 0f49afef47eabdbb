/// Why metadata or a target is not trusted, or could not be had.
public enum TUFError: Error, Equatable, CustomStringConvertible {
    /// The metadata is not what section 4 of the TUF specification describes.
    case malformed(role: String, reason: String)
    /// The file holds metadata of another kind than was asked for.
    case wrongType(expected: String, found: String)
    /// The metadata follows another version of the specification than 1.x.
    case unsupportedSpecification(role: String, version: String)
    /// Too few of the keys that may sign this role have validly signed it.
    case notEnoughSignatures(role: String, valid: Int, threshold: Int, delegator: String)
    /// A role is named that the delegator does not know.
    case unknownRole(String, delegator: String)
    /// The version is not the one that is announced elsewhere (mix-and-match), or no successor (root).
    case wrongVersion(role: String, expected: Int64, found: Int64)
    /// The version is lower than one that was trusted before.
    case rollback(role: String, trusted: Int64, found: Int64)
    /// A new snapshot does not list metadata that a trusted one listed, or that is delegated to.
    case missingFromSnapshot(role: String)
    /// The metadata has expired: somebody may be withholding newer ones.
    case expired(role: String, at: MetadataTime, now: MetadataTime)
    /// A file is longer than it may be.
    case tooLong(name: String, limit: Int)
    /// A file has not the length that metadata promise.
    case wrongLength(name: String, expected: Int64, found: Int64)
    /// A file has not the hash that metadata promise.
    case wrongHash(name: String, algorithm: String)
    /// Metadata give only hashes that this client cannot compute.
    case unknownHashes(name: String)
    /// The repository does not have a file that it needs.
    case notFound(name: String)
    /// A file could not be fetched.
    case fetch(name: String, reason: String)
    /// No trusted role describes the target.
    case noSuchTarget(path: String)
    /// More roles may describe the target than are asked; none of those that were asked does.
    case tooManyDelegations(path: String, limit: Int)
    /// The clock is more than a day behind the time of an earlier operation: metadata that have expired would look valid.
    case clockWentBack(now: MetadataTime, seen: MetadataTime)
    /// Another operation has the trusted metadata.
    case storeInUse
    /// There is no trusted root metadata to begin with.
    case noTrustedRoot
    /// The folder of trusted metadata could not be read or written.
    case store(operation: String, path: String, errno: Int32)
    /// A key in metadata cannot be used.
    case key(keyID: String, reason: String)

    /// What is wrong, with which value, and what to do.
    public var description: String {
        switch self {
        case .malformed(let role, let reason):
            "the metadata of '\(shown(role))' are malformed: \(shown(reason, limit: Self.reasonLimit))"
        case .wrongType(let expected, let found):
            "the metadata are of the type '\(shown(found))' where '\(expected)' is expected"
        case .unsupportedSpecification(let role, let version):
            "the metadata of '\(shown(role))' follow version '\(shown(version))' of the TUF specification: "
                + "this client knows 1.x; update it"
        case .notEnoughSignatures(let role, let valid, let threshold, let delegator):
            "'\(shown(role))' is validly signed by \(valid) of the keys that '\(shown(delegator))' names for it, "
                + "\(threshold) are needed: it may be forged; check the repository"
        case .unknownRole(let role, let delegator):
            "'\(shown(delegator))' does not delegate to '\(shown(role))'"
        case .wrongVersion(let role, let expected, let found):
            "'\(shown(role))' has version \(found) where \(expected) is expected: the repository mixes its versions"
        case .rollback(let role, let trusted, let found):
            "'\(shown(role))' has version \(found), but version \(trusted) was trusted before: "
                + "an old repository is being offered"
        case .missingFromSnapshot(let role):
            "the snapshot does not list '\(shown(role))': the repository is not complete"
        case .expired(let role, let at, let now):
            "'\(shown(role))' expired at \(at) and it is \(now): the repository is not being refreshed, "
                + "or newer metadata are withheld, or the clock is wrong"
        case .tooLong(let name, let limit):
            "'\(shown(name))' is longer than \(limit) bytes: it was not read any further"
        case .wrongLength(let name, let expected, let found):
            "'\(shown(name))' has \(found) bytes where the metadata promise \(expected)"
        case .wrongHash(let name, let algorithm):
            "'\(shown(name))' does not have the \(shown(algorithm)) hash that the metadata promise: "
                + "it is damaged or forged; try another mirror"
        case .unknownHashes(let name):
            "the metadata give neither a sha256 nor a sha512 hash of '\(shown(name))'"
        case .notFound(let name):
            "the repository does not have '\(shown(name))': check its address"
        case .fetch(let name, let reason):
            "'\(shown(name))' could not be fetched: \(shown(reason, limit: Self.reasonLimit))"
        case .noSuchTarget(let path):
            "no trusted role describes the target '\(shown(path))'"
        case .tooManyDelegations(let path, let limit):
            "none of the first \(limit) roles that may describe the target '\(shown(path))' does, and there are more: "
                + "the repository must delegate it to fewer"
        case .clockWentBack(let now, let seen):
            "it is \(now) by the clock, but was \(seen) before: set the clock; expired metadata would look valid"
        case .storeInUse:
            "another operation has the trusted metadata: try again when it has ended"
        case .noTrustedRoot:
            "there is no trusted root metadata: initialise with a root.json that you trust"
        case .store(let operation, let path, let errno):
            "cannot \(operation) '\(path)': \(message(of: errno))"
        case .key(let keyID, let reason):
            "the key '\(shown(keyID))' cannot be used: \(shown(reason, limit: Self.reasonLimit))"
        }
    }

    /// Characters of a reason, in which names are that somebody else chose.
    private static let reasonLimit = 1000
}

/// A name that somebody else chose, cut and harmless to the terminals and journals that errors end up in.
func shown(_ name: String, limit: Int = 120) -> String {
    var text = ""
    for (index, scalar) in name.unicodeScalars.enumerated() {
        guard index < limit else { return text + "..." }
        switch scalar {
        case " "..."~": text.unicodeScalars.append(scalar)
        default: text += "\\u{\(String(scalar.value, radix: 16))}"
        }
    }
    return text
}
