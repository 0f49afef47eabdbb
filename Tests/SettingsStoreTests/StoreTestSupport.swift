import JSON
import SettingsModel
import Synchronization
import Testing

@testable import SettingsStore

/// A clock that tests set.
final class TestClock: Sendable {
    private let time: Mutex<(wall: Int64, uptime: Int64)>

    init(_ wall: Int64 = 1_700_000_000) { time = Mutex((wall, 1000)) }

    /// The wall clock.
    var wall: Int64 {
        get { time.withLock { $0.wall } }
        set { time.withLock { $0.wall = newValue } }
    }

    var uptime: Int64 { time.withLock { $0.uptime } }

    /// Lets time pass on both clocks.
    func pass(_ seconds: Int64) {
        time.withLock { time in
            time.wall += seconds
            time.uptime += seconds
        }
    }
}

let author = Generation.Author(user: 1000, group: 274, process: 4711, program: "apiclient")

func key(_ text: String) -> SettingKey {
    SettingKey(text.split(separator: ".").map(String.init))
}

func document(_ values: [String: JSONValue]) -> SettingsDocument {
    SettingsDocument(Dictionary(uniqueKeysWithValues: values.map { (key($0.key), $0.value) }))
}

func texts(_ values: [String: String]) -> SettingsDocument { document(values.mapValues { .string($0) }) }

/// Options with keys the model need not know, and a clock of the test.
func storeOptions(
    kept: Int = 32,
    migrations: MigrationGraph = Migrations.graph,
    known: (@Sendable (SettingKey) -> Bool)? = nil,
    clock: TestClock? = nil
) -> StoreOptions {
    var options = StoreOptions()
    options.keptGenerations = kept
    options.migrations = migrations
    options.check = { document in
        guard let known else { return document }
        return SettingsDocument(document.values.filter { known($0.key) })
    }
    options.uptime = { clock?.uptime ?? 0 }
    return options
}

/// A store on a disk in memory.
func openStore(
    _ files: any StoreFiles,
    osVersion: String = "1.0.0",
    clock: TestClock = TestClock(),
    options: StoreOptions? = nil
) throws -> SettingsStore {
    try SettingsStore(
        files: files,
        osVersion: osVersion,
        now: { clock.wall },
        options: options ?? storeOptions(clock: clock)
    )
}

extension SettingsStore {
    /// Stages and commits values.
    @discardableResult
    func set(
        _ values: [String: JSONValue],
        _ strength: PendingTransaction.Strength = .strong,
        within: Int64? = nil
    ) throws -> [SettingKey] {
        let changes = values.map { (key($0.key), PendingTransaction.Change.set($0.value, strength)) }
        try stage(Dictionary(uniqueKeysWithValues: changes), in: "test")
        return try commit("test", by: author, confirmWithin: within)
    }

    /// Stages and commits deletions.
    @discardableResult
    func delete(_ keys: String...) throws -> [SettingKey] {
        try stage(Dictionary(uniqueKeysWithValues: keys.map { (key($0), .delete) }), in: "test")
        return try commit("test", by: author)
    }

    func value(_ text: String) -> JSONValue? { current.settings.values[key(text)] }
}

/// Random numbers that a seed gives again (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
