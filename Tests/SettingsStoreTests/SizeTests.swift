import Foundation
import JSON
import SettingsModel
import TestSupport
import Testing

@testable import SettingsStore

/// How much the store takes: entries of maps, and room on the disk.
struct SizeTests {
    private static let limit = 10_000

    private static func sysctls(_ range: Range<Int>) -> [SettingKey: PendingTransaction.Change] {
        Dictionary(uniqueKeysWithValues: range.map { (sysctl("a.k\($0)"), .set("1", .strong)) })
    }

    private static func sysctl(_ name: String) -> SettingKey { SettingKey(["kernel", "sysctl", name]) }

    /// A map that each request keeps small, and all of them together do not.
    @Test func mapDoesNotGrowOverItsLimit() throws {
        let disk = CutDisk()
        let store = try openStore(disk, options: StoreOptions())
        try store.stage(Self.sysctls(0..<Self.limit), in: "full")
        _ = try store.commit("full", by: author)
        let more = [Self.sysctl("b.one"): PendingTransaction.Change.set("1", .strong)]
        let refusal = StoreError.tooMuch(
            "settings.kernel.sysctl would have 10001 entries of at most 10000: delete some first"
        )
        #expect(throws: refusal) { try store.stage(more, in: "more") }
        #expect(store.transactions == [])
        // Other settings, other values and an exchange go on.
        try store.set(["motd": "hi"])
        var exchange = more
        exchange[Self.sysctl("a.k0")] = .delete
        exchange[Self.sysctl("a.k1")] = .set("2", .strong)
        try store.stage(exchange, in: "exchange")
        #expect(try store.commit("exchange", by: author).count == 3)
        let again = try openStore(disk, options: StoreOptions())
        #expect(again.warnings == [])
        #expect(again.current.settings == store.current.settings)
        #expect(again.current.settings.values.count == Self.limit + 1)
    }

