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
    private let pageFile: FileHandle
    private var lines: [String] = []
    private var written: Set<String> = []
    private var pageNumbers: [Int: Int] = [:]

    init(_ host: SampleHost, releases: [SampleRelease]) throws {
        folder = try TemporaryDirectory()
        try Data().write(to: URL(filePath: folder.file("pages")))
        pageFile = try FileHandle(forWritingTo: URL(filePath: folder.file("pages")))
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
        let pages = try disk.pages.map { Page(offset: $0.offset, bytes: $0.bytes, number: try number(of: $0.bytes)) }
        let head: UInt64 = 34 * 512
        let tail: UInt64 = 33 * 512
        let tablePages = pages.filter { $0.offset < head || $0.offset + 4096 > disk.byteCount - tail }
        let esp = pages.filter { parts[0].offset <= $0.offset && $0.offset < parts[0].end }
        let names = [
            try store("gpt", tablePages) { path in
                let bytes = try disk.read(at: 0, count: Int(head)) + disk.read(at: disk.byteCount - tail, count: Int(tail))
                try Data(bytes).write(to: URL(filePath: path))
            },
            try store("esp", esp) { path in
                try Data().write(to: URL(filePath: path))
                let file = try FileHandle(forWritingTo: URL(filePath: path))
                try file.truncate(atOffset: parts[0].size)
                for page in esp {
                    try file.seek(toOffset: page.offset - parts[0].offset)
                    try file.write(contentsOf: Data(page.bytes))
                }
                try file.close()
            },
            try storeSlot("a", pages, parts[1], parts[2]),
            try storeSlot("b", pages, parts[3], parts[4]),
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

    private struct Page {
        let offset: UInt64
        let bytes: [UInt8]
        let number: Int
    }

    /// The number of a page in the file `pages`, which has every page once.
    private func number(of page: [UInt8]) throws -> Int {
        var hasher = Hasher()
        page.withUnsafeBytes { hasher.combine(bytes: $0) }
        let key = hasher.finalize()
        if let number = pageNumbers[key] { return number }
        try pageFile.write(contentsOf: Data(page))
        pageNumbers[key] = pageNumbers.count
        return pageNumbers.count - 1
    }

    private func store(_ kind: String, _ pages: [Page], write: (_ path: String) throws -> Void) throws -> String {
        let key = pages.map { "\($0.offset) \($0.number)" }.joined(separator: " ")
        let name = "\(kind)-\(SHA256Digest(hashing: key).hex.prefix(24))"
        if written.insert(name).inserted { try write(folder.file(name)) }
        return name
    }

    /// A slot is a list of its pages: place in root partition and hash tree one behind the other, and number.
    private func storeSlot(_ kind: String, _ pages: [Page], _ root: Partition, _ verity: Partition) throws -> String {
        let lists = [(root, UInt64(0)), (verity, root.size)].map { part, start in
            pages.filter { part.offset <= $0.offset && $0.offset < part.end }
                .map { "\($0.offset - part.offset + start) \($0.number)" }
        }
        return try store(kind, pages.filter { root.offset <= $0.offset && $0.offset < verity.end }) { path in
            try lists.joined().joined(separator: "\n").write(toFile: path, atomically: false, encoding: .utf8)
        }
    }
}
