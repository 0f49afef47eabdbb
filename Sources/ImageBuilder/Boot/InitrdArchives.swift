import FileTree
import Foundation

/// An initrd as archives one behind the other, each with what came from one package.
///
/// Linux unpacks them one after the other (Documentation/driver-api/early-userspace/buffer-format.rst). What a package
/// brought is the same bytes as long as the package is the same, so that hosts fetch only the archives that changed
/// (docs/update-format.md).
enum InitrdArchives {
    /// Divides a tree: first all of its directories, then what is in them, an archive for each origin in the order of
    /// their names.
    ///
    /// Each archive has the directories that its files lie in, so that it can be unpacked by itself. Hard links are in
    /// one archive, the one of the file that they name.
    static func divide(_ tree: FileTree) throws -> [FileTree] {
        var directories = FileTree()
        var byOrigin: [String: FileTree] = [:]
        var links: [(path: String, node: Node, origin: String)] = []
        for (path, node) in tree {
            switch node.kind {
            case .directory:
                try directories.insert(node, at: path)
            case .hardLink(let target):
                links.append((path, node, tree[target]?.origin ?? node.origin))
            default:
                try add(node, at: path, of: tree, to: &byOrigin[node.origin, default: FileTree()])
            }
        }
        // After the files that they name.
        for (path, node, origin) in links {
            try add(node, at: path, of: tree, to: &byOrigin[origin, default: FileTree()])
        }
        return [directories]
            + byOrigin.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map(\.value)
    }

    /// Writes an initrd: each archive compressed by itself, and padded with zeros to a multiple of 4 bytes.
    ///
    /// - Parameter work: a folder that nothing else is written to meanwhile.
    static func write(_ tree: FileTree, to path: String, toolbox: Toolbox, work: WorkDirectory) async throws {
        let writer = NewcWriter(modificationTime: UInt32(clamping: toolbox.sourceDateEpoch))
        var archives: [(name: String, size: UInt64)] = []
        for (number, part) in try divide(tree).enumerated() {
            let name = "archive-\(number)"
            try writer.write(part, to: work.file(name))
            archives.append((name, try FileSystem.size(work.file(name))))
        }
        try await compress(archives, toolbox: toolbox, work: work.path)
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let output = FileHandle(forWritingAtPath: path)
        else { throw BuildError.file(operation: "create", path: path, errno: errno) }
        defer { try? output.close() }
        for (name, _) in archives {
            let bytes = try Data(contentsOf: URL(filePath: work.file("\(name).zst")))
            try output.write(contentsOf: bytes + Data(count: (4 - bytes.count % 4) % 4))
        }
    }

    /// Compresses files of a folder, each as one frame, by as many runs of zstd(1) as there are processors.
    ///
    /// One thread for each file: the result must not depend on the number of processors.
    private static func compress(
        _ files: [(name: String, size: UInt64)],
        toolbox: Toolbox,
        work: String
    ) async throws {
        let count = max(1, ProcessInfo.processInfo.activeProcessorCount)
        var shares = [(names: [String], size: UInt64)](repeating: ([], 0), count: count)
        for file in files.sorted(by: { ($0.size, $1.name) > ($1.size, $0.name) }) {
            guard let least = shares.indices.min(by: { shares[$0].size < shares[$1].size }) else { continue }
            shares[least].names.append("/work/\(file.name)")
            shares[least].size += file.size
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for share in shares where !share.names.isEmpty {
                group.addTask {
                    try await toolbox.run(
                        ["zstd", "--quiet", "-19", "--single-thread"] + share.names,
                        work: work
                    )
                }
            }
            try await group.waitForAll()
        }
    }

    /// Adds a node, with the directories above it as the tree has them.
    private static func add(_ node: Node, at path: String, of tree: FileTree, to part: inout FileTree) throws
    {
        var parent = ""
        for name in path.split(separator: "/").dropLast() {
            parent += "/\(name)"
            guard let directory = tree[parent], !part.contains(parent) else { continue }
            try part.insert(directory, at: parent)
        }
        try part.insert(node, at: path)
    }
}
