import Foundation
import Hashing

/// A file of a finished build.
public struct BuildOutput: Sendable, Codable, Hashable {
    /// The name in the output folder.
    public let name: String
    /// Bytes of the file.
    public let size: UInt64
    /// The digest of all bytes.
    public let sha256: SHA256Digest
}

/// Remembers what a build's inputs were and what came out, so that the same build again ends at once.
struct BuildRecord: Codable {
    private struct Entry: Codable {
        let output: BuildOutput
        let modified: Int64
        let inode: UInt64
    }

    private let folder: String
    private let inputs: SHA256Digest
    private let stages: [String]
    private let entries: [Entry]

    /// The outputs of an earlier build of the same inputs, if they still lie in the folder untouched.
    ///
    /// A file counts as untouched when size, inode and modification time are those it was written with.
    static func lookUp(folder: String, inputs: SHA256Digest, cache: StageCache) -> (
        outputs: [BuildOutput], stages: [String]
    )? {
        guard let record = read(place(folder, cache)), record.folder == folder, record.inputs == inputs
        else { return nil }
        for entry in record.entries {
            guard let now = try? look("\(folder)/\(entry.output.name)"), now.size == entry.output.size,
                now.modified == entry.modified, now.inode == entry.inode
            else { return nil }
        }
        return (record.entries.map(\.output), record.stages)
    }

    /// Notes a finished build.
    ///
    /// - Throws: `BuildError.file`, also when an output is not there.
    static func save(
        folder: String,
        inputs: SHA256Digest,
        outputs: [BuildOutput],
        stages: [StageRecord],
        cache: StageCache
    ) throws {
        let entries = try outputs.map { output in
            let now = try look("\(folder)/\(output.name)")
            return Entry(output: output, modified: now.modified, inode: now.inode)
        }
        let record = BuildRecord(
            folder: folder,
            inputs: inputs,
            stages: stages.map(\.name),
            entries: entries
        )
        let path = place(folder, cache)
        try FileSystem.makeDirectory((path as NSString).deletingLastPathComponent)
        try FileSystem.write([UInt8](JSONEncoder().encode(record)), to: path)
    }

    /// Removes the records of builds whose folder is gone, and what is no record.
    static func sweep(cache: StageCache) {
        let directory = directory(cache)
        for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        where name.hasSuffix(".json") {
            let path = "\(directory)/\(name)"
            if let record = read(path), FileSystem.exists(record.folder) { continue }
            FileSystem.remove(path)
        }
    }

    private static func read(_ path: String) -> BuildRecord? {
        guard let bytes = try? FileSystem.read(path, limit: 1 << 20) else { return nil }
        return try? JSONDecoder().decode(BuildRecord.self, from: Data(bytes))
    }

    private static func directory(_ cache: StageCache) -> String {
        (cache.root as NSString).deletingLastPathComponent + "/builds"
    }

    private static func place(_ folder: String, _ cache: StageCache) -> String {
        "\(directory(cache))/\(SHA256Digest(hashing: folder).hex.prefix(32)).json"
    }

    private static func look(_ path: String) throws -> (size: UInt64, modified: Int64, inode: UInt64) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            throw BuildError.file(operation: "look at", path: path, errno: errno)
        }
        let time = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
        return (UInt64(clamping: status.st_size), time, UInt64(status.st_ino))
    }
}
