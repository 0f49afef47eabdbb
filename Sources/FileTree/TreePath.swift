import Foundation

/// Rules for paths of a tree.
enum TreePath {
    /// Longest name of a directory entry, in bytes (NAME_MAX).
    static let maximumNameLength = 255
    /// Longest path, in bytes (PATH_MAX without its NUL).
    static let maximumLength = 4095

    /// The directories that are symlinks into `/usr` on a merged system.
    static let aliases: [String: String] = [
        "/bin": "/usr/bin", "/sbin": "/usr/sbin", "/lib": "/usr/lib",
        "/lib32": "/usr/lib32", "/lib64": "/usr/lib64", "/libx32": "/usr/libx32",
    ]

    /// The absolute form of a path, without `.`, doubled or trailing slashes; a relative path starts at the root.
    static func normalise(_ path: String, origin: String) throws(FileTreeError) -> String {
        guard !path.isEmpty else { throw .invalidPath(path: path, origin: origin, reason: "it is empty") }
        guard path.utf8.count <= maximumLength else {
            throw .invalidPath(path: path, origin: origin, reason: "it is longer than \(maximumLength) bytes")
        }
        var result = ""
        result.reserveCapacity(path.utf8.count + 1)
        for name in path.utf8.split(separator: UInt8(ascii: "/")) {
            if name.count == 1, name.first == UInt8(ascii: ".") { continue }
            if name.count == 2, name.allSatisfy({ $0 == UInt8(ascii: ".") }) {
                throw .invalidPath(path: path, origin: origin, reason: "it has the component '..'")
            }
            guard name.count <= maximumNameLength else {
                let reason = "it has a name of more than \(maximumNameLength) bytes"
                throw .invalidPath(path: path, origin: origin, reason: reason)
            }
            guard !name.contains(0) else {
                throw .invalidPath(path: path, origin: origin, reason: "it has a NUL byte")
            }
            result += "/"
            result += Substring(name)
        }
        return result.isEmpty ? "/" : result
    }

    /// The directory part of an absolute path, and its last name.
    static func split(_ path: String) -> (parent: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("/", path) }
        let parent = path[..<slash]
        return (parent.isEmpty ? "/" : String(parent), String(path[path.utf8.index(after: slash)...]))
    }

    static func join(_ directory: String, _ name: String) -> String {
        directory == "/" ? "/" + name : directory + "/" + name
    }

    /// The alias below which an absolute path lies; nil for the alias itself and any other path.
    static func alias(above path: String) -> String? {
        guard let second = path.utf8.dropFirst().firstIndex(of: UInt8(ascii: "/")) else { return nil }
        let first = String(path[..<second])
        return aliases[first] == nil ? nil : first
    }

    /// Order of bytes, which is that of Unicode scalars; independent of normalisation and locale.
    static func precedes(_ left: String, _ right: String) -> Bool {
        let ordered = left.utf8.withContiguousStorageIfAvailable { left in
            right.utf8.withContiguousStorageIfAvailable { right in
                guard let first = left.baseAddress, let second = right.baseAddress else {
                    return left.count < right.count
                }
                let common = memcmp(first, second, min(left.count, right.count))
                return common == 0 ? left.count < right.count : common < 0
            }
        }
        if case .some(.some(let result)) = ordered { return result }
        return left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}
