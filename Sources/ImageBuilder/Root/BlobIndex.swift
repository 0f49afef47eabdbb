import FileTree
import Foundation
import Hashing

/// Keeps the regular files of a tree in a stage's directory: one blob with all contents and an index, so that a
/// later build refers to them without reading them.
enum BlobIndex {
    private struct Entry: Codable {
        let path: String
        let mode: UInt16
        let offset: Int64
        let length: Int64
        let sha256: SHA256Digest
        /// Who brought the file; an index of an older build does not say it.
        let origin: String?
    }

    /// Writes all regular files of a tree.
    static func save(_ tree: FileTree, directory: String) throws {
        let path = directory + "/blob"
        let descriptor = try FileSystem.open(path, O_WRONLY | O_CREAT | O_EXCL)
        defer { close(descriptor) }
        var offset: Int64 = 0
        var entries: [Entry] = []
        for (place, node) in tree {
            guard let content = node.content else { continue }
            let bytes = try content.bytes(limit: 1 << 30)
            try FileSystem.write(bytes, to: descriptor, at: UInt64(offset), path: path)
            let length = Int64(bytes.count)
            entries.append(
                Entry(
                    path: place,
                    mode: node.mode,
                    offset: offset,
                    length: length,
                    sha256: SHA256Digest(hashing: bytes),
                    origin: node.origin
                )
            )
            offset += length
        }
        guard fsync(descriptor) == 0 else {
            throw BuildError.file(operation: "flush", path: path, errno: errno)
        }
        try FileSystem.write([UInt8](JSONEncoder().encode(entries)), to: directory + "/index.json")
    }

    /// The files as a tree whose contents are references into the blob.
    ///
    /// - Parameter origin: who brought the files of which the index does not say it.
    static func load(directory: String, origin: String) throws -> FileTree {
        let index = try FileSystem.read(directory + "/index.json", limit: 64 << 20)
        let entries = try JSONDecoder().decode([Entry].self, from: Data(index))
        var tree = FileTree()
        for entry in entries {
            let content = Content.blob(
                path: directory + "/blob",
                offset: entry.offset,
                length: entry.length,
                digest: entry.sha256
            )
            try tree.insert(
                Node(kind: .file(content), mode: entry.mode, origin: entry.origin ?? origin),
                at: entry.path
            )
        }
        return tree
    }
}
