public import HostAPI

/// Why a call of the host's API did not do what was asked.
public enum HostAPIError: Error, Equatable, CustomStringConvertible {
    /// There is no socket at the path.
    case socketMissing(path: String)
    /// The socket exists, and no program listens on it.
    case nobodyListens(path: String)
    /// The kernel does not let this user connect.
    case permissionDenied(path: String)
    /// The path is longer than a socket's address can be (unix(7): 107 bytes).
    case socketPathTooLong(path: String)
    /// All connections of the server were taken until the time was over.
    case serverBusy(path: String)
    /// Connecting failed for another reason; the number is of errno(3).
    case connectionFailed(path: String, errno: Int32)
    /// The answer did not come in time; what was asked may still happen.
    case timedOut(request: String, seconds: Int)
    /// The server closed the connection before its answer was complete; what was asked may have happened.
    case serverClosed(request: String)
    /// What came is not HTTP, or not what the API answers.
    case invalidResponse(request: String, reason: String)
    /// The answer is longer than the limit, in bytes.
    case responseTooLong(request: String, limit: Int)
    /// The request can't be written as HTTP: a name or value has characters that may not stand there.
    case invalidRequest(reason: String)
    /// The task that waited was cancelled.
    case cancelled
    /// The server refused, or failed, and says why (RFC 9457).
    case problem(Problem)

    /// What went wrong and what to do; of a problem, the server's own text.
    public var description: String {
        switch self {
        case .socketMissing(let path):
            "there is no socket \(path): is apiserver running? (-s names another socket)"
        case .nobodyListens(let path):
            "nobody listens on the socket \(path): is apiserver running? It may have stopped; its journal says why"
        case .permissionDenied(let path):
            "no permission to connect to \(path): run this as root or as a member of the group api"
        case .socketPathTooLong(let path):
            "the path of the socket is longer than 107 bytes: \(path)"
        case .serverBusy(let path):
            "all connections of the server on \(path) are taken: try again in a while"
        case .connectionFailed(let path, let errno):
            "could not connect to \(path) (errno \(errno)): is this the socket of apiserver?"
        case .timedOut(let request, let seconds):
            "no complete answer to \(request) in \(seconds) seconds"
                + (Self.changesNothing(request) ? "" : ": it may still be done; look before you repeat it")
        case .serverClosed(let request):
            "the server closed the connection during \(request)"
                + (Self.changesNothing(request) ? "" : ": it may have been done; look before you repeat it")
        case .invalidResponse(let request, let reason):
            "the answer to \(request) can't be read: \(reason)"
        case .responseTooLong(let request, let limit):
            "the answer to \(request) is longer than \(limit) bytes: ask for less at once"
        case .invalidRequest(let reason): "the request can't be sent: \(reason)"
        case .cancelled: "cancelled"
        case .problem(let problem): problem.detail
        }
    }

    /// Whether a request only reads, so that it may be repeated without a look.
    private static func changesNothing(_ request: String) -> Bool {
        request.hasPrefix("GET ") || request.hasPrefix("HEAD ")
    }
}
