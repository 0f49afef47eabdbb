import BlockDevices
import Foundation
import GPT
import Hashing
import TestSupport
import Testing

/// Collects states for `Tests/CutJudge/judge.py`, each part of a disk once, and asks it.
final class Judge {
    struct Verdict: Decodable {
        var states: Int
        var distinct: Int
        var bad: Int
        var tables: Int
        var systems: Int
        var lastTableIsClean: Bool
        var lastMenu: [String]
        var lastSelected: String
    }

    private let folder: TemporaryDirectory
    private let table: PartitionTable
    private var lines: [String] = []
    private var written: Set<String> = []

    init(_ host: SampleHost, releases: [SampleRelease]) throws {
        folder = try TemporaryDirectory()
        table = host.table
        let parts = host.table.partitions
        func place(_ index: Int) -> [UInt64] { [parts[index].offset, parts[index].size] }
        let layout: [String: Any] = [
            "diskSize": host.table.diskSize,
            "loader": SHA256Digest(hashing: SampleHost.loader).hex,
            "kernels": releases.map { SHA256Digest(hashing: $0.kernel).hex },
            "slots": [["root": place(1), "verity": place(2)], ["root": place(3), "verity": place(4)]],
        ]
        try JSONSerialization.data(withJSONObject: layout).write(to: URL(filePath: folder.file("layout.json")))
    }

    var count: Int { lines.count }

    /// Adds a disk to the states.
    func add(_ disk: RecordedDisk) throws {
        let parts = table.partitions
        let pages = disk.pages
        let head: UInt64 = 34 * 512
        let tail: UInt64 = 33 * 512
        let names = [
            try store("gpt", key: pages) { offset in offset < head || offset + 4096 > disk.byteCount - tail } content: {
                try disk.read(at: 0, count: Int(head)) + disk.read(at: disk.byteCount - tail, count: Int(tail))
            },
            try storeSparse("esp", pages, at: parts[0].offset, size: parts[0].size),
            try storeSlot("a", disk, pages, parts[1], parts[2]),
            try storeSlot("b", disk, pages, parts[3], parts[4]),
        ]
        lines.append(names.joined(separator: " "))
    }

    /// What the judge says; what it printed is returned too.
    func verdict() throws -> (Verdict, output: String) {
        try (lines.joined(separator: "\n") + "\n").write(toFile: folder.file("states.txt"), atomically: false, encoding: .utf8)
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "CutJudge/judge.py").path
        let result = try runTool("python3", script, folder.path)
        guard result.status == 0, let last = result.output.split(separator: "\n").last else {
            throw ToolFailure(text: "judge.py: \(result.output)")
        }
        return (try JSONDecoder().decode(Verdict.self, from: Data(last.utf8)), result.output)
    }

    private func store(
        _ kind: String,
        key pages: [(offset: UInt64, bytes: [UInt8])],
        where isIn: (UInt64) -> Bool,
        content: () throws -> [UInt8]
    ) throws -> String {
        var hasher = SHA256Hasher()
        for page in pages where isIn(page.offset) {
            hasher.update("\(page.offset)")
            hasher.update(page.bytes)
        }
        let name = "\(kind)-\(hasher.finish().hex.prefix(24))"
        if written.insert(name).inserted {
            try Data(content()).write(to: URL(filePath: folder.file(name)))
        }
        return name
    }

    private func storeSlot(
        _ kind: String,
        _ disk: RecordedDisk,
        _ pages: [(offset: UInt64, bytes: [UInt8])],
        _ root: Partition,
        _ verity: Partition
    ) throws -> String {
        try store(kind, key: pages) { root.offset <= $0 && $0 < verity.end } content: {
            try disk.read(at: root.offset, count: Int(root.size)) + disk.read(at: verity.offset, count: Int(verity.size))
        }
    }

    private func storeSparse(_ kind: String, _ pages: [(offset: UInt64, bytes: [UInt8])], at start: UInt64, size: UInt64) throws
        -> String
    {
        let inside = pages.filter { start <= $0.offset && $0.offset < start + size }
        let name = try store(kind, key: inside) { _ in true } content: { [] }
        let path = folder.file(name)
        if (try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) == 0 {
            let file = try FileHandle(forWritingTo: URL(filePath: path))
            try file.truncate(atOffset: size)
            for page in inside {
                try file.seek(toOffset: page.offset - start)
                try file.write(contentsOf: Data(page.bytes))
            }
            try file.close()
        }
        return name
    }
}
