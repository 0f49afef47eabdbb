/// Why the API server can't start.
public enum APIServerError: Error, Equatable, CustomStringConvertible {
    /// The command line is wrong.
    case usage(String)
    /// A file that the server needs can't be read or written.
    case file(path: String, reason: String)

    /// What is wrong, with what, and what to do.
    public var description: String {
        switch self {
        case .usage(let reason): "\(reason); 'apiserver --help' shows the options"
        case .file(let path, let reason): "'\(path)': \(reason)"
        }
    }
}
