import JSON
import SettingsModel

@testable import SettingsStore

/// What must be in force, kept by the test in its own, simple way.
struct Expectation: Hashable {
    var strong: [String: String] = [:]
    var weak: [String: String] = [:]
    var defaults: [String: String] = [:]
    var isOnTrial = false

    init() {}

    init(_ generation: Generation) {
        strong = Self.texts(generation.strong)
        weak = Self.texts(generation.weak)
        defaults = Self.texts(generation.defaults)
        isOnTrial = generation.trial != nil
    }

    private static func texts(_ document: SettingsDocument) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: document.values.map {
                ($0.key.segments.joined(separator: "."), $0.value.string ?? $0.value.description)
            }
        )
    }
}

/// A life of a store, step by step: each step is acknowledged when it returns.
///
/// The same scenario is lived through once to cut the power behind every call, and again and again to let every call fail.
final class CutScenario {
    /// What holds at one snapshot of the disk.
    struct Mark {
        var step: String
        /// What may be in force after a cut here.
        var acceptable: Set<Expectation>
        var time: Int64
        var isNewSchema: Bool
    }

    let disk = CutDisk()
    let clock = TestClock()
    private(set) var marks: [Mark] = []
    private(set) var failures: [String] = []
    private(set) var steps = 0
    private var store: SettingsStore
    private var expectation = Expectation()
    private var isNewSchema = false
    private var isFaultChecked = false

    init(recording: Bool, fault: CutDisk.Fault? = nil) throws {
        disk.isRecording = recording
        disk.fault = fault
        do {
            store = try openStore(disk, clock: clock, options: Self.options(isNewSchema: false, clock: clock))
        } catch {
            disk.fault = nil
            store = try openStore(disk, clock: clock, options: Self.options(isNewSchema: false, clock: clock))
        }
        mark("open", [Expectation()], from: 0)
    }

    static let newSchema = MigrationGraph(
        current: 2,
        migrations: [
            Migration(name: "rename b", from: 1, .rename(key("b"), to: key("group.b"))),
            Migration(
                name: "prefix",
                from: 1,
                .addTextPrefix("v2:", inside: key("group.b")),
                .add(key("group.new"))
            ),
        ]
    )

    static func options(isNewSchema: Bool, clock: TestClock) -> StoreOptions {
        storeOptions(kept: 4, migrations: isNewSchema ? newSchema : Migrations.graph, clock: clock)
    }

    /// The expectation of an old reader of what the new version wrote.
    static func old(_ expectation: Expectation) -> Expectation {
        var result = expectation
        func back(_ values: [String: String]) -> [String: String] {
            var values = values
            values["group.new"] = nil
            if let b = values.removeValue(forKey: "group.b") { values["b"] = String(b.dropFirst(3)) }
            return values
        }
        result.strong = back(result.strong)
        result.weak = back(result.weak)
        result.defaults = back(result.defaults)
        return result
    }

