/// One thing that is wrong in a manifest.
public struct ManifestProblem: Sendable, Hashable, CustomStringConvertible {
    /// What sort of problem it is.
    public enum Kind: String, Sendable, Hashable {
        /// The text is not TOML, or not UTF-8.
        case syntax
        /// A key or table the schema does not have at that place.
        case unknownKey
        /// A key that must be there is not.
        case missingKey
        /// A value of another TOML type than the key takes.
        case wrongType
        /// A value outside of what the key allows.
        case badValue
        /// One value twice, in a list or in two files.
        case duplicate
        /// Two values that exclude each other, such as a package both included and dropped.
        case contradiction
        /// Two fragments that set one key differently, with nobody above them to decide.
        case conflict
        /// Fragments that extend each other in a circle.
        case cycle
        /// A file or folder that the manifest names is not there.
        case missingFile
        /// A file that cannot be read, or is larger than `Variant.fileSizeLimit`.
        case unreadableFile
    }

    /// What sort of problem it is.
    public let kind: Kind
    /// Where it is.
    public let location: SourceLocation
    /// What is wrong, with which value, and what to do about it.
    public let message: String

    /// The place and the message on one line.
    public var description: String { "\(location): \(message)" }
}

/// Why a variant could not be loaded or used.
public enum ManifestError: Error, Equatable, CustomStringConvertible {
    /// The manifest, or a fragment it extends, is wrong; all problems that one load could find, by file and line.
    case invalid(variant: String, problems: [ManifestProblem])
    /// No folder of that name holds a `variant.toml`.
    case unknownVariant(name: String, known: [String])
    /// No folder of that name in `image/containers` holds a `container.toml`.
    case unknownContainer(name: String, known: [String])
    /// The variant is not made for that architecture.
    case unknownArchitecture(name: String, variant: String, known: [Architecture])
    /// A version that cannot name files, partitions and boot entries.
    case invalidVersion(version: String, reason: String)
    /// The folder of the variants cannot be listed.
    case unreadableFolder(path: String, reason: String)

    /// What is wrong, with which value, and what to do; one line a problem.
    public var description: String {
        switch self {
        case .invalid(_, let problems):
            return problems.map(\.description).joined(separator: "\n")
        case .unknownVariant(let name, let known):
            let list = known.isEmpty ? "there is none yet" : "there are \(known.joined(separator: ", "))"
            let guess = didYouMean(name, among: known)
            return
                "no variant is named \(quoted(name)) (variants/\(name)/variant.toml is not there)\(guess); \(list)"
        case .unknownContainer(let name, let known):
            let list = known.isEmpty ? "there is none yet" : "there are \(known.joined(separator: ", "))"
            let guess = didYouMean(name, among: known)
            return
                "no container is named \(quoted(name)) (image/containers/\(name)/container.toml is not there)\(guess); \(list)"
        case .unknownArchitecture(let name, let variant, let known):
            let list = known.map(\.rawValue).joined(separator: ", ")
            return "variant '\(variant)' is not made for architecture \(quoted(name)), only for \(list);"
                + " choose one of these or add it to 'architectures' in variants/\(variant)/variant.toml"
        case .invalidVersion(let version, let reason):
            return "version \(quoted(version)) \(reason)"
        case .unreadableFolder(let path, let reason):
            return
                "cannot list the variants in '\(path)': \(reason); run this in the root of a Bulkhead repository"
        }
    }
}

/// A value from a file for a message: quoted, shortened, and without control characters.
func quoted(_ text: String) -> String {
    var result = "'"
    for scalar in text.unicodeScalars.prefix(80) {
        if scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) {
            result += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
            result.unicodeScalars.append(scalar)
        }
    }
    return result + (text.unicodeScalars.count > 80 ? "..." : "") + "'"
}
