import Foundation
import GPT
import Hashing
import TestSupport

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
    private var base: [UInt64: [UInt8]] = [:]
    private var baseNumbers: [UInt64: Int] = [:]
    private var baseSums: [UInt64] = []

    private static let zero = [UInt8](repeating: 0, count: 4096)
    private static let kinds = ["gpt", "esp", "a", "b"]

    convenience init(_ host: SampleHost, releases: [SampleRelease]) throws {
        try self.init(
            table: host.table,
            loader: SHA256Digest(hashing: SampleHost.loader),
            kernels: releases.map { SHA256Digest(hashing: $0.kernel) }
        )
    }

    /// A judge of disks with a partition table whose first partitions are the ESP, slot A and slot B.
    ///
    /// - Parameters:
    ///   - loader: the digest of the boot loader, which nobody may change.
    ///   - kernels: the digests of the kernel images that are whole.
    init(table: PartitionTable, loader: SHA256Digest, kernels: [SHA256Digest]) throws {
        folder = try TemporaryDirectory()
        try Data().write(to: URL(filePath: folder.file("pages")))
        pageFile = try FileHandle(forWritingTo: URL(filePath: folder.file("pages")))
        self.table = table
        let parts = table.partitions
        func place(_ index: Int) -> [UInt64] { [parts[index].offset, parts[index].size] }
        let layout: [String: Any] = [
            "diskSize": table.diskSize,
            "loader": loader.hex,
            "kernels": kernels.map(\.hex),
            "slots": [["root": place(1), "verity": place(2)], ["root": place(3), "verity": place(4)]],
        ]
        try JSONSerialization.data(withJSONObject: layout).write(
            to: URL(filePath: folder.file("layout.json"))
        )
        _ = try number(of: Self.zero)
    }

    var count: Int { lines.count }

    /// Takes the disk on which the writes of the next states are done.
    func begin(_ disk: RecordedDisk) throws {
        // Not state and data, which no state differs in.
        let pages = disk.pages.filter { kind(of: $0.offset) != nil }
        base = Dictionary(uniqueKeysWithValues: pages.map { ($0.offset, $0.bytes) })
        baseNumbers = try base.mapValues { try number(of: $0) }
        baseSums = Self.kinds.map { _ in 0 }
        for (page, number) in baseNumbers {
            if let kind = kind(of: page) { baseSums[kind] &+= Self.mix(page, number) }
        }
    }

    /// Adds a disk to the states.
    func add(_ disk: RecordedDisk) throws {
        try begin(disk)
        try add([])
    }

    /// The menus of all states after the verdict, and whether the partition tables are sound.
    func menus() throws -> [(isSound: Bool, files: [String])] {
        try String(contentsOfFile: folder.file("menus.txt"), encoding: .utf8).split(separator: "\n").map {
            let words = $0.split(separator: " ").map(String.init)
            return (words.first == "sound", Array(words.dropFirst()))
        }
    }

    /// Adds the disk of `begin` after some writes to the states; of a firmware, or of ours.
    func add(_ writes: [RecordedDisk.Event], isFirmware: Bool = false) throws {
        var changed: [UInt64: [UInt8]] = [:]
        for case .write(let offset, let bytes) in writes {
            bytes.withUnsafeBytes { source in
                var done = 0
                while done < source.count {
                    let place = offset + UInt64(done)
                    let page = place / 4096 * 4096
                    let count = min(source.count - done, Int(page + 4096 - place))
                    changed[page, default: base[page] ?? Self.zero].withUnsafeMutableBytes { target in
                        UnsafeMutableRawBufferPointer(rebasing: target[Int(place - page)...])
                            .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[done..<done + count]))
                    }
                    done += count
                }
            }
        }
        var sums = baseSums
        var numbers: [UInt64: Int] = [:]
        for (page, bytes) in changed {
            let number = try number(of: bytes)
            numbers[page] = number
            guard let kind = kind(of: page) else { continue }
            sums[kind] = sums[kind] &- Self.mix(page, baseNumbers[page] ?? 0) &+ Self.mix(page, number)
        }
        var names: [String] = []
        for (kind, name) in Self.kinds.enumerated() {
            names.append("\(name)-\(sums[kind])")
            if written.insert(names[kind]).inserted {
                try write(kind, to: folder.file(names[kind]), changed, numbers)
            }
        }
        lines.append((names + (isFirmware ? ["firmware"] : [])).joined(separator: " "))
    }

    /// What the judge says; what it printed is returned too.
    func verdict() throws -> (Verdict, output: String) {
        try (lines.joined(separator: "\n") + "\n").write(
            toFile: folder.file("states.txt"),
            atomically: false,
            encoding: .utf8
        )
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "CutJudge/judge.py").path
        let result = try runTool("python3", script, folder.path)
        guard result.status == 0, let last = result.output.split(separator: "\n").last else {
            throw ToolFailure(text: "judge.py: \(result.output)")
        }
        return (try JSONDecoder().decode(Verdict.self, from: Data(last.utf8)), result.output)
    }

    /// What a page is part of; nil for what is never written.
    private func kind(of page: UInt64) -> Int? {
        let parts = table.partitions
        if page < parts[0].offset || page >= parts[parts.count - 1].end { return 0 }
        if page < parts[0].end { return 1 }
        if parts[1].offset <= page, page < parts[2].end { return 2 }
        return parts[3].offset <= page && page < parts[4].end ? 3 : nil
    }

    /// A page's part of the sum that stands for all pages; pages of zeros, with number 0, have none.
    private static func mix(_ page: UInt64, _ number: Int) -> UInt64 {
        if number == 0 { return 0 }
        var random = SplitMix(state: page << 24 ^ UInt64(number))
        return random.next()
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

    private func write(_ kind: Int, to path: String, _ changed: [UInt64: [UInt8]], _ numbers: [UInt64: Int])
        throws
    {
        func read(_ offset: UInt64, _ pages: Int) -> [UInt8] {
            var bytes: [UInt8] = []
            for index in 0..<pages {
                let page = offset + UInt64(index) * 4096
                bytes += changed[page] ?? base[page] ?? Self.zero
            }
            return bytes
        }
        if kind == 0 {
            let head: [UInt8] = Array(read(0, 5).prefix(34 * 512))
            let tail: [UInt8] = Array(read(table.diskSize - 5 * 4096, 5).suffix(33 * 512))
            return try Data(head + tail).write(to: URL(filePath: path))
        }
        let pages = baseNumbers.merging(numbers) { $1 }.filter {
            self.kind(of: $0.key) == kind && $0.value != 0
        }
        let parts = table.partitions
        if kind == 1 {
            try Data().write(to: URL(filePath: path))
            let file = try FileHandle(forWritingTo: URL(filePath: path))
            try file.truncate(atOffset: parts[0].size)
            for page in pages.keys {
                try file.seek(toOffset: page - parts[0].offset)
                try file.write(contentsOf: Data(read(page, 1)))
            }
            return try file.close()
        }
        // A slot: the place in root partition and hash tree one behind the other, and the number of the page.
        let root = parts[kind == 2 ? 1 : 3]
        let verity = parts[kind == 2 ? 2 : 4]
        let list = pages.map { page, number -> String in
            let place = page < verity.offset ? page - root.offset : page - verity.offset + root.size
            return "\(place) \(number)"
        }
        try list.joined(separator: "\n").write(toFile: path, atomically: false, encoding: .utf8)
    }
}
