internal import AsyncHTTPClient

/// Who a request says that it comes from: the field `Authorization`.
///
/// It goes to the origin (scheme, host and port) of the URL that it was given with; a redirect to another one loses it.
public enum FetchAuthorization: Sendable, Equatable {
    /// A name and a password (RFC 7617).
    case basic(user: String, password: String)
    /// A token (RFC 6750); visible ASCII only.
    case bearer(String)

    /// The field's value.
    var value: String {
        switch self {
        case .basic(let user, let password):
            HTTPClient.Authorization.basic(username: user, password: password).headerValue
        case .bearer(let token): "Bearer \(token)"
        }
    }
}

/// What a request does.
public enum FetchMethod: Sendable, Equatable {
    /// Asks for content.
    case get
    /// Asks for the head of an answer alone.
    case head
    /// Sends the text of a form (`a=b&c=d`, percent-encoded); redirects are not followed then.
    case post(form: String)
}

/// An answer with its body.
public struct FetchAnswer: Sendable {
    /// The status; none that may pass, as 503 may.
    public let status: Int
    /// The body; empty where the status is not 200.
    public let body: [UInt8]
    let fields: [(name: String, value: String)]

    /// The values of a field, one for each time that it stands in the head.
    ///
    /// - Parameter name: in any case.
    public func values(_ name: String) -> [String] {
        let name = name.lowercased()
        return fields.filter { $0.name == name }.map(\.value)
    }
}
