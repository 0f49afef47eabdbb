/// Why something could not be fetched.
public enum FetchError: Error, Equatable, CustomStringConvertible {
    /// The configuration itself is wrong; the text says what and what to do.
    case configuration(String)
    /// One URL (without its user and password), and what was wrong with it.
    case failed(url: String, FetchFailure)
    /// Several mirrors: what was wrong with each, in the order they were tried.
    case mirrors([FetchError])
    /// The task was cancelled.
    case cancelled

    /// Whether the server said that there is no such file; of several mirrors, whether all said so.
    public var isNotFound: Bool {
        switch self {
        case .failed(_, .status(404)), .failed(_, .status(410)): true
        case .mirrors(let errors): !errors.isEmpty && errors.allSatisfy { $0.isNotFound }
        default: false
        }
    }

    /// Whether the server said that nobody may have the file: what object stores answer for one that is not there to
    /// those who may not list it.
    public var isForbidden: Bool {
        switch self {
        case .failed(_, .status(403)): true
        case .mirrors(let errors): !errors.isEmpty && errors.allSatisfy { $0.isForbidden }
        default: false
        }
    }

    /// Whether a server that could be reached does not serve parts of files, so that all of it can still be had with
    /// `RemoteFile.stream`.
    public var lacksRanges: Bool {
        switch self {
        case .failed(_, .noRanges): true
        case .mirrors(let errors): errors.contains { $0.lacksRanges }
        default: false
        }
    }

    /// What is wrong, where, and what to do.
    public var description: String {
        switch self {
        case .configuration(let text): text
        case .failed(let url, let failure): "could not fetch \(url): \(failure)"
        case .mirrors(let errors):
            "no mirror could serve it: \(errors.map(\.description).joined(separator: "; "))"
        case .cancelled: "fetching was cancelled"
        }
    }
}

/// What was wrong with one URL.
public enum FetchFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text is no URL that can be fetched, and why.
    case invalidURL(String)
    /// The name of the host could not be resolved.
    case unknownHost(String)
    /// Nobody listens at that place.
    case refused(String)
    /// There was no connection for another reason.
    case unreachable(String, reason: String)
    /// There was no connection in time.
    case connectTimeout(String)
    /// The server's certificate is not signed by an authority that is trusted here, or has expired.
    case untrusted(String)
    /// The server's certificate is for another host.
    case wrongHost(String)
    /// TLS failed for another reason.
    case tls(String)
    /// The proxy wants another user or password.
    case proxyAuthentication
    /// The proxy does not make connections to this host.
    case proxyRefused
    /// The server answered with this status.
    case status(Int)
    /// There are more bytes than may be.
    case tooLarge(limit: UInt64)
    /// The head of the answer is longer than may be.
    case headTooLarge(limit: Int)
    /// Nothing came for so long.
    case stalled(Duration)
    /// Fewer bytes a second came than must be.
    case tooSlow(minimum: Int)
    /// All together took longer than may be.
    case timeLimit(Duration)
    /// The connection ended before the answer did.
    case disconnected
    /// A redirect that is not followed, and why.
    case redirect(String)
    /// The server sends all of the file when it is asked for a part.
    case noRanges
    /// The server sent other parts than it was asked for.
    case wrongRange(String)
    /// The file has another size.
    case wrongSize(expected: UInt64, found: UInt64)
    /// Whoever used the bytes found that they are not the right ones (`RemoteFile.exclude`).
    case wrongContent
    /// The answer is not one of HTTP, or uses what was not asked for.
    case badAnswer(String)
    /// A file of this machine could not be read.
    case unreadable(String)

    /// Whether the same request may do better a little later.
    var isPassing: Bool {
        switch self {
        case .refused, .unreachable, .connectTimeout, .unknownHost, .stalled, .tooSlow, .disconnected: true
        case .status(let status): status == 408 || status == 425 || status == 429 || status >= 500
        default: false
        }
    }

    /// Whether it would have come, but not fast enough.
    var isSlowness: Bool {
        if case .tooSlow = self { true } else { false }
    }

    /// What is wrong, and what to do.
    public var description: String {
        switch self {
        case .invalidURL(let reason): "this is no URL that can be fetched: \(reason)"
        case .unknownHost(let host):
            "the name \(host) is unknown: see whether it is right, and the DNS settings"
        case .refused(let place): "\(place) refuses connections: is a server running there?"
        case .unreachable(let place, let reason): "no connection to \(place): \(reason)"
        case .connectTimeout(let place):
            "no connection to \(place) in time: is it reachable from here, and is no proxy needed?"
        case .untrusted(let text):
            "the server's certificate is not trusted here (\(text)): add its authority, or see whether the clock is right"
        case .wrongHost(let text): "the server's certificate is for another host (\(text)): correct the URL"
        case .tls(let text): "no encrypted connection (\(text)): is this a server for https?"
        case .proxyAuthentication: "the proxy wants a user and password: correct them in the proxy's URL"
        case .proxyRefused: "the proxy gives no connection to this host: see the proxy's rules"
        case .status(404): "there is no such file (status 404)"
        case .status(let status): "the server answered with status \(status)"
        case .tooLarge(let limit): "it is longer than the \(limit) bytes that it may have"
        case .headTooLarge(let limit): "the head of the answer is longer than \(limit) bytes"
        case .stalled(let time): "the server sent nothing for \(time)"
        case .tooSlow(let minimum): "it comes with less than \(minimum) bytes a second: try another mirror"
        case .timeLimit(let time): "it took longer than \(time)"
        case .disconnected: "the connection ended in the middle"
        case .redirect(let reason): "a redirect is not followed: \(reason)"
        case .noRanges: "the server does not serve parts of files (it ignores Range)"
        case .wrongRange(let what): "the server sent other parts than it was asked for: \(what)"
        case .wrongSize(let expected, let found): "it has \(found) bytes there, and must have \(expected)"
        case .wrongContent: "what it serves is not what was signed: see whether this mirror is up to date"
        case .badAnswer(let what): "the answer cannot be used: \(what)"
        case .unreadable(let what): "the file cannot be read: \(what)"
        }
    }
}
