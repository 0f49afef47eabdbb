import BlockDevices
import BootSlots
import Bytes
import FAT
import Hashing
import TestSupport
import Testing

/// What other writers of an ESP leave after a cut: a firmware's or Linux's renaming is not atomic.
@Suite struct RepairTests {
    private func expected(_ esp: TestESP, tries: Int = 2) -> ExpectedTrial {
        ExpectedTrial(image: esp.trial.staged, tries: tries)
    }

    private func expectClean(_ esp: TestESP, _ names: [String]) throws {
        let result = try esp.judge(esp.disk)
        #expect(result.isClean, "\(result.output)")
        let entries = result.names.filter { $0.hasPrefix("EFI/Linux/") }.map { String($0.dropFirst(10)) }
        #expect(entries.sorted() == names.sorted())
        #expect(try esp.bytes("EFI/Linux/vm_1.0.efi") == esp.good.bytes)
        for name in names where name.hasPrefix("vm_1.1") {
            #expect(try esp.bytes("EFI/Linux/\(name)") == esp.trial.bytes)
        }
    }

    /// Where a file's short entry is on the disk.
    private func shortEntry(_ path: String, _ disk: RecordedDisk) throws -> UInt64 {
        let volume = try FATVolume(disk.source)
        let alias = try volume.entry(path).shortName.split(separator: ".").map(String.init)
        let folder = try volume.entry("EFI/Linux").firstCluster
        let geometry = volume.geometry
        let start = geometry.dataOffset + UInt64(folder - 2) * UInt64(geometry.clusterSize)
        let name =
            Array(alias[0].padding(to: 8).utf8) + Array((alias.count > 1 ? alias[1] : "").padding(to: 3).utf8)
        for slot in 0..<UInt64(geometry.clusterSize / 32)
        where try disk.read(at: start + slot * 32, count: 11) == name {
            return start + slot * 32
        }
        Issue.record("no entry of \(path)")
        return 0
    }

    /// Frees the pieces of a long name, as a cut between two sectors does.
    private func loseLongName(_ path: String, pieces: ClosedRange<UInt64>, _ disk: RecordedDisk) throws {
        let entry = try shortEntry(path, disk)
        for piece in pieces { try disk.write([0xe5], at: entry - 32 * piece) }
    }