    /// Lives through all of it.
    func live() throws {
        try step("first boot") {
            $0.defaults = ["a": "default", "d": "default"]
        } run: {
            _ = try $0.beginBoot(defaults: texts(["a": "default", "d": "default"]))
        }
        try commit("a and b", ["a": "1", "b": "1"])
        try commit("weak", ["w": "1", "x": "1"], .weak)
        // Two transactions at a time; one of them is dropped.
        try stage("dropped", ["a": .set("never", .strong)])
        try commit("b again", ["b": "2", "m.1": "one", "m.2": "two"])
        try step("discard", run: { _ = try $0.discard("dropped") })
        let before = expectation
        let restored = store.current.number
        try stage("deletes", ["a": .delete, "m": .delete])
        try step("delete", commits: "deletes") {
            $0.strong["a"] = nil
            $0.strong["m.1"] = nil
            $0.strong["m.2"] = nil
        }
        try commit("nothing new", ["b": "2"])
        try step("restore") {
            $0.strong = before.strong
            $0.weak = before.weak
        } run: {
            _ = try $0.restore(restored, by: author)
        }
        try commit("trial", ["a": "trial"], within: 60) { $0.isOnTrial = true }
        try step("confirm") {
            $0.isOnTrial = false
        } run: {
            try $0.confirm(by: author)
        }
        let good = expectation
        try commit("second trial", ["a": "bad", "c": "bad"], within: 60) { $0.isOnTrial = true }
        try commit("during the trial", ["c": "worse"])
        try step("reopen", reopens: true)
        clock.pass(61)
        try step("end of the trial") {
            $0 = good
        } run: {
            _ = try $0.endTrialIfDue()
        }
        // The next one ends while nobody looks: at the next commit.
        try commit("third trial", ["a": "bad"], within: 60) { $0.isOnTrial = true }
        try stage("late", ["late": .set("1", .strong)])
        clock.pass(61)
        try step("late", commits: "late", via: good) {
            $0 = good
            $0.strong["late"] = "1"
        }
        try stage("pending", ["a": .set("pending", .strong)])
        try step("reboot", reopens: true)
        try step("boot") {
            $0.weak = [:]
        } run: {
            _ = try $0.beginBoot(defaults: texts(["a": "default", "d": "default"]))
        }
        for number in 0..<6 { try commit("many", ["n": "\(number)"]) }
        isNewSchema = true
        try step("new OS", reopens: true) { $0 = Self.new($0) }
        try step("boot of the new OS") {
            $0.defaults = ["a": "default 2", "group.new": "default"]
        } run: {
            _ = try $0.beginBoot(defaults: texts(["a": "default 2", "group.new": "default"]))
        }
        try commit("new keys", ["group.b": "v2:3", "group.new": "1"])
        try commit("new weak", ["w": "2"], .weak)
    }

    private static func new(_ expectation: Expectation) -> Expectation {
        var result = expectation
        if let b = result.strong.removeValue(forKey: "b") { result.strong["group.b"] = "v2:\(b)" }
        return result
    }

    private func stage(_ name: String, _ changes: [String: PendingTransaction.Change]) throws {
        let changes = Dictionary(uniqueKeysWithValues: changes.map { (key($0.key), $0.value) })
        try step("stage \(name)", run: { try $0.stage(changes, in: name) })
    }

    private func commit(
        _ name: String,
        _ values: [String: String],
        _ strength: PendingTransaction.Strength = .strong,
        within: Int64? = nil,
        more: (inout Expectation) -> Void = { _ in }
    ) throws {
        try stage("work", values.mapValues { .set(.string($0), strength) })
        try step("commit \(name)", commits: "work", within: within) { expectation in
            for (key, value) in values {
                if strength == .strong {
                    expectation.strong[key] = value
                } else {
                    expectation.weak[key] = value
                }
            }
            more(&expectation)
        }
    }

    private func step(
        _ name: String,
        commits transaction: String,
        within: Int64? = nil,
        via: Expectation? = nil,
        _ expect: (inout Expectation) -> Void
    ) throws {
        try step(name, via: via, expect) {
            _ = try $0.commit(transaction, by: author, confirmWithin: within)
        }
    }

    private func step(
        _ name: String,
        reopens: Bool = false,
        via: Expectation? = nil,
        _ expect: (inout Expectation) -> Void = { _ in },
        run: (SettingsStore) throws -> Void = { _ in }
    ) throws {
        steps += 1
        let start = disk.snapshots.count
        var after = expectation
        expect(&after)
        let acceptable = Set([expectation, after] + [via].compactMap { $0 })
        func work() throws {
            if reopens {
                store = try openStore(
                    disk,
                    clock: clock,
                    options: Self.options(isNewSchema: isNewSchema, clock: clock)
                )
            }
            try run(store)
        }
        do {
            try work()
        } catch {
            // The fault the test asked for; after any other one the second try fails too.
            check("\(name), failed", Expectation(store.current), isAcceptable: [expectation])
            try checkCopies("\(name), failed", acceptable)
            disk.fault = nil
            try work()
        }
        expectation = after
        check(name, Expectation(store.current), isAcceptable: [after])
        if disk.wasFaultHit, !isFaultChecked {
            isFaultChecked = true
            try checkCopies(name, [after])
        }
        mark(name, acceptable, from: start)
    }

