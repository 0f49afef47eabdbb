import Bytes
import EROFS
import Hashing
import UKI
import Verity

/// The root file system of an image, as far as inspection needs it.
struct RootFileSystem {
    let image: EROFSImage

    /// Where the build puts the list of packages inside the root.
    static let inventoryPath = "/usr/share/bulkhead/packages.json"
    private static let maximumLinks = 8

    init(_ part: ImagePart) throws {
        image = try EROFSImage(try part.bytes())
    }

    /// The os-release of the system; nil if it has none.
    func osRelease() throws -> OSRelease? {
        for path in ["/usr/lib/os-release", "/etc/os-release"] {
            if let bytes = try contents(path, limit: 65_536) {
                return try OSRelease(parsing: String(decoding: bytes, as: UTF8.self))
            }
        }
        return nil
    }

    /// The bytes of a regular file; nil if there is none at the path.
    ///
    /// A symlink at the path itself is followed.
    func contents(_ path: String, limit: Int) throws -> [UInt8]? {
        var path = path
        for _ in 0..<Self.maximumLinks {
            guard let entry = try image.entry(at: path) else { return nil }
            switch entry.kind {
            case .regular: return try image.contents(of: entry, limit: limit)
            case .symlink:
                path = Self.resolve(try image.symlinkTarget(of: entry), from: path)
            default: return nil
            }
        }
        return nil
    }

    /// The absolute path of a link's target.
    private static func resolve(_ target: String, from path: String) -> String {
        var parts = target.hasPrefix("/") ? [] : Array(path.split(separator: "/").dropLast())
        for part in target.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    // MARK: Who owns a block

    /// What lies in a block.
    struct Owners {
        /// Files and directories with bytes of their contents in the block.
        var files: [String] = []
        /// Files and directories whose inodes lie in the block.
        var inodes: [String] = []
    }

    /// Finds what lies in blocks of 4096 bytes; damaged directories are passed over, so that it may be not all.
    func owners(of blocks: Set<UInt64>) -> [UInt64: Owners] {
        var owners: [UInt64: Owners] = [:]
        let size = UInt64(VerityFormat.blockSize)
        // With few damaged blocks it is quicker to ask for each whether a range touches it.
        let sorted = blocks.sorted()
        func touched(_ start: UInt64, _ length: UInt64) -> ArraySlice<UInt64> {
            guard length > 0 else { return [] }
            let first = start / size
            let last = (start &+ (length - 1)) / size
            let lower = sorted.partitioningIndex { $0 >= first }
            let upper = sorted.partitioningIndex { $0 > last }
            return lower < upper ? sorted[lower..<upper] : []
        }
        for (path, entry) in readableTree() {
            let inode = entry.metadata
            for block in touched(inode.lowerBound, inode.upperBound - inode.lowerBound) {
                owners[block, default: Owners()].inodes.append(path)
            }
            guard let extents = try? image.extents(of: entry) else { continue }
            var seen: Set<UInt64> = []
            for extent in extents {
                for block in touched(extent.imageOffset, extent.imageLength) where seen.insert(block).inserted
                {
                    owners[block, default: Owners()].files.append(path)
                }
            }
        }
        return owners
    }

    /// Everything that can be reached in spite of damage.
    private func readableTree() -> [(path: String, entry: EROFSEntry)] {
        if let tree = try? image.tree() { return tree }
        guard let root = try? image.root() else { return [] }
        var found: [(path: String, entry: EROFSEntry)] = [("/", root)]
        var seen: Set<UInt64> = [root.nid]
        var pending = found
        while let next = pending.popLast(), found.count < 1 << 20 {
            guard let children = try? image.children(of: next.entry) else { continue }
            for child in children {
                let path = (next.path == "/" ? "" : next.path) + "/" + child.name
                found.append((path, child.entry))
                if child.entry.kind == .directory, path.utf8.count < 4096,
                    seen.insert(child.entry.nid).inserted
                {
                    pending.append((path, child.entry))
                }
            }
        }
        return found
    }

    /// The digest of a regular file's contents.
    func digest(of entry: EROFSEntry) throws -> SHA256Digest {
        var hasher = SHA256Hasher()
        var reader = try image.reader(of: entry)
        while let piece = try reader.next() { hasher.update(piece) }
        return hasher.finish()
    }
}

extension Array {
    /// The index of the first element for which a condition holds that, once true, stays true.
    fileprivate func partitioningIndex(where isAfter: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
