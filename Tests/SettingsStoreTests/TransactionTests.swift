import JSON
import SettingsModel
import Testing

@testable import SettingsStore

/// Staging, committing, deleting, history.
struct TransactionTests {
    @Test func commitTakesThreeFlushesAtMost() throws {
        let disk = CutDisk()
        let store = try openStore(disk)
        try store.set(["a": "1"])
        #expect(disk.synchronizations == 3)
        try store.set(["a": "2"])
        #expect(disk.synchronizations == 5)
        #expect(try store.generations().map(\.number) == [1, 2, 3])
        #expect(try store.generations().map(\.reason) == [.first, .commit, .commit])
        #expect(try openStore(disk).value("a") == "2")
    }

    @Test func twoClientsOnOneTransaction() throws {
        let disk = CutDisk()
        let store = try openStore(disk)
        try store.stage([key("a"): .set("1", .strong), key("b"): .set("1", .strong)], in: "t")
        try store.stage([key("a"): .set("2", .strong)], in: "t")
        // A kill of the server does not cost what is pending.
        let again = try openStore(disk)
        #expect(again.transactions == ["t"])
        #expect(try again.commit("t", by: author) == [key("a"), key("b")])
        #expect(again.current.author == author)
        #expect(again.value("a") == "2")
        #expect(throws: StoreError.nothingPending(transaction: "t")) { try again.commit("t", by: author) }
    }

    @Test func deleteGoesBackToTheDefault() throws {
        let store = try openStore(CutDisk())
        _ = try store.beginBoot(defaults: texts(["m.a": "default"]))
        try store.set(["m.a": "1", "m.b": "1", "n": "1"])
        try store.set(["w": "1"], .weak)
        #expect(try store.delete("m", "w") == [key("m.a"), key("m.b"), key("w")])
        #expect(store.current.settings == texts(["m.a": "default", "n": "1"]))
        // Nothing left to delete: fine, and no generation.
        let number = store.current.number
        #expect(try store.delete("m") == [])
        #expect(store.current.number == number)
    }

    @Test func strongIsNotMadeWeak() throws {
        let store = try openStore(CutDisk())
        try store.set(["a": "1", "b": "1"])
        #expect(throws: StoreError.strongToWeak(keys: [key("a"), key("b")])) {
            try store.stage([key("b"): .set("2", .weak), key("a"): .set("2", .weak)], in: "t")
        }
        try store.stage([key("c"): .set("1", .strong)], in: "t")
        #expect(throws: StoreError.strongToWeak(keys: [key("c")])) {
            try store.stage([key("c"): .set("2", .weak)], in: "t")
        }
        #expect(store.pending("t")?.changes == [key("c"): .set("1", .strong)])
    }

    @Test func limits() throws {
        let store = try openStore(CutDisk())
        for name in ["", "a/b", "ä", String(repeating: "a", count: 65)] {
            #expect(throws: StoreError.self) { try store.stage([key("a"): .delete], in: name) }
        }
        for number in 0..<64 { try store.stage([key("a"): .delete], in: "t\(number)") }
        #expect(throws: StoreError.self) { try store.stage([key("a"): .delete], in: "one-more") }
        try store.discardAll()
        let many = (0...10_000).map { (key("a.k\($0)"), PendingTransaction.Change.set("1", .strong)) }
        #expect(throws: StoreError.self) { try store.stage(Dictionary(uniqueKeysWithValues: many), in: "t") }
        #expect(store.transactions == [])
        #expect(throws: StoreError.self) {
            try store.set(["a": .string(String(repeating: "x", count: 9 << 20))])
        }
    }

    @Test func historyIsKeptComparedAndRestored() throws {
        let disk = CutDisk()
        let store = try openStore(disk, options: storeOptions(kept: 3))
        for number in 1...6 { try store.set(["a": .integer(Int64(number)), "k\(number)": true]) }
        #expect(try store.generations().map(\.number) == [5, 6, 7])
        #expect(disk.files.count == 3)
        #expect(throws: StoreError.noSuchGeneration(4)) { try store.generation(4) }
        #expect(try store.restore(5, by: author) == [key("a"), key("k5"), key("k6")])
        #expect(store.value("a") == 4)
        #expect(store.current.reason == .restore)
        let differences = try store.generation(7).differences(to: store.current)
        #expect(differences.map(\.kind) == [.changed, .removed, .removed])
        #expect(differences.first == SettingDifference(key: key("a"), before: 6, after: 4))
    }

    @Test func anotherProgramsGenerationIsNotReplaced() throws {
        let disk = CutDisk()
        let (one, two) = (try openStore(disk), try openStore(disk))
        try one.set(["a": "1"])
        #expect(throws: StoreError.self) { try two.set(["a": "2"]) }
        #expect(try openStore(disk).value("a") == "1")
    }
}