    private func mark(_ name: String, _ acceptable: Set<Expectation>, from start: Int) {
        let count = disk.snapshots.count
        for index in start..<max(start, count) {
            // What returned is acknowledged: behind its last call nothing but its result may be found.
            let isLast = index == count - 1
            marks.append(
                Mark(
                    step: name,
                    acceptable: isLast ? [expectation] : acceptable,
                    time: clock.wall,
                    isNewSchema: isNewSchema
                )
            )
        }
    }

    private func check(_ name: String, _ found: Expectation, isAcceptable acceptable: Set<Expectation>) {
        if !acceptable.contains(found) {
            failures.append("\(name): in force is \(found), and should be one of \(acceptable)")
        }
    }

    /// Opens what a kill and what a power cut would leave.
    private func checkCopies(_ name: String, _ acceptable: Set<Expectation>) throws {
        var random = SeededGenerator(seed: 1)
        for files in [disk.files] + disk.state.cuts(atMost: 3, using: &random) {
            let copy = try openStore(
                CutDisk(files),
                clock: clock,
                options: Self.options(isNewSchema: isNewSchema, clock: clock)
            )
            check("\(name), opened again", Expectation(copy.current), isAcceptable: acceptable)
        }
    }
}

/// Opens what a power cut left, and looks whether all is there.
enum CutCheck {
    /// What is wrong; nil if nothing is.
    static func fault(_ files: [String: [UInt8]], _ mark: CutScenario.Mark, startsBoot: Bool) -> String? {
        do {
            let disk = CutDisk(files)
            let clock = TestClock(mark.time)
            let options = CutScenario.options(isNewSchema: mark.isNewSchema, clock: clock)
            let store = try openStore(disk, clock: clock, options: options)
            var found = Expectation(store.current)
            guard mark.acceptable.contains(found) else {
                return "in force is \(found), and should be one of \(mark.acceptable)"
            }
            if mark.isNewSchema, let fault = try oldReaderFault(files, mark, found) { return fault }
            if try store.endTrialIfDue() != nil {
                found = Expectation(store.current)
                guard mark.acceptable.contains(found) else { return "after the trial, in force is \(found)" }
            }
            if startsBoot {
                _ = try store.beginBoot(defaults: store.current.defaults)
                found.weak = [:]
            }
            try store.set(["after": "cut"])
            found.strong["after"] = "cut"
            guard Expectation(store.current) == found else {
                return "after a commit, in force is \(Expectation(store.current)), and should be \(found)"
            }
            // Only what is durable.
            var random = SeededGenerator(seed: 1)
            for files in disk.state.cuts(atMost: 2, using: &random) {
                let again = try openStore(CutDisk(files), clock: clock, options: options)
                guard Expectation(again.current) == found else {
                    return "after a commit and another cut, in force is \(Expectation(again.current))"
                }
                guard again.transactions.isEmpty || !startsBoot else {
                    return "transactions are back: \(again.transactions)"
                }
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// The old OS, after it went back, must find every acknowledged setting under its old name.
    private static func oldReaderFault(
        _ files: [String: [UInt8]],
        _ mark: CutScenario.Mark,
        _ found: Expectation
    ) throws -> String? {
        let old = try openStore(
            CutDisk(files),
            clock: TestClock(mark.time),
            options: CutScenario.options(isNewSchema: false, clock: TestClock())
        )
        let expected = CutScenario.old(found)
        let seen = Expectation(old.current)
        return seen == expected ? nil : "the old version finds \(seen), and should find \(expected)"
    }
}
