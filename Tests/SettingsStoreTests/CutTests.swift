import Foundation
import Testing

@testable import SettingsStore

/// Power cuts and failing calls at every step of a store's life.
struct CutTests {
    private static let seed =
        ProcessInfo.processInfo.environment["BULKHEAD_CUT_SEED"].flatMap { UInt64($0) } ?? 20_261_121

    @Test func powerCutAtEveryStep() throws {
        let scenario = try CutScenario(recording: true)
        try scenario.live()
        #expect(scenario.failures == [])
        let (states, failures) = cutEverywhere(scenario)
        let snapshots = scenario.disk.snapshots.count
        print(
            "cut harness: seed \(Self.seed), \(scenario.steps) steps, \(snapshots) calls, \(states) states tried"
        )
        #expect(failures.prefix(5) == [])
        #expect(states > 5000)
    }

    /// The harness must see what it is for: a store that does not flush.
    @Test(arguments: [true, false])
    func harnessFindsMissingFlushes(ofFiles: Bool) throws {
        let scenario = try CutScenario(recording: true)
        if ofFiles {
            scenario.disk.ignoresSynchronize = true
        } else {
            scenario.disk.ignoresSynchronizeFolder = true
        }
        // Thirty calls are enough, and there is a failure behind nearly each of them.
        try? scenario.live()
        #expect(!cutEverywhere(scenario, calls: 30).failures.isEmpty)
    }

    @Test(arguments: [(1, false), (1, true), (4, false)])
    func everyCallFails(count: Int, isDone: Bool) throws {
        var states = 0
        var failures: [String] = []
        for call in 1... {
            let scenario = try CutScenario(
                recording: false,
                fault: CutDisk.Fault(call: call, count: count, isDone: isDone)
            )
            try scenario.live()
            failures += scenario.failures.map { "call \(call): \($0)" }
            if !scenario.disk.wasFaultHit { break }
            states += 1
        }
        print("cut harness: \(states) runs with \(count) failing calls")
        #expect(failures.prefix(5) == [])
        #expect(states > 150)
    }

    private func cutEverywhere(_ scenario: CutScenario, calls: Int = .max) -> (
        states: Int, failures: [String]
    ) {
        var random = SeededGenerator(seed: Self.seed)
        var states = 0
        var failures: [String] = []
        for (index, (snapshot, mark)) in zip(scenario.disk.snapshots, scenario.marks).enumerated().prefix(
            calls
        ) {
            for files in snapshot.cuts(atMost: 80, using: &random) {
                states += 1
                if let fault = CutCheck.fault(files, mark, startsBoot: states.isMultiple(of: 2)) {
                    failures.append("call \(index) of '\(mark.step)', seed \(Self.seed): \(fault)")
                }
            }
        }
        return (states, failures)
    }
}
