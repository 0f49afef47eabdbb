import BlockDevices
import BootEntries
import BootSlots
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
        var samples: [(disk: RecordedDisk, part: UpdateStory.Part)] = []
        var random = SplitMix(state: 42)
        for (number, part) in parts.enumerated() {
            // What a part leaves unflushed, the next one would have to answer for.
            #expect(part.events.isEmpty || part.events.last == .flush, "\(part.name)")
            let before = judge.count
            var states = CutStates(part.events, seed: UInt64(number))
            states.drawn = 2000
            try states.forEach(from: part.before, flushed: judge.begin) { disk, writes in
                try judge.add(writes, isFirmware: part.isFirmware)
                if random.next() % (part.name == "install" ? 400 : 15) == 0 {
                    samples.append((disk.applying(writes), part))
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
        #expect(verdict.distinct >= 10_000)
        #expect(verdict.lastTableIsClean)
        #expect(verdict.lastMenu == ["vm_4.0.0.efi", "vm_2.0.0.efi"])
        try await everySampleEndsWell(samples)
    }

    /// After the next boot's repair, which is cut too, or in the same uptime without one, the same is done again and ends
    /// as if nothing had happened.
    private func everySampleEndsWell(_ samples: [(disk: RecordedDisk, part: UpdateStory.Part)]) async throws {
        let repairs = try Judge(host, releases: releases)
        let judge = try Judge(host, releases: releases)
        var expected: [[String]] = []
        var cutRepairs = 0
        for (number, (disk, part)) in samples.enumerated() {
            // Of a program that was killed, the next attempt goes on in the same uptime.
            if part.isFirmware || number % 3 != 0 {
                cutRepairs += try cutRepair(of: disk, after: part, repairs)
                try UpdateStory.repair(disk, after: part)
            }
            let label = part.next.label
            if part.name == "bless" {
                try UpdateStory.bless(part.next, on: disk)
                expected.append(["\(label).efi", "\(part.old.label).efi"])
            } else {
                try await UpdateStory.install(part.next, on: disk, running: part.running)
                try UpdateStory.activate(part.next, on: disk, running: part.running)
                expected.append(["\(label)+3.efi", "\(part.running.label).efi"])
            }
            try judge.add(disk)
        }
        let (repaired, cuts) = try repairs.verdict()
        print(
            """
            Cut harness: \(repaired.states) states of \(cutRepairs) repairs, \(repaired.distinct) distinct; \
            \(repaired.bad) bad
            """
        )
        #expect(repaired.bad == 0, "\(cuts.prefix(4000))")
        #expect(cutRepairs >= 20)
        let (verdict, output) = try judge.verdict()
        print("Cut harness: done again after \(samples.count) cuts; \(verdict.bad) bad")
        #expect(verdict.bad == 0, "\(output.prefix(4000))")
        #expect(samples.count >= 50)
        for (index, menu) in try judge.menus().enumerated() {
            let name = Comment(rawValue: "sample \(index), cut in \(samples[index].part.name)")
            #expect(menu.files == expected[index], name)
            #expect(menu.isSound, name)
        }
    }

    /// Cuts the repair that a boot after a cut begins with, and repairs again: 1 if it wrote anything.
    private func cutRepair(of disk: RecordedDisk, after part: UpdateStory.Part, _ judge: Judge) throws -> Int
    {
        let before = disk.copy()
        let whole = disk.copy()
        try UpdateStory.repair(whole, after: part)
        let events = whole.events
        guard !events.isEmpty else { return 0 }
        #expect(events.last == .flush, "\(part.name)")
        var states = CutStates(events, seed: 11)
        states.drawn = 12
        states.completeUpTo = 4
        var number = 0
        try states.forEach(from: before, flushed: judge.begin) { base, writes in
            try judge.add(writes, isFirmware: part.isFirmware)
            number += 1
            guard number % 9 == 0 else { return }
            let again = base.applying(writes)
            try UpdateStory.repair(again, after: part)
            // Wherever it was cut, it ends at the same disk as far as it can be seen.
            #expect(try Self.entries(again) == Self.entries(whole), "\(part.name)")
        }
        return 1
    }

    /// The entries on the ESP, with their counters left out: a lost trial has fewer tries than it had.
    private static func entries(_ disk: RecordedDisk) throws -> [String] {
        let esp = try disk.slice(at: 1 << 20, size: 36 << 20, name: "esp")
        return try BootSlots(esp).entries().map { "\($0.name?.name ?? $0.fileName) \($0.isCounted)" }.sorted()
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
