internal import SettingsModel

/// Who this host is to a registry.
///
/// Its description never shows what is secret.
public enum RegistryCredential: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    /// A name and a password.
    case password(user: String, password: String)
    /// A token that other tokens are given for (OAuth's refresh token).
    case identityToken(String)

    /// Reads Base64 of a name, a colon and a password, as Docker's configuration has it; nil for anything else.
    init?(auth: String) {
        guard let bytes = Base64Data(auth)?.bytes, let text = String(validating: bytes, as: UTF8.self) else {
            return nil
        }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        // Docker's own tools have filled passwords up with NUL; containerd takes it away, too.
        let password = parts[1].drop { $0 == "\0" }
        self = .password(
            user: String(parts[0]),
            password: String(password.reversed().drop { $0 == "\0" }.reversed())
        )
    }

    /// The user's name; empty for a token.
    var user: String {
        switch self {
        case .password(let user, _): user
        case .identityToken: ""
        }
    }

    /// The user's name, or that it is a token.
    public var description: String {
        switch self {
        case .password(let user, _): "the password of '\(user)'"
        case .identityToken: "a token"
        }
    }

    /// As `description`.
    public var debugDescription: String { description }
}
