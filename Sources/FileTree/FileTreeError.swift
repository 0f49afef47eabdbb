import Foundation

/// Why a tree could not be changed, read or written out.
public enum FileTreeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A path that has no place in a tree.
    case invalidPath(path: String, origin: String, reason: String)
    /// A path leads through a symbolic link.
    case throughSymlink(path: String, symlink: String, target: String, origin: String)
    /// A path leads through something that is no directory.
    case parentNotDirectory(path: String, parent: String, origin: String, parentOrigin: String)
    /// Two origins bring the same path.
    case conflict(path: String, first: String, second: String)
    /// One origin has a directory where the other has something else.
    case typeChange(path: String, existing: String, existingOrigin: String, new: String, origin: String)
    /// A hard link's target is missing or cannot be linked to.
    case hardLink(path: String, target: String, origin: String, reason: String)
    /// Nothing is at the path.
    case notFound(path: String)
    /// Following symbolic links does not come to an end.
    case symlinkLoop(path: String)
    /// A directory still has entries.
    case directoryNotEmpty(path: String)
    /// A glob pattern that cannot be read.
    case pattern(pattern: String, reason: String)
    /// Content is larger than the caller allows.
    case tooLarge(path: String, size: Int64, limit: Int64)
    /// Content in the cache is not what was put there.
    case damagedContent(path: String, blob: String, reason: String)
    /// A node cannot be expressed in the format to be written.
    case notRepresentable(path: String, format: String, reason: String)
    /// A file of the build machine could not be read or written.
    case system(operation: String, path: String, errno: Int32)

    /// What is wrong, with which path and origin, and what to do about it.
    public var description: String {
        switch self {
        case .invalidPath(let path, let origin, let reason):
            return "'\(origin)' has the path '\(Self.printable(path))', which is refused: \(reason)"
        case .throughSymlink(let path, let symlink, let target, let origin):
            return "'\(origin)' has '\(path)', which climbs through the symlink '\(symlink)' -> '\(target)'; "
                + "put it at its real place"
        case .parentNotDirectory(let path, let parent, let origin, let parentOrigin):
            return "'\(origin)' has '\(path)', but '\(parent)' of '\(parentOrigin)' is not a directory"
        case .conflict(let path, let first, let second):
            return "'\(path)' comes from both '\(first)' and '\(second)'; leave one of them out"
        case .typeChange(let path, let existing, let existingOrigin, let new, let origin):
            return "'\(path)' is a \(existing) in '\(existingOrigin)' and a \(new) in '\(origin)'; "
                + "remove one of them first"
        case .hardLink(let path, let target, let origin, let reason):
            return "'\(origin)' has the hard link '\(path)' to '\(target)', \(reason)"
        case .notFound(let path):
            return "there is no '\(path)' in the tree"
        case .symlinkLoop(let path):
            return
                "'\(path)' leads through more than \(FileTree.maximumSymlinkHops) symlinks; look for a loop"
        case .directoryNotEmpty(let path):
            return "the directory '\(path)' is not empty; remove what is in it first"
        case .pattern(let pattern, let reason):
            return "the path pattern '\(Self.printable(pattern))' is malformed: \(reason)"
        case .tooLarge(let path, let size, let limit):
            return "'\(path)' has \(size) bytes, more than the \(limit) allowed here"
        case .damagedContent(let path, let blob, let reason):
            return "the content of '\(path)' in the cache file '\(blob)' is damaged: \(reason); "
                + "remove that file's directory and build again"
        case .notRepresentable(let path, let format, let reason):
            return "'\(path)' cannot be written to a \(format) archive: \(reason)"
        case .system(let operation, let path, let errno):
            return "cannot \(operation) '\(path)': \(String(cString: strerror(errno)))"
        }
    }

    private static func printable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(300) {
            result +=
                scalar.value < 0x20 || scalar.value == 0x7f ? scalar.escaped(asASCII: true) : String(scalar)
        }
        return result
    }
}
