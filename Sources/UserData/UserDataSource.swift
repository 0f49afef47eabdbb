/// A place where user data may be found: one type a place.
public protocol UserDataSource: Sendable {
    /// A short name in kebab case, for messages and for the note of which sources were read.
    var name: String { get }

    /// Reads what is there; nil where there is no user data at this place.
    ///
    /// - Throws: `UserDataError` when something is there, or must be, and could not be read.
    func read() async throws(UserDataError) -> UserDataContent?
}

/// User data as it was found.
public struct UserDataContent: Sendable, Equatable {
    /// Where it was found, for people: a path or a URL.
    public var place: String
    /// The bytes: TOML or JSON, possibly compressed.
    public var bytes: [UInt8]

    /// Found user data.
    public init(place: String, bytes: [UInt8]) {
        self.place = place
        self.bytes = bytes
    }
}

/// How much user data may be.
public enum UserDataLimits {
    /// Bytes, as they are found and after decompression.
    public static let bytes = 1 << 20
}

/// Why user data could not be had from a source.
public enum UserDataError: Error, Equatable, CustomStringConvertible {
    /// Reading failed: the place and the reason.
    case unreadable(place: String, reason: String)
    /// There is more than is read.
    case tooLarge(place: String)
    /// A volume has no file of the right name.
    case missing(place: String, names: [String])
    /// What is there is neither TOML nor JSON; the reason names line and column.
    case malformed(place: String, reason: String)

    /// Whether the source may give user data at another time: it could not be read, but its content is not wrong.
    public var mayPass: Bool {
        if case .unreadable = self { true } else { false }
    }

    /// What is wrong, where, and what to do.
    public var description: String {
        switch self {
        case .unreadable(let place, let reason): "user data could not be read from \(place): \(reason)"
        case .tooLarge(let place):
            "the user data in \(place) is larger than \(UserDataLimits.bytes) bytes: make it smaller"
        case .missing(let place, let names):
            "\(place) holds no user data: name the file \(names.joined(separator: " or "))"
        case .malformed(let place, let reason):
            "the user data in \(place) is not used, because it is neither TOML nor JSON: \(reason)"
        }
    }
}
