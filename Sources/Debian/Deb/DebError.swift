import Foundation

/// Why a `.deb` file could not be read or unpacked.
public enum DebError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file is not a Debian package of format 2.0, or a part of it is missing or malformed.
    case malformed(package: String, reason: String)
    /// Control text breaks the deb822 syntax.
    case control(source: String, line: Int, reason: String)
    /// A member of the package has no place in a file tree.
    case member(package: String, reason: String)
    /// The file is not the one it should be.
    case digest(package: String, expected: String, actual: String)
    /// The unpacked form in the cache is damaged.
    case cache(path: String, reason: String)
    /// A file of the build machine could not be read or written.
    case system(operation: String, path: String, errno: Int32)

    /// What is wrong, in which package, and what to do about it.
    public var description: String {
        switch self {
        case .malformed(let package, let reason):
            return "the package file '\(package)' cannot be used: \(reason); remove it and fetch it again"
        case .control(let source, let line, let reason):
            return "\(source):\(line): \(reason)"
        case .member(let package, let reason):
            return "the package file '\(package)' is refused: \(reason)"
        case .digest(let package, let expected, let actual):
            return "the package file '\(package)' has the SHA-256 \(actual), expected was \(expected); "
                + "remove it and fetch it again"
        case .cache(let path, let reason):
            return
                "the unpacked package '\(path)' is damaged: \(reason); remove it, the next build makes it again"
        case .system(let operation, let path, let errno):
            return "cannot \(operation) '\(path)': \(String(cString: strerror(errno)))"
        }
    }
}