    /// Pending changes lie in the server's memory, and clients may make 64 transactions of them.
    @Test func pendingChangesHaveALimitTogether() throws {
        let disk = CutDisk()
        let store = try openStore(disk)
        for name in ["a", "b", "c"] {
            try store.stage([key("a"): .set(Self.text(5 << 20, 1), .strong)], in: name)
        }
        let more = [key("a"): PendingTransaction.Change.set(Self.text(5 << 20, 1), .strong)]
        #expect(throws: StoreError.self) { try store.stage(more, in: "d") }
        #expect(throws: StoreError.self) {
            try store.stage([key("a"): .set(Self.text(7 << 20, 1), .strong)], in: "b")
        }
        #expect(store.transactions == ["a", "b", "c"])
        #expect(store.pending("b")?.settings.values[key("a")] == Self.text(5 << 20, 1))
        // The limit holds after a restart too, and ends with what is dropped or committed.
        let again = try openStore(disk)
        #expect(throws: StoreError.self) { try again.stage(more, in: "d") }
        try again.stage([key("a"): .delete], in: "a")
        try again.stage(more, in: "d")
        #expect(throws: StoreError.self) { try again.stage(more, in: "e") }
        _ = try again.commit("b", by: author)
        try again.stage(more, in: "e")
        #expect(throws: StoreError.self) { try again.stage(more, in: "f") }
        _ = try again.discard("e")
        try again.stage(more, in: "f")
    }

    /// A list of generations reads no generation twice, and none that this process wrote.
    @Test func listsReadEachGenerationOnce() throws {
        let folder = try TemporaryDirectory()
        let files = CountingFiles(try FolderStoreFiles(path: folder.file("settings")))
        let store = try openStore(files)
        for number in 0..<5 { try store.set(["a": .integer(Int64(number))]) }
        files.reads = 0
        #expect(try store.generations().map(\.number) == [1, 2, 3, 4, 5, 6])
        #expect(files.reads == 0)
        let again = try openStore(files)
        files.reads = 0
        let list = try again.generations()
        #expect(list == (try store.generations()))
        #expect(files.reads == 5)
        #expect(try again.generations() == list)
        #expect(files.reads == 5)
        // What goes, goes from the list.
        try again.set(["a": 7])
        try FileManager.default.removeItem(atPath: folder.file("settings/\(FileName.generation(2))"))
        #expect(try openStore(files).generations().map(\.number) == [1, 3, 4, 5, 6, 7])
    }

    /// Damaged ones neither, however often they are asked for.
    @Test func listsReadDamagedGenerationsOnce() throws {
        let folder = try TemporaryDirectory()
        let files = CountingFiles(try FolderStoreFiles(path: folder.file("settings")))
        let store = try openStore(files)
        for number in 0..<3 { try store.set(["a": .integer(Int64(number))]) }
        let damaged = FileName.generation(2)
        try Data("{".utf8).write(to: URL(filePath: folder.file("settings/\(damaged)")))
        let again = try openStore(files)
        #expect(try again.generations().map(\.number) == [1, 3, 4])
        files.reads = 0
        #expect(try again.generations().map(\.number) == [1, 3, 4])
        #expect(files.reads == 0)
        #expect(again.warnings.count == 1 && again.warnings[0].contains(damaged))
        // Moved aside by the next write, like one that is found at the start.
        try again.set(["a": 9])
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("settings"))
        #expect(names.contains(FileName.damaged(damaged)) && !names.contains(damaged))
    }

    /// Two transactions that fit one by one: the second commit is refused, and stays pending.
    @Test func commitLooksAtTheSum() throws {
        let store = try openStore(CutDisk(), options: StoreOptions())
        try store.stage(Self.sysctls(0..<6000), in: "one")
        try store.stage(Self.sysctls(6000..<12_000), in: "two")
        _ = try store.commit("one", by: author)
        #expect(throws: StoreError.self) { try store.commit("two", by: author) }
        #expect(store.current.settings.values.count == 6000)
        #expect(store.transactions == ["two"])
    }

    /// What an older version let in is in force, may be changed and deleted, and does not grow.
    @Test func storedMapOverTheLimitIsKept() throws {
        let disk = CutDisk()
        var generation = try openStore(disk).current
        for key in Self.sysctls(0..<Self.limit + 5).keys { generation.strong.values[key] = "1" }
        let stored = StoredGeneration(generation, migrations: Migrations.graph)
        disk.put(FileName.generation(1), try Envelope.seal(stored.json, for: "the test"))
        let store = try openStore(disk, options: StoreOptions())
        #expect(store.warnings == [])
        #expect(store.current.settings.values.count == Self.limit + 5)
        let changes: [SettingKey: PendingTransaction.Change] = [
            Self.sysctl("a.k0"): .delete, Self.sysctl("a.k1"): .set("2", .strong),
        ]
        try store.stage(changes, in: "t")
        _ = try store.commit("t", by: author)
        let again = try openStore(disk, options: StoreOptions())
        #expect(again.current.settings.values.count == Self.limit + 4)
    }

    /// The same text in another normalization is another text.
    @Test func otherNormalizationIsCommitted() throws {
        let disk = CutDisk()
        let store = try openStore(disk)
        try store.set(["motd": "caf\u{e9}"])
        #expect(try store.set(["motd": "cafe\u{301}"]) == [key("motd")])
        let text = try #require(try openStore(disk).value("motd")?.string)
        #expect(Array(text.utf8) == Array("cafe\u{301}".utf8))
    }

    @Test func historyIsBoundedInBytes() throws {
        let disk = CutDisk()
        var options = storeOptions()
        options.keptBytes = 100_000
        let store = try openStore(disk, options: options)
        for number in 0..<12 { try store.set(["a": Self.text(30_000, number)]) }
        #expect(disk.files.values.reduce(0) { $0 + $1.count } <= options.keptBytes)
        #expect(try store.generations().count == 3)
        #expect(try openStore(disk).value("a") == Self.text(30_000, 11))
        // Opened again, what lies there counts.
        let again = try openStore(disk, options: options)
        try again.set(["b": "1"])
        #expect(try again.generations().count == 3)
        // One that is larger than all of the room is kept with the one before.
        try again.set(["a": Self.text(200_000, 0)])
        #expect(try again.generations().count == 2)
    }

    @Test func generationBeforeTheTrialIsKept() throws {
        let clock = TestClock()
        var options = storeOptions(clock: clock)
        options.keptBytes = 50_000
        let store = try openStore(CutDisk(), clock: clock, options: options)
        try store.set(["a": Self.text(30_000, 0)])
        let good = store.current.number
        try store.set(["a": "bad"], within: 60)
        for number in 1..<6 { try store.set(["b": Self.text(30_000, number)]) }
        #expect(try store.generations().map(\.number).first == good)
        clock.pass(60)
        _ = try store.endTrialIfDue()
        #expect(store.value("a") == Self.text(30_000, 0) && store.value("b") == nil)
    }

    /// A full disk costs the oldest generations, not the commit.
    @Test(arguments: [1, 2])
    func fullDiskCostsHistory(failures: Int) throws {
        let disk = CutDisk()
        let store = try openStore(disk)
        for number in 0..<8 { try store.set(["a": .integer(Int64(number))]) }
        let numbers = try store.generations().map(\.number)
        try store.stage([key("a"): .set("last", .strong)], in: "t")
        disk.failingWrites = failures
        if failures == 1 {
            _ = try store.commit("t", by: author)
            #expect(store.value("a") == "last")
        } else {
            #expect(throws: StoreError.self) { try store.commit("t", by: author) }
            #expect(store.value("a") == 7)
        }
        let kept = try store.generations().map(\.number)
        #expect(!kept.contains(numbers[0]))
        #expect(kept.contains(numbers[8]))
        #expect(try openStore(disk).value("a") == store.value("a"))
    }

    /// The same with pending changes, which are written first.
    @Test func fullDiskStages() throws {
        let disk = CutDisk()
        let store = try openStore(disk)
        for number in 0..<8 { try store.set(["a": .integer(Int64(number))]) }
        disk.failingWrites = 1
        try store.stage([key("a"): .set("last", .strong)], in: "t")
        #expect(try openStore(disk).transactions == ["t"])
    }

    /// A real file system that the history alone would fill.
    @Test func smallDiskTakesEveryCommit() throws {
        let parent = try TemporaryDirectory()
        let mount = parent.file("small")
        try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: false)
        let result = try runTool("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount)
        guard result.status == 0 else {
            return print("SKIPPED: smallDiskTakesEveryCommit: mounting a tmpfs needs root: \(result.output)")
        }
        defer { _ = try? runTool("umount", mount) }
        let path = "\(mount)/settings"
        let store = try openStore(try FolderStoreFiles(path: path))
        for number in 0..<20 { try store.set(["a": Self.text(100_000, number)]) }
        let again = try openStore(try FolderStoreFiles(path: path))
        #expect(again.value("a") == Self.text(100_000, 19))
        #expect(try again.generations().count > 2)
    }

    private static func text(_ count: Int, _ number: Int) -> JSONValue {
        .string("\(number) " + String(repeating: "x", count: count))
    }
}
