import Foundation

/// What changed between two lists of packages.
public struct LockDifference: Sendable, Codable, Hashable, CustomStringConvertible {
    /// A package that is in only one of the lists.
    public struct Entry: Sendable, Codable, Hashable {
        /// The package's name.
        public let name: String
        /// Its version.
        public let version: String
    }

    /// A package that is in both lists in different versions.
    public struct Change: Sendable, Codable, Hashable {
        /// The package's name.
        public let name: String
        /// The version in the old list.
        public let from: String
        /// The version in the new list.
        public let to: String

        /// Whether the new version is the older one.
        public var isDowngrade: Bool {
            guard let from = DebianVersion(from), let to = DebianVersion(to) else { return false }
            return to < from
        }
    }

    /// Packages only the new list has.
    public let added: [Entry]
    /// Packages only the old list has.
    public let removed: [Entry]
    /// Packages with another version.
    public let changed: [Change]
    /// Packages of one version whose file has other bytes, which an archive must never let happen.
    public let replaced: [Entry]

    /// Compares two lists by package name.
    public init(from old: [LockedPackage], to new: [LockedPackage]) {
        let oldByName = Dictionary(old.map { ($0.name, $0) }) { first, _ in first }
        let newByName = Dictionary(new.map { ($0.name, $0) }) { first, _ in first }
        let entry = { (package: LockedPackage) in Entry(name: package.name, version: package.version) }
        added = newByName.values.filter { oldByName[$0.name] == nil }.map(entry).sorted { $0.name < $1.name }
        removed = oldByName.values.filter { newByName[$0.name] == nil }.map(entry).sorted {
            $0.name < $1.name
        }
        let both = newByName.keys.sorted().compactMap { name in
            oldByName[name].flatMap { old in newByName[name].map { (old: old, new: $0) } }
        }
        changed = both.filter { $0.old.version != $0.new.version }
            .map { Change(name: $0.new.name, from: $0.old.version, to: $0.new.version) }
        replaced = both.filter { $0.old.version == $0.new.version && $0.old.sha256 != $0.new.sha256 }
            .map { entry($0.new) }
    }

    /// Whether both lists hold the same packages.
    public var isEmpty: Bool { added.isEmpty && removed.isEmpty && changed.isEmpty && replaced.isEmpty }

    /// One line a package, then a line of totals; "no changes" when there are none.
    public var description: String {
        guard !isEmpty else { return "no changes" }
        var lines = added.map { "+ \($0.name) \($0.version)" }
        lines += removed.map { "- \($0.name) \($0.version)" }
        lines += changed.map { "~ \($0.name) \($0.from) -> \($0.to)\($0.isDowngrade ? " (older)" : "")" }
        lines += replaced.map { "! \($0.name) \($0.version): same version, other file" }
        var totals = "\(added.count) added, \(removed.count) removed, \(changed.count) changed"
        if !replaced.isEmpty { totals += ", \(replaced.count) replaced" }
        return (lines + [totals]).joined(separator: "\n")
    }
}

extension PackageLock {
    /// What changed in each list between an older lock and this one; lists without changes are left out.
    public func differences(from old: PackageLock) -> [(list: ListName, difference: LockDifference)] {
        let names = listNames + old.listNames.filter { self[$0] == nil }
        return names.compactMap { name in
            let difference = LockDifference(from: old[name]?.packages ?? [], to: self[name]?.packages ?? [])
            return difference.isEmpty ? nil : (name, difference)
        }
    }
}
