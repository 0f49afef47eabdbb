public import HTTPFetch
public import OCI

/// Why an image cannot be had.
public enum ContainerImagesError: Error, Equatable, CustomStringConvertible {
    /// The configuration of pulling is wrong; the text says what and what to do.
    case configuration(String)
    /// A server has no such image.
    case notFound(reference: String, server: String)
    /// A server does not let this host have the image.
    ///
    /// - `user`: who this host said it is; nil where it said nothing.
    case refused(server: String, repository: String, user: String?)
    /// A server asks for credentials in a way that cannot be followed.
    case authentication(server: String, reason: String)
    /// A server could not be reached, or did not answer as it must.
    case fetch(FetchError)
    /// Content is not what its digest says.
    ///
    /// - `what`: "the manifest", "the configuration" or "a layer".
    /// - `source`: the servers or the file that it came from.
    case wrongDigest(what: String, expected: ContentDigest, found: ContentDigest, source: String)
    /// The image is for other machines.
    case wrongPlatform(reference: String, offered: [String], wanted: String)
    /// A document of the image is wrong.
    case unusable(reference: String, OCIError)
    /// Content is longer than may be.
    case tooLarge(what: String, size: Int64, limit: Int64)
    /// A folder is not the layout of an image.
    case badLayout(path: String, reason: String)
    /// Several servers: what was wrong with each, in the order they were asked.
    case servers([ContainerImagesError])
    /// The task was cancelled.
    case cancelled

    /// Whether all who were asked said that there is no such image.
    public var isNotFound: Bool {
        switch self {
        case .notFound: true
        case .servers(let errors): !errors.isEmpty && errors.allSatisfy(\.isNotFound)
        default: false
        }
    }

    /// Whether nobody who was asked could be reached at all, as while a host's network is not up yet.
    public var isOutOfReach: Bool {
        switch self {
        case .fetch(.failed(_, let failure)):
            switch failure {
            case .unknownHost, .unreachable, .connectTimeout: true
            default: false
            }
        case .servers(let errors): !errors.isEmpty && errors.allSatisfy(\.isOutOfReach)
        default: false
        }
    }

    /// What is wrong, with what value, and what to do.
    public var description: String {
        switch self {
        case .configuration(let text): text
        case .notFound(let reference, let server):
            "\(server) has no image '\(reference)'; check its name, and its tag or digest"
        case .refused(let server, let repository, nil):
            "\(server) does not let anybody have '\(repository)'; check the name, or set credentials for this server (container-registry.credentials)"
        case .refused(let server, let repository, let user?):
            "\(server) does not let \(user.isEmpty ? "the owner of the token" : "the user '\(user)'") have '\(repository)'; check the name, and the credentials for this server (container-registry.credentials)"
        case .authentication(let server, let reason):
            "\(server) asks for credentials in a way that cannot be followed: \(reason)"
        case .fetch(let error): error.description
        case .wrongDigest(let what, let expected, let found, let source):
            "\(what) from \(source) has the digest \(found), and must have \(expected); it was damaged or exchanged there"
        case .wrongPlatform(let reference, let offered, let wanted):
            "'\(reference)' is an image for \(offered.isEmpty ? "no machine" : offered.joined(separator: ", ")), and this host is \(wanted); take one that was built for it"
        case .unusable(let reference, let error): "'\(reference)': \(error)"
        case .tooLarge(let what, let size, let limit):
            "\(what) has \(size) bytes; \(limit) is the most that is taken"
        case .badLayout(let path, let reason): "'\(path)' is no image: \(reason)"
        case .servers(let errors):
            "no server could give it: \(errors.map(\.description).joined(separator: "; "))"
        case .cancelled: "getting the image was cancelled"
        }
    }

    /// One error for several.
    static func all(_ errors: [ContainerImagesError]) -> ContainerImagesError {
        errors.count == 1 ? errors[0] : .servers(errors)
    }
}
