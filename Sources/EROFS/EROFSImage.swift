public import Bytes

/// An EROFS file system, for reading.
///
/// The format is described in the kernel's `Documentation/filesystems/erofs.rst` and `fs/erofs/erofs_fs.h`. Read are
/// flat files, with inline tails or without, and files compressed with LZ4 or Zstandard, by compact or full indexes;
/// `EROFSFeature` lists what is refused. Everything is checked before it is followed: a damaged image gives errors,
/// never endless loops, reads outside of it or unbounded memory.
public struct EROFSImage: Sendable {
    /// The facts of the file system as a whole.
    public let superblock: EROFSSuperblock
    let source: ByteSource

    /// The most entries that are listed.
    static let maximumEntries = 1 << 20
    /// The longest path that is followed, as `PATH_MAX`.
    private static let maximumPath = 4096
    /// The most bytes of all listed paths.
    private static let maximumPathBytes = 256 << 20

    /// Reads and checks the superblock.
    ///
    /// The source may be longer than the file system, such as a partition is.
    /// - Throws: `EROFSError`.
    public init(_ source: ByteSource) throws(EROFSError) {
        superblock = try EROFSSuperblock(source)
        self.source = source
    }

    /// The root directory.
    ///
    /// - Throws: `EROFSError`.
    public func root() throws(EROFSError) -> EROFSEntry {
        let root = try entry(nid: superblock.rootNid)
        guard root.kind == .directory else {
            throw .wrongKind(nid: root.nid, root.kind, wanted: .directory)
        }
        return root
    }

    /// The entry at a path of names separated by `/`, from the root; nil if there is none.
    ///
    /// Symlinks are not followed, and `.` and `..` are not names.
    /// - Throws: `EROFSError`.
    public func entry(at path: String) throws(EROFSError) -> EROFSEntry? {
        var current = try root()
        for name in path.split(separator: "/") {
            guard current.kind == .directory, let next = try child(name, of: current) else { return nil }
            current = next
        }
        return current
    }

    /// Everything in the image with its absolute path, the root first, sorted by the bytes of the paths.
    ///
    /// - Throws: `EROFSError`; `.directoryLoop` where a directory is found twice.
    public func tree() throws(EROFSError) -> [(path: String, entry: EROFSEntry)] {
        let root = try root()
        var found: [(path: String, entry: EROFSEntry)] = [("/", root)]
        var seen: Set<UInt64> = [root.nid]
        var pending: [(prefix: String, entry: EROFSEntry)] = [("/", root)]
        var pathBytes = 0
        while let next = pending.popLast() {
            for child in try children(of: next.entry) {
                let path = next.prefix + child.name
                pathBytes += path.utf8.count
                guard path.utf8.count <= Self.maximumPath, pathBytes <= Self.maximumPathBytes,
                    found.count < Self.maximumEntries
                else { throw .treeTooLarge(path: path) }
                found.append((path, child.entry))
                guard child.entry.kind == .directory else { continue }
                guard seen.insert(child.entry.nid).inserted else { throw .directoryLoop(path: path) }
                pending.append((path + "/", child.entry))
            }
        }
        found.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        return found
    }

    func entry(nid: UInt64) throws(EROFSError) -> EROFSEntry {
        try EROFSEntry(nid: nid, superblock: superblock, source: source)
    }
}
