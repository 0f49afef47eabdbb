import BlockDevices
import BootSlots
import Bytes
import FAT
import Foundation
import Hashing
import TestSupport
import Testing

/// Every change is cut at every place: all subsets of the sectors between two flushes, a sample where they are many.
@Suite struct CutTests {
    /// A seeded generator, so that a failure can be repeated.
    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var value = state
            value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
            value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
            return value ^ value >> 31
        }
    }

    struct Change: CustomTestStringConvertible, Sendable {
        let testDescription: String
        /// Names in EFI/Linux that may be there besides the good entry; at most one of them.
        let allowed: Set<String>
        let prepare: @Sendable (TestESP) throws -> Void
        let run: @Sendable (TestESP, BootSlots) throws -> Void
    }

    static let changes = [
        Change(testDescription: "stage", allowed: []) { _ in
        } run: { esp, slots in
            try slots.stage(esp.trial.staged, contents: esp.trial.source)
        },
        Change(testDescription: "activate", allowed: ["vm_1.1+3.efi"]) { esp in
            try esp.slots.stage(esp.trial.staged, contents: esp.trial.source)
        } run: { esp, slots in
            try slots.activate(esp.trial.staged)
        },
        Change(testDescription: "deactivate", allowed: ["vm_1.1+2-1.efi"]) { esp in
            try esp.beginTrial()
        } run: { _, slots in
            try slots.deactivate(variant: "vm", version: "1.1")
        },
        Change(testDescription: "bless", allowed: ["vm_1.1+2-1.efi", "vm_1.1.efi"]) { esp in
            try esp.beginTrial()
        } run: { esp, slots in
            try slots.bless(esp.trialBoot())
        },
        Change(testDescription: "remove", allowed: ["vm_0.9.efi"]) { esp in
            try FATWriter(esp.disk).create("EFI/Linux/vm_0.9.efi", contents: TestImage("0.9").source)
        } run: { esp, slots in
            guard try slots.entryNames.contains("vm_0.9.efi") else { return }
            try slots.removeEntry("vm_0.9.efi", running: esp.good.rootHash)
        },
        Change(testDescription: "stage another", allowed: []) { esp in
            let old = TestImage("1.1-rc1")
            try esp.slots.stage(old.staged, contents: old.source)
        } run: { esp, slots in
            try slots.stage(esp.trial.staged, contents: esp.trial.source)
        },
    ]

    @Test(arguments: changes)
    func everyCutLeavesTheGoodEntryAndIsRepaired(_ change: Change) throws {
        let esp = try TestESP()
        try change.prepare(esp)
        let before = esp.disk.copy()
        esp.disk.beginLog()
        try change.run(esp, esp.slots)
        let states = Self.states(of: esp.disk.events, seed: 4)
        var judged = 0
        for (number, events) in states.enumerated() {
            let disk = before.applying(events)
            let comment = Comment(rawValue: "\(change.testDescription), state \(number)")
            try check(disk, change, esp, comment)
            // By others than those who wrote it, before and after the repair.
            let cut = try esp.judge(disk)
            try checkNames(cut.names, change, comment)
            let good = try esp.bytes("EFI/Linux/vm_1.0.efi")
            #expect(good == esp.good.bytes, comment)
            let loader = try esp.bytes("EFI/BOOT/BOOTX64.EFI")
            #expect(loader == TestESP.loader, comment)
            for name in cut.names where name.hasPrefix("EFI/Linux/vm_1.1") {
                let trial = try esp.bytes(name)
                #expect(trial == esp.trial.bytes, comment)
            }
            judged += 1
            let boot = change.testDescription == "bless" ? esp.trialBoot() : esp.running
            let findings = try BootSlots(disk).repair(boot, expected: nil, installed: esp.installed)
            let others = findings.filter { if case .repaired = $0 { false } else { true } }
            #expect(others == [], comment)
            try check(disk, change, esp, comment)
            let result = try esp.judge(disk)
            #expect(result.isClean, "\(comment) \(result.output)")
            // And done again, it ends as it should.
            let again = TestESPView(esp, disk)
            try change.run(esp, again.slots)
            let names = (try again.slots.entryNames.sorted(), try esp.slots.entryNames.sorted())
            #expect(names.0 == names.1, comment)
            let copies = (try again.slots.stagedNames, try esp.slots.stagedNames)
            #expect(copies.0 == copies.1, comment)
        }
        print(
            "cut states of \(change.testDescription): \(states.count), judged by mtools and fsck.vfat: \(judged)"
        )
        // Few where all of a change is one sector.
        #expect(states.count > 5)
    }

    /// The harness sees what a wrong order leaves: the name before the data and the chain.
    @Test func aWrongOrderIsSeen() throws {
        let change = Self.changes[1]
        let esp = try TestESP()
        try change.prepare(esp)
        let before = esp.disk.copy()
        esp.disk.beginLog()
        try change.run(esp, esp.slots)
        let unflushed = esp.disk.events.filter { $0 != .flush }
        let bad = Self.states(of: unflushed, seed: 4).filter { events in
            let disk = before.applying(events)
            let entries = (try? BootSlots(disk).entries()) ?? []
            return entries.contains { $0.isCounted && ($0.image == nil || $0.size == 0) }
        }
        #expect(!bad.isEmpty)
    }

    private struct TestESPView {
        let slots: BootSlots
        init(_ esp: TestESP, _ disk: RecordedDisk) { slots = BootSlots(disk) }
    }

    private func check(_ disk: RecordedDisk, _ change: Change, _ esp: TestESP, _ comment: Comment) throws {
        let volume = try FATVolume(disk.source)
        let contents = try volume.contents("EFI/Linux/vm_1.0.efi")
        let goodBytes = try contents.read(at: 0, count: Int(contents.size))
        #expect(goodBytes == esp.good.bytes, comment)
        let loader = try volume.contents("EFI/BOOT/BOOTX64.EFI")
        let loaderBytes = try loader.read(at: 0, count: Int(loader.size))
        #expect(loaderBytes == TestESP.loader, comment)
        let entries = try BootSlots(disk).entries()
        let hasLostName = entries.contains { $0.hasLostItsName }
        #expect(!hasLostName, comment)
        let good = entries.first { $0.fileName == "vm_1.0.efi" }
        #expect(good?.isGood == true, comment)
        // Whatever has a name has its content.
        let areWhole = entries.allSatisfy { $0.image != nil }
        #expect(areWhole, comment)
        try checkNames(entries.map(\.path), change, comment)
    }

    private func checkNames(_ names: [String], _ change: Change, _ comment: Comment) throws {
        let others = names.filter { $0.hasPrefix("EFI/Linux/") }.map { String($0.dropFirst(10)) }
            .filter { $0 != "vm_1.0.efi" }
        #expect(others.count <= 1, comment)
        #expect(Set(others).isSubset(of: change.allowed), comment)
        if change.testDescription == "bless" { #expect(others.count == 1, comment) }
    }

    /// What a cut may leave of a log, as lists of one-sector writes.
    static func states(of events: [RecordedDisk.Event], seed: UInt64) -> [[RecordedDisk.Event]] {
        var generator = Generator(state: seed)
        var states: [[RecordedDisk.Event]] = []
        var done: [RecordedDisk.Event] = []
        var pending: [RecordedDisk.Event] = []
        for event in events + [.flush] {
            guard case .write(let offset, let bytes) = event else {
                let count = pending.count
                if count <= 7 {
                    for mask in 0..<(1 << count) {
                        states.append(
                            done + pending.indices.filter { mask >> $0 & 1 == 1 }.map { pending[$0] }
                        )
                    }
                } else {
                    for length in 0...count { states.append(done + pending.prefix(length)) }
                    for length in 1..<count { states.append(done + pending.suffix(length)) }
                    for _ in 0..<40 {
                        states.append(done + pending.filter { _ in Bool.random(using: &generator) })
                    }
                }
                done += pending
                pending = []
                continue
            }
            for start in stride(from: 0, to: bytes.count, by: 512) {
                pending.append(
                    .write(
                        offset: offset + UInt64(start),
                        bytes: Array(bytes[start..<min(bytes.count, start + 512)])
                    )
                )
            }
        }
        return states
    }
}
