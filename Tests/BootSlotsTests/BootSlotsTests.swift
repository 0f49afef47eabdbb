import BlockDevices
import BootSlots
import Bytes
import FAT
import Hashing
import TestSupport
import Testing

@Suite struct BootSlotsTests {
    static let layouts: [(kibibytes: Int, options: [String])] = [
        (2400, ["-F", "16", "-s", "1"]), (300_000, ["-F", "32", "-s", "8"]),
        (300_000, ["-F", "32", "-S", "4096", "-s", "1"]),
    ]

    @Test(arguments: layouts)
    func anUpdateIsStagedTriedAndCommitted(_ kibibytes: Int, _ options: [String]) throws {
        let esp = try TestESP(kibibytes: kibibytes, options: options)
        let slots = esp.slots
        try slots.stage(esp.trial.staged, contents: esp.trial.source)
        #expect(try slots.stagedNames == ["vm_1.1.efi"])
        #expect(try slots.entryNames == ["vm_1.0.efi"])
        try slots.activate(esp.trial.staged)
        #expect(try slots.entryNames == ["vm_1.0.efi", "vm_1.1+3.efi"])
        #expect(try slots.digest(of: "EFI/Linux/vm_1.1+3.efi") == esp.trial.staged.sha256)
        esp.disk.beginLog()
        try slots.stage(esp.trial.staged, contents: esp.trial.source)
        try slots.activate(esp.trial.staged)
        #expect(esp.disk.events == [])
        #expect(throws: BootSlotsError.notCounted) { try slots.bless(esp.running) }
        try FATWriter(esp.disk).rename("EFI/Linux/vm_1.1+3.efi", to: "vm_1.1+2-1.efi")
        try slots.bless(esp.trialBoot())
        #expect(try slots.entryNames.sorted() == ["vm_1.0.efi", "vm_1.1.efi"])
        #expect(try slots.stagedNames == [])
        let entry = try #require(try slots.entries().last)
        #expect(entry.isGood)
        #expect(entry.image?.rootHash == esp.trial.rootHash)
        #expect(entry.image?.version == "1.1")
        #expect(entry.size == UInt64(esp.trial.bytes.count))
        try slots.bless(esp.trialBoot())
        #expect(throws: BootSlotsError.notOnTrial(name: "vm_1.1")) {
            try slots.deactivate(variant: "vm", version: "1.1")
        }
        #expect(throws: BootSlotsError.isRunning(path: "EFI/Linux/vm_1.1.efi")) {
            try slots.removeEntry("vm_1.1.efi", running: esp.trial.rootHash)
        }
        try slots.removeEntry("vm_1.0.efi", running: esp.trial.rootHash)
        #expect(throws: BootSlotsError.noGoodEntry) {
            try slots.removeEntry("vm_1.1.efi", running: esp.good.rootHash)
        }
        #expect(throws: BootSlotsError.noGoodEntry) { try slots.rollBack(running: esp.trial.rootHash) }
        let result = try esp.judge(esp.disk)
        #expect(result.isClean, "\(result.output)")
        #expect(
            result.names.sorted() == [
                "EFI/BOOT/BOOTX64.EFI", "EFI/Linux/vm_1.1.efi", "EFI/systemd/systemd-bootx64.efi",
            ]
        )
        #expect(try esp.bytes("EFI/Linux/vm_1.1.efi") == esp.trial.bytes)
    }

    @Test func whatIsStagedCanBeTakenBack() throws {
        let esp = try TestESP()
        try esp.beginTrial()
        try esp.slots.deactivate(variant: "vm", version: "1.1")
        try esp.slots.deactivate(variant: "vm", version: "1.1")
        #expect(try esp.slots.entryNames == ["vm_1.0.efi"])
        #expect(try esp.slots.stagedNames == ["vm_1.1.efi"])
        try esp.slots.activate(esp.trial.staged)
        #expect(try esp.slots.entryNames == ["vm_1.0.efi", "vm_1.1+3.efi"])
        try esp.slots.deactivate(variant: "vm", version: "1.1")
        // Another version takes its place.
        let next = TestImage("1.2-rc1")
        try esp.slots.stage(next.staged, contents: next.source)
        #expect(try esp.slots.stagedNames == ["vm_1.2-rc1.efi"])
        try esp.slots.removeStaged(variant: "vm", version: "1.2-rc1")
        try esp.slots.removeStaged(variant: "vm", version: "1.2-rc1")
        let result = try esp.judge(esp.disk)
        #expect(result.isClean, "\(result.output)")
        #expect(result.names.filter { $0.contains("vm_") } == ["EFI/Linux/vm_1.0.efi"])
    }

    @Test func rollingBackLeavesTheOtherGoodEntry() throws {
        let esp = try TestESP()
        try esp.beginTrial()
        try esp.slots.bless(esp.trialBoot())
        try esp.slots.rollBack(running: esp.trial.rootHash)
        #expect(try esp.slots.entryNames == ["vm_1.0.efi"])
    }

    @Test func wrongImagesAreNeitherStagedNorActivated() throws {
        let esp = try TestESP()
        let slots = esp.slots
        let image = esp.trial.staged
        #expect(throws: BootSlotsError.notStaged(name: "vm_1.1")) { try slots.activate(image) }
        esp.disk.beginLog()
        let other = TestImage("1.3")
        #expect(
            throws: BootSlotsError.digestMismatch(
                path: "EFI/bulkhead/vm_1.1.efi",
                expected: image.sha256,
                found: other.staged.sha256
            )
        ) { try slots.stage(image, contents: other.source) }
        let wrong = StagedImage(
            variant: "vm",
            version: "1.1",
            size: image.size,
            sha256: image.sha256,
            rootHash: esp.good.rootHash
        )
        #expect(
            throws: BootSlotsError.wrongImage(
                path: "EFI/bulkhead/vm_1.1.efi",
                expected: esp.good.rootHash,
                found: esp.trial.rootHash
            )
        ) { try slots.stage(wrong, contents: esp.trial.source) }
        let large = StagedImage(
            variant: "vm",
            version: "1.1",
            size: BootSlots.maximumUKISize + 1,
            sha256: image.sha256,
            rootHash: image.rootHash
        )
        #expect(throws: BootSlotsError.self) { try slots.stage(large, contents: esp.trial.source) }
        #expect(throws: BootSlotsError.self) {
            try slots.stage(
                StagedImage(
                    variant: "vm",
                    version: "../x",
                    size: image.size,
                    sha256: image.sha256,
                    rootHash: image.rootHash
                ),
                contents: esp.trial.source
            )
        }
        #expect(esp.disk.events == [])
        // A copy that was damaged on the medium.
        try slots.stage(image, contents: esp.trial.source)
        let entry = try FATVolume(esp.disk.source).entry("EFI/bulkhead/vm_1.1.efi")
        let geometry = try FATVolume(esp.disk.source).geometry
        let place = geometry.dataOffset + UInt64(entry.firstCluster - 2 + 3) * UInt64(geometry.clusterSize)
        try esp.disk.write([0x55], at: place)
        #expect(throws: BootSlotsError.self) { try slots.activate(image) }
        #expect(try slots.entryNames == ["vm_1.0.efi"])
        try slots.stage(image, contents: esp.trial.source)
        try slots.activate(image)
    }

    @Test func bothCopiesMustFit() throws {
        let esp = try TestESP()
        let free = try FATWriter(esp.disk).freeBytes()
        let large = TestImage("2.0", size: Int(free / 2))
        esp.disk.beginLog()
        let error = #expect(throws: BootSlotsError.self) {
            try esp.slots.stage(large.staged, contents: large.source)
        }
        #expect(error.map { "\($0)".contains("are needed") } == true)
        #expect(try esp.slots.stagedNames == [])
        #expect(try esp.judge(esp.disk).isClean)
        let fitting = TestImage("2.1", size: Int(free / 2) - 4096)
        try esp.slots.stage(fitting.staged, contents: fitting.source)
        try esp.slots.activate(fitting.staged)
        #expect(try esp.judge(esp.disk).isClean)
    }

    @Test func nothingIsDoneWithoutAGoodEntry() throws {
        let trial = TestImage("1.1")
        let good = TestImage("1.0")
        for name in ["EFI/Linux/vm_1.0+3.efi", "EFI/Linux/vm_0.9.efi", "EFI/Linux/vm_1.0.efi.old"] {
            let esp = try TestESP(names: [(name, good.bytes), ("EFI/Linux/note.efi", [1, 2, 3])])
            #expect(throws: BootSlotsError.noGoodEntry) {
                try esp.slots.stage(trial.staged, contents: trial.source)
            }
            #expect(throws: BootSlotsError.noGoodEntry) { try esp.slots.activate(trial.staged) }
            #expect(throws: BootSlotsError.noGoodEntry) {
                try esp.slots.repair(esp.running, expected: nil, installed: esp.installed)
            }
            #expect(throws: BootSlotsError.noGoodEntry) {
                try esp.slots.removeEntry("note.efi", running: trial.rootHash)
            }
            #expect(esp.disk.events == [])
        }
    }

    @Test func onlyTheRunningTrialIsCommitted() throws {
        let esp = try TestESP()
        try esp.beginTrial()
        #expect(throws: BootSlotsError.notCounted) {
            try esp.slots.bless(RunningBoot(rootHash: esp.trial.rootHash, bootCountPath: nil))
        }
        #expect(
            throws: BootSlotsError.notTheRunningSystem(
                path: "EFI/Linux/vm_1.1+2-1.efi",
                running: esp.good.rootHash
            )
        ) {
            try esp.slots.bless(
                RunningBoot(rootHash: esp.good.rootHash, bootCountPath: "/EFI/Linux/vm_1.1+2-1.efi")
            )
        }
        for path in [
            "", "/EFI/Linux/vm_1.0.efi", "/EFI/Linux/vm_1.2+2-1.efi", "/EFI/bulkhead/vm_1.1+2-1.efi",
            "vm_1.1+2-1.efi",
        ] {
            #expect(throws: BootSlotsError.noSuchEntry(path: path)) {
                try esp.slots.bless(RunningBoot(rootHash: esp.trial.rootHash, bootCountPath: path))
            }
        }
        #expect(esp.disk.events == [])
    }

    @Test func anEntryThatFailedIsNotActivatedAgainByItself() throws {
        let esp = try TestESP()
        try esp.beginTrial()
        try FATWriter(esp.disk).rename("EFI/Linux/vm_1.1+2-1.efi", to: "vm_1.1+0-3.efi")
        #expect(throws: BootSlotsError.hasFailed(path: "EFI/Linux/vm_1.1+0-3.efi")) {
            try esp.slots.activate(esp.trial.staged)
        }
        try esp.slots.deactivate(variant: "vm", version: "1.1")
        try esp.slots.activate(esp.trial.staged)
        #expect(try esp.slots.entryNames == ["vm_1.0.efi", "vm_1.1+3.efi"])
    }

    @Test func aVersionThatWasBuiltAgainTakesThePlaceOfItsEntry() throws {
        let esp = try TestESP()
        try esp.beginTrial()
        let rebuilt = TestImage("1.1", build: " again")
        try esp.slots.stage(rebuilt.staged, contents: rebuilt.source)
        try esp.slots.activate(rebuilt.staged)
        #expect(try esp.slots.entryNames == ["vm_1.0.efi", "vm_1.1+3.efi"])
        #expect(try esp.slots.entries().last?.image?.rootHash == rebuilt.rootHash)
        #expect(try esp.judge(esp.disk).isClean)
    }

    @Test func theLoadersRenamingsStayInOneSector() throws {
        let esp = try TestESP(kibibytes: 300_000, options: ["-F", "32", "-s", "8"])
        // A firmware never uses a freed slot, so many updates leave a long trail.
        for round in 2..<40 {
            let image = TestImage("1.\(round)")
            try esp.slots.stage(image.staged, contents: image.source)
            try esp.slots.activate(image.staged)
            #expect(try FATWriter(esp.disk).unusedSlots(in: BootSlots.entryFolder) >= 9, "\(round)")
            try esp.slots.deactivate(variant: "vm", version: "1.\(round)")
        }
        let result = try esp.judge(esp.disk)
        #expect(result.isClean, "\(result.output)")
        #expect(try esp.bytes("EFI/Linux/vm_1.0.efi") == esp.good.bytes)
    }
}
