/// Why a package lock cannot be used.
public enum PackageLockError: Error, Equatable, CustomStringConvertible {
    /// A package's facts are not possible.
    case invalidPackage(name: String, problem: String)
    /// A list of packages contradicts itself.
    case invalidList(name: String, problem: String)
    /// The file cannot be read or written.
    case file(path: String, reason: String)
    /// The file's text is not a valid lock; `line` counts from 1.
    case malformed(path: String, line: Int, problem: String)
    /// The lock has no list for an architecture.
    case noList(PackageLock.ListName, available: [PackageLock.ListName])
    /// The manifest asks for other packages than the lock was made for.
    case requestChanged(PackageLock.ListName, added: [String], removed: [String])

    /// What is wrong, where, and what to do about it.
    public var description: String {
        switch self {
        case .invalidPackage(let name, let problem):
            return "package '\(name)': \(problem); make the lock again with 'bulkhead lock'"
        case .invalidList(let name, let problem):
            return "the list '\(name)': \(problem); make the lock again with 'bulkhead lock'"
        case .file(let path, let reason):
            return "\(path): \(reason)"
        case .malformed(let path, let line, let problem):
            return "\(path):\(line): \(problem); restore the file from version control, "
                + "or make it again with 'bulkhead lock'"
        case .noList(let name, let available):
            let others = available.isEmpty ? "none" : available.map(\.description).joined(separator: ", ")
            return "packages.lock has no list of \(name) (it has: \(others)); run 'bulkhead lock' to add it"
        case .requestChanged(let name, let added, let removed):
            var parts: [String] = []
            if !added.isEmpty { parts.append("the manifest adds \(added.joined(separator: ", "))") }
            if !removed.isEmpty {
                parts.append("the manifest no longer has \(removed.joined(separator: ", "))")
            }
            return "packages.lock does not match the manifest (\(name)): \(parts.joined(separator: "; ")); "
                + "run 'bulkhead lock' to bring it up to date"
        }
    }
}
