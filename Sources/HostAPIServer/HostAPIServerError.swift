/// Why a server of the host's API can't start.
public enum HostAPIServerError: Error, Equatable, CustomStringConvertible {
    /// The socket can't be made or used.
    case socket(path: String, reason: String)

    /// What is wrong, with what, and what to do.
    public var description: String {
        switch self {
        case .socket(let path, let reason): "cannot listen on '\(path)': \(reason)"
        }
    }
}
