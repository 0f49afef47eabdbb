import BlockDevices
import Foundation
import GPT
import TestSupport
import Testing

@testable import UpdateEngine
@testable import UpdateFixtures

/// Every write of three updates in a row, cut off at every place: the machine boots a slot that verifies completely.
@Suite struct CutTests {
    let releases: [SampleRelease]
    let host: SampleHost

    init() throws {
        let first = try SampleRelease(version: "1.0.0", seed: 1)
        let second = try SampleRelease(version: "2.0.0", seed: 2, sharing: first)
        let third = try SampleRelease(version: "3.0.0", seed: 3, sharing: first)
        let fourth = try SampleRelease(version: "4.0.0", seed: 4)
        releases = [first, second, third, fourth]
        host = try SampleHost(running: first)
    }

    @Test func everyCutBootsASlotThatVerifies() async throws {
        let disk = host.disk.copy()
        // A first update; one that fails all its tries; and one over what that left.
        var parts = try await UpdateStory.update(to: releases[1], on: disk, running: releases[0])
        parts += try await UpdateStory.failedUpdate(to: releases[2], on: disk, running: releases[1])
        parts += try await UpdateStory.update(to: releases[3], on: disk, running: releases[1])
        let judge = try Judge(host, releases: releases)
        var counts: [String] = []
        var samples: [(disk: RecordedDisk, running: SampleRelease, next: SampleRelease)] = []
        var random = SplitMix(state: 42)
        for (number, part) in parts.enumerated() {
            let before = judge.count
            var states = CutStates(part.events, seed: UInt64(number))
            try states.forEach(from: part.before, flushed: judge.begin) { disk, writes in
                try judge.add(writes)
                if random.next() % 120 == 0 {
                    samples.append((disk.applying(writes), part.running, part.next))
                }
            }
            counts.append("\(part.name) \(judge.count - before)")
        }
        let (verdict, output) = try judge.verdict()
        print(
            """
            Cut harness: \(verdict.states) states (\(counts.joined(separator: ", "))), \(verdict.distinct) distinct, of \
            \(verdict.tables) partition tables and \(verdict.systems) ESPs; \(verdict.bad) bad
            """
        )
        #expect(verdict.bad == 0, "\(output.prefix(4000))")
        #expect(verdict.states >= 10_000)
        #expect(verdict.lastTableIsClean)
        #expect(verdict.lastMenu == ["vm_4.0.0.efi", "vm_2.0.0.efi"])
        try await everySampleEndsWell(samples)
    }

    /// After the next boot's repair, a new install of the same release ends as if nothing had happened.
    private func everySampleEndsWell(
        _ samples: [(disk: RecordedDisk, running: SampleRelease, next: SampleRelease)]
    ) async throws {
        let judge = try Judge(host, releases: releases)
        for (disk, running, next) in samples {
            try UpdateStory.repair(disk, running: running)
            // A cut in the commit: the release that runs is the one that was installed.
            if running.version != next.version {
                try await UpdateStory.install(next, on: disk, running: running)
                try UpdateStory.activate(next, on: disk, running: running)
            }
            try judge.add(disk)
        }
        let (verdict, output) = try judge.verdict()
        print("Cut harness: repaired and installed again after \(samples.count) cuts; \(verdict.bad) bad")
        #expect(verdict.bad == 0, "\(output.prefix(4000))")
        #expect(samples.count >= 50)
    }

    /// The judge must be able to find something: both copies of the table in one flush interval.
    @Test func aTableThatIsWrittenWithoutAFlushBetweenIsCaught() async throws {
        let part = try #require(
            try await UpdateStory.update(to: releases[1], on: host.disk.copy(), running: releases[0]).first
        )
        let table = try TableWriter.ranges(of: host.table)
        let isTable = { (event: RecordedDisk.Event) in
            if case .write(let offset, _) = event { table.contains { $0.contains(offset) } } else { false }
        }
        // Without the flushes after writes of the table.
        var events: [RecordedDisk.Event] = []
        for event in part.events {
            if event == .flush, let last = events.last, isTable(last) { continue }
            events.append(event)
        }
        #expect(try await bad(events.filter { isTable($0) }, from: part.before) > 0)
        // Control: the same writes with their flushes.
        let flushed = part.events.filter(isTable).flatMap { [$0, .flush] }
        #expect(try await bad(flushed, from: part.before) == 0)
    }

    /// And an entry that is made before the root was written and verified.
    @Test func anEntryThatIsMadeTooEarlyIsCaught() async throws {
        let parts = try await UpdateStory.update(to: releases[1], on: host.disk.copy(), running: releases[0])
        let esp = host.table.partitions[0]
        let isESP = { (event: RecordedDisk.Event) in
            if case .write(let offset, _) = event {
                (esp.offset..<esp.end).contains(offset)
            } else {
                event == .flush
            }
        }
        let install = parts[0].events
        let early = install.filter(isESP) + parts[1].events + install.filter { !isESP($0) || $0 == .flush }
        #expect(try await bad(early, from: parts[0].before, drawn: 20) > 0)
    }

    private func bad(_ events: [RecordedDisk.Event], from disk: RecordedDisk, drawn: Int = 200) async throws
        -> Int
    {
        let judge = try Judge(host, releases: releases)
        var states = CutStates(events, seed: 7)
        states.drawn = drawn
        try states.forEach(from: disk, flushed: judge.begin) { try judge.add($1) }
        return try judge.verdict().0.bad
    }
}
