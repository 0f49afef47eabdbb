/// Why feature files can't be used.
public enum FeatureError: Error, Equatable, CustomStringConvertible {
    /// A file is wrong: which one, where, and what to do; several problems are parted by line breaks.
    case invalid(file: String, reason: String)
    /// A file or folder can't be read.
    case unreadable(path: String, reason: String)

    /// What is wrong, where, and what to do: one line a problem.
    public var description: String {
        switch self {
        case .invalid(let file, let reason):
            reason.split(separator: "\n").map { "\(file): \($0)" }.joined(separator: "\n")
        case .unreadable(let path, let reason): "\(path): \(reason)"
        }
    }
}