    @Test func nothingIsWrittenWhereNothingIsWrong() throws {
        let esp = try TestESP()
        #expect(try esp.slots.repair(esp.running, expected: nil, installed: esp.installed) == [])
        try esp.beginTrial()
        #expect(
            try esp.slots.repair(esp.trialBoot(), expected: expected(esp), installed: esp.installed) == []
        )
        #expect(esp.disk.events == [])
    }

    @Test func aLostTrialIsMadeAgainIfItMayBe() throws {
        let esp = try TestESP()
        try esp.beginTrial()
        try FATWriter(esp.disk).remove("EFI/Linux/vm_1.1+2-1.efi")
        #expect(
            try esp.slots.repair(esp.running, expected: expected(esp, tries: 0), installed: esp.installed)
                == [
                    .trialLost(name: "vm_1.1", reason: "it has no tries left")
                ]
        )
        #expect(
            try esp.slots.repair(esp.running, expected: expected(esp), installed: esp.installed) == [
                .recreatedTrial(name: "vm_1.1+2.efi")
            ]
        )
        try expectClean(esp, ["vm_1.0.efi", "vm_1.1+2.efi"])
        try esp.slots.deactivate(variant: "vm", version: "1.1")
        try esp.slots.removeStaged(variant: "vm", version: "1.1")
        let findings = try esp.slots.repair(esp.running, expected: expected(esp), installed: esp.installed)
        #expect(
            findings == [
                .trialLost(
                    name: "vm_1.1",
                    reason: BootSlotsError.notStaged(name: "vm_1.1").description
                )
            ]
        )
    }

    @Test(arguments: [1...2, 1...1, 2...2] as [ClosedRange<UInt64>])
    func aTrialThatLooksCommittedGetsItsCounterBack(_ pieces: ClosedRange<UInt64>) throws {
        let esp = try TestESP()
        try esp.beginTrial()
        try loseLongName("EFI/Linux/vm_1.1+2-1.efi", pieces: pieces, esp.disk)
        let short = try #require(try esp.slots.entries().first(where: \.hasLostItsName))
        // The loader takes it for a committed one, so it did not count.
        let boot = RunningBoot(rootHash: esp.trial.rootHash, bootCountPath: nil)
        let findings = try esp.slots.repair(boot, expected: expected(esp, tries: 1), installed: esp.installed)
        #expect(findings.contains(.restoredCounter(short.fileName, name: "vm_1.1+1.efi")))
        #expect(findings.contains(.uncountedTrial("vm_1.1+1.efi")))
        #expect(throws: BootSlotsError.notCounted) { try esp.slots.bless(boot) }
        try expectClean(esp, ["vm_1.0.efi", "vm_1.1+1.efi"])
    }

    @Test func anUnknownShortNameGoesAndTheRunningOneStays() throws {
        for isRunning in [false, true] {
            let esp = try TestESP()
            try esp.beginTrial()
            try loseLongName("EFI/Linux/vm_1.1+2-1.efi", pieces: 1...2, esp.disk)
            let short = try #require(try esp.slots.entries().first(where: \.hasLostItsName)).fileName
            let boot = RunningBoot(
                rootHash: isRunning ? esp.trial.rootHash : esp.good.rootHash,
                bootCountPath: nil
            )
            let findings = try esp.slots.repair(boot, expected: nil, installed: esp.installed)
            // Nothing is on trial: the running one is what it looks like.
            let expected: BootSlotsFinding =
                isRunning ? .restoredName(short, name: "vm_1.1.efi") : .removedShortName(short)
            #expect(findings == [expected])
            try expectClean(esp, isRunning ? ["vm_1.0.efi", "vm_1.1.efi"] : ["vm_1.0.efi"])
        }
    }

    @Test func theOnlyEntryGetsItsNameBackAndUpdatesGoOn() throws {
        let esp = try TestESP()
        let entry = try shortEntry("EFI/Linux/vm_1.0.efi", esp.disk)
        try esp.disk.write([0xe5], at: entry - 32)
        let short = try #require(try esp.slots.entryNames.first)
        #expect(throws: BootSlotsError.noGoodEntry) {
            try esp.slots.stage(esp.trial.staged, contents: esp.trial.source)
        }
        let findings = try esp.slots.repair(esp.running, expected: nil, installed: esp.installed)
        #expect(findings == [.restoredName(short, name: "vm_1.0.efi")])
        try esp.slots.stage(esp.trial.staged, contents: esp.trial.source)
        try esp.slots.activate(esp.trial.staged)
        try expectClean(esp, ["vm_1.0.efi", "vm_1.1+3.efi"])
    }

    @Test func aTrialIsNeverNamedAsIfItHadProvedItself() throws {
        for isCounted in [false, true] {
            let esp = try TestESP()
            try esp.beginTrial()
            try loseLongName("EFI/Linux/vm_1.1+2-1.efi", pieces: 1...2, esp.disk)
            let boot =
                isCounted ? esp.trialBoot() : RunningBoot(rootHash: esp.trial.rootHash, bootCountPath: nil)
            // Counted, whatever is recorded; not counted, but recorded.
            _ = try esp.slots.repair(
                boot,
                expected: isCounted ? nil : expected(esp, tries: 0),
                installed: esp.installed
            )
            #expect(try !esp.slots.entryNames.contains("vm_1.1.efi"))
        }
    }

    @Test func noEntryIsMadeForASlotThatDoesNotCarryItsRoot() throws {
        let esp = try TestESP()
        try esp.beginTrial()
        let reason = BootSlotsError.notInstalled(name: "vm_1.1", rootHash: esp.trial.rootHash).description
        let lost = BootSlotsFinding.trialLost(name: "vm_1.1", reason: reason)
        // The entry is there, and so is the copy; but the slot was written again.
        let found = try esp.slots.repair(esp.running, expected: expected(esp), installed: [esp.good.rootHash])
        #expect(found == [.removedBrokenTrial("vm_1.1+2-1.efi"), lost])
        let again = try esp.slots.repair(esp.running, expected: expected(esp), installed: [esp.good.rootHash])
        #expect(again == [lost])
        #expect(throws: BootSlotsError.notInstalled(name: "vm_1.1", rootHash: esp.trial.rootHash)) {
            try esp.slots.activate(esp.trial.staged, installed: [esp.good.rootHash])
        }
        try expectClean(esp, ["vm_1.0.efi"])
    }

    @Test func twoNamesOfOneUKIBecomeOne() throws {
        // Linux's renaming adds the new name before it removes the old: a blessing, and a firmware's counting.
        for (second, kept) in [("vm_1.1.efi", "vm_1.1.efi"), ("vm_1.1+1-2.efi", "vm_1.1+1-2.efi")] {
            for isShared in [true, false] {
                let esp = try TestESP()
                try esp.beginTrial()
                let bytes = isShared ? [] : esp.trial.bytes
                try FATWriter(esp.disk).create("EFI/Linux/\(second)", contents: ByteSource(bytes: bytes))
                if isShared {
                    let from = try shortEntry("EFI/Linux/vm_1.1+2-1.efi", esp.disk)
                    let to = try shortEntry("EFI/Linux/\(second)", esp.disk)
                    try esp.disk.write(esp.disk.read(at: from + 20, count: 12), at: to + 20)
                }
                let findings = try esp.slots.repair(
                    esp.trialBoot(),
                    expected: expected(esp),
                    installed: esp.installed
                )
                #expect(findings == [.removedSecondName("vm_1.1+2-1.efi", kept: kept)], "\(isShared)")
                try expectClean(esp, ["vm_1.0.efi", kept])
            }
        }
    }

    @Test func aDamagedTrialIsMadeAgain() throws {
        let esp = try TestESP()
        try esp.slots.stage(esp.trial.staged, contents: esp.trial.source)
        try FATWriter(esp.disk).create("EFI/Linux/vm_1.1+3.efi", contents: ByteSource(bytes: [1, 2, 3]))
        #expect(
            try esp.slots.repair(esp.running, expected: expected(esp, tries: 3), installed: esp.installed)
                == [
                    .removedBrokenTrial("vm_1.1+3.efi"), .recreatedTrial(name: "vm_1.1+3.efi"),
                ]
        )
        try expectClean(esp, ["vm_1.0.efi", "vm_1.1+3.efi"])
    }

    @Test func theGoodEntryIsNeverTouched() throws {
        // Even where all else is to be repaired at once.
        let esp = try TestESP()
        try esp.beginTrial()
        try loseLongName("EFI/Linux/vm_1.1+2-1.efi", pieces: 1...1, esp.disk)
        var sector = try esp.disk.read(at: 0, count: 512)
        sector[37] |= 1
        try esp.disk.write(sector, at: 0)
        let entry = try FATVolume(esp.disk.source).entry("EFI/Linux/vm_1.0.efi")
        let geometry = try FATVolume(esp.disk.source).geometry
        let start = geometry.dataOffset + UInt64(entry.firstCluster - 2) * UInt64(geometry.clusterSize)
        let own = start..<start + UInt64(esp.good.bytes.count)
        esp.disk.beginLog()
        let findings = try esp.slots.repair(esp.running, expected: expected(esp), installed: esp.installed)
        #expect(findings.contains(.repaired(.markedDirty)))
        for case .write(let offset, let bytes) in esp.disk.events {
            #expect(!own.overlaps(offset..<offset + UInt64(bytes.count)))
        }
        try expectClean(esp, ["vm_1.0.efi", "vm_1.1+2.efi"])
        #expect(try FATVolume(esp.disk.source).entry("EFI/Linux/vm_1.0.efi") == entry)
    }
}

extension String {
    fileprivate func padding(to count: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, count - self.count))
    }
}
