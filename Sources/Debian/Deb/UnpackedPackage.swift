public import FileTree
import Foundation
public import Hashing

/// A Debian package unpacked into the cache: an index of its members, and one file with all their contents.
///
/// It lies in `CACHE/unpacked-1/SHA256/` under the digest of the `.deb`, as `index` (see `PackageIndex`) and
/// `blob`. The directory appears under its name when it is complete and on disk, so any number of processes may
/// unpack the same package at once: the first wins, the others use its result.
public struct UnpackedPackage: Sendable, Equatable {
    /// One member of the package.
    public struct Member: Sendable, Equatable {
        /// The absolute path as the package has it; aliases of merged /usr are not resolved here.
        public let path: String
        /// The entry, with the package's name as its origin.
        public let node: Node
    }

    /// The SHA-256 of the `.deb`.
    public let digest: SHA256Digest
    /// What the package says about itself.
    public let package: DebPackage
    /// The members in the order of the package.
    public let members: [Member]
    /// Bytes of all contents together.
    public let contentSize: Int64

    /// Takes a package from the cache, or unpacks it into the cache first.
    ///
    /// - Parameters:
    ///   - path: the `.deb`; only read when the cache does not have the package.
    ///   - digest: its SHA-256, which is checked when it is read.
    ///   - cache: the cache directory; made when missing.
    /// - Throws: `DebError`, which names the package file.
    public init(path: String, digest: SHA256Digest, cache: String) throws(DebError) {
        let place = Self.place(of: digest, cache: cache)
        do throws(DebError) {
            self = try Self(place: place, digest: digest)
        } catch {
            // Missing or damaged: unpacking puts it right, or says why it cannot.
            self = try Self.unpack(path, digest: digest, cache: cache)
        }
    }

    /// Takes a package from the cache; nil when it is not there.
    ///
    /// - Throws: `DebError.cache` when it is damaged.
    public static func cached(_ digest: SHA256Digest, cache: String) throws(DebError) -> UnpackedPackage? {
        let place = place(of: digest, cache: cache)
        guard access(place, F_OK) == 0 else { return nil }
        return try UnpackedPackage(place: place, digest: digest)
    }

    /// Puts all members into a tree, with the package's name as origin.
    ///
    /// A file of another package is taken over when this package's `Replaces` or the set names it, and left
    /// alone when the other package is in `replacedBy`; else it is an error.
    ///
    /// - Throws: `FileTreeError`, which names the path and both packages; the tree is then left half changed.
    public func insert(
        into tree: inout FileTree,
        replaces: Set<String> = [],
        replacedBy: Set<String> = []
    ) throws(FileTreeError) {
        let policy = FileTree.ConflictPolicy.packages(
            replaces: replaces.union(package.replaces),
            replacedBy: replacedBy
        )
        for member in members {
            var node = member.node
            if case .hardLink(let target) = node.kind, let file = tree[target], file.origin != package.name {
                // The target gave way to another package's file. This name still means our content.
                guard let own = members.first(where: { $0.path == target && $0.node.content != nil }) else {
                    let reason = "which now belongs to '\(file.origin)'"
                    throw .hardLink(path: member.path, target: target, origin: package.name, reason: reason)
                }
                node = own.node
            }
            try tree.insert(node, at: member.path, onConflict: policy)
        }
    }

    /// Puts packages into a tree; the result does not depend on their order.
    ///
    /// - Throws: `FileTreeError` as for one package.
    public static func insert(_ packages: [UnpackedPackage], into tree: inout FileTree) throws(FileTreeError)
    {
        var replacedBy: [String: Set<String>] = [:]
        for unpacked in packages {
            for name in unpacked.package.replaces {
                replacedBy[name, default: []].insert(unpacked.package.name)
            }
        }
        let ordered = packages.sorted {
            ($0.package.name, $0.package.architecture, $0.digest.hex)
                < ($1.package.name, $1.package.architecture, $1.digest.hex)
        }
        for unpacked in ordered {
            try unpacked.insert(into: &tree, replacedBy: replacedBy[unpacked.package.name] ?? [])
        }
    }

    /// Removes what killed builds left unfinished in the cache, and returns its paths; what is in use stays.
    @discardableResult
    public static func removeLeftovers(cache: String) -> [String] {
        UnpackWorkspace.removeLeftovers(in: directory(of: cache))
    }

    // MARK: Cache

    static func directory(of cache: String) -> String { "\(cache)/unpacked-\(PackageIndex.version)" }

    static func place(of digest: SHA256Digest, cache: String) -> String {
        "\(directory(of: cache))/\(digest.hex)"
    }

    /// Loads what lies at a place of the cache.
    private init(place: String, digest: SHA256Digest) throws(DebError) {
        let index = try PackageIndex(reading: "\(place)/index", blob: "\(place)/blob")
        guard index.digest == digest else {
            throw .cache(path: place, reason: "its index belongs to the package with SHA-256 \(index.digest)")
        }
        var status = stat()
        guard lstat("\(place)/blob", &status) == 0, Int64(status.st_size) == index.contentSize else {
            throw .cache(path: place, reason: "its blob is not \(index.contentSize) bytes long")
        }
        self.init(index)
    }

    init(_ index: PackageIndex) {
        digest = index.digest
        package = index.package
        members = index.members
        contentSize = index.contentSize
    }
}
