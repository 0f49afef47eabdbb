/// What to leave out of a tree, by patterns.
///
/// A pattern that matches a directory holds for everything below it. What matches `keep` stays, whatever
/// `remove` says, with the directories it needs. A directory that is empty only because of what was removed goes
/// too.
public struct FilterRules: Sendable {
    /// What goes.
    public var remove: [PathPattern]
    /// What stays nevertheless.
    public var keep: [PathPattern]

    /// Takes the rules.
    public init(remove: [PathPattern], keep: [PathPattern] = []) {
        self.remove = remove
        self.keep = keep
    }
}

/// An entry that a filter took away or changed.
public struct FilteredPath: Sendable, Equatable {
    /// Where it was.
    public let path: String
    /// Who had brought it.
    public let origin: String
    /// Bytes of content that went with it; 0 when other names of the file remain.
    public let bytes: Int64
}

extension FileTree {
    /// Removes what the rules say and returns it, in the order of the paths.
    ///
    /// Symlinks that lead to something removed stay; `danglingSymlinks` finds them.
    @discardableResult
    public mutating func apply(_ rules: FilterRules) -> [FilteredPath] {
        var decisions: [String: Decision] = [:]
        var removed: [FilteredPath] = []
        let all = paths(under: "/")
        var emptied: Set<String> = []
        for path in all {
            var decision = decisions[TreePath.split(path).parent] ?? .none
            if path != "/" {
                if decision != .keep, rules.keep.contains(where: { $0.matches(path) }) {
                    decision = .keep
                } else if decision == .none, rules.remove.contains(where: { $0.matches(path) }) {
                    decision = .remove
                }
            }
            decisions[path] = decision
        }
        // From the leaves up, so that a directory is looked at after everything in it.
        for path in all.reversed() where path != "/" {
            guard let node = nodes[path] else { continue }
            if node.isDirectory {
                guard names[path]?.isEmpty ?? true else { continue }
                let lostEntries = emptied.contains(path)
                guard decisions[path] == .remove || (lostEntries && decisions[path] != .keep)
                else { continue }
            } else if decisions[path] != .remove {
                continue
            }
            let bytes = links[path] == nil ? node.content?.size ?? 0 : 0
            removed.append(FilteredPath(path: path, origin: node.origin, bytes: bytes))
            detach(path)
            // Remember which directories lost something.
            emptied.insert(TreePath.split(path).parent)
        }
        return removed.reversed()
    }

    private enum Decision {
        case none, keep, remove
    }

    /// Clears all setuid bits, and setgid bits of anything but directories, and returns what was changed.
    ///
    /// The setgid bit of a directory gives no privilege: it only passes the group on to new files.
    @discardableResult
    public mutating func stripSetuid() -> [FilteredPath] {
        var changed: [FilteredPath] = []
        for path in paths(under: "/") {
            guard let node = nodes[path] else { continue }
            let bits: UInt16 = node.isDirectory ? 0o4000 : 0o6000
            guard node.mode & bits != 0 else { continue }
            nodes[path]?.mode &= ~bits
            changed.append(FilteredPath(path: path, origin: node.origin, bytes: 0))
        }
        return changed
    }

    /// Symlinks whose target is not in the tree, sorted; `runtime` patterns name targets that appear at run time.
    public func danglingSymlinks(ignoring runtime: [PathPattern] = []) -> [String] {
        paths(under: "/").filter { path in
            guard let target = nodes[path]?.symlinkTarget else { return false }
            do throws(FileTreeError) {
                _ = try resolve(path)
                return false
            } catch {
                let parent = TreePath.split(path).parent
                let absolute = target.hasPrefix("/") ? target : parent + "/" + target
                return !runtime.contains { $0.matches(Self.lexical(absolute)) }
            }
        }
    }

    private static func lexical(_ path: String) -> String {
        var names: [Substring] = []
        for name in path.split(separator: "/") where name != "." {
            if name == ".." { _ = names.popLast() } else { names.append(name) }
        }
        return "/" + names.joined(separator: "/")
    }
}
