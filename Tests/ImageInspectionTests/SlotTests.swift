import GPT
import Testing

@testable import ImageInspection

/// Disks with both slots, as they are after the first boot and after an update.
@Suite struct SlotTests {
    private let newer: SampleImage

    init() throws {
        newer = try SampleImage(.init(version: "1.3.0", packages: [("base", "2"), ("containerd", "1.7.25")]))
    }

    @Test func anEmptySlotIsNoFault() throws {
        let sample = try SampleImage(.init(slotB: .empty))
        let report = try Inspection.run(path: sample.disk)
        #expect(report.findings == [])
        #expect(report.roots.map(\.name) == ["slot A", "slot B"])
        #expect(report.roots.map(\.verification) == [.intact, .empty])
        #expect(report.text().contains("  empty"))
    }

    @Test func bothSlotsAreCheckedAgainstTheirOwnEntries() throws {
        let sample = try SampleImage(.init(slotB: .image(newer, entry: "vm-test_1.3.0+3.efi")))
        let report = try Inspection.run(path: sample.disk)
        #expect(report.findings == [])
        #expect(report.roots.map(\.rootHash) == [sample.rootHash, newer.rootHash])
        #expect(report.roots.map(\.verification) == [.intact, .intact])
        #expect(report.boot?.entries.map(\.rootPartition) == [4, 2])
        #expect(report.boot?.entries.map(\.state) == [.onTrial, .good])
        // The packages are those of the version that is started first.
        #expect(report.packages.map(\.version) == ["2", "1.7.25"])
        #expect(report.packagesFrom?.contains("partition 4") == true)
    }

    @Test func damageInOneSlotIsNotTheOthers() throws {
        let sample = try SampleImage(.init(slotB: .image(newer, entry: "vm-test_1.3.0+3.efi")))
        let pattern = Array(SampleImage.noise(60_000, seed: 2)[30_000..<30_032])
        let offset = try #require(try SampleImage.find(pattern, in: newer.file("root.erofs")))
        try SampleImage.flip(sample.disk, at: sample.partitions[3].offset + offset)
        let report = try Inspection.run(path: sample.disk)
        #expect(report.roots.map(\.verification) == [.intact, .damaged])
        #expect(report.errors.count == 1)
        #expect(report.errors.first?.contains("partition 4") == true)
        #expect(report.errors.first?.contains("/usr/bin/runc") == true)
    }

    @Test func aStagedSlotWithoutEntryIsCheckedByItsPARTUUIDs() throws {
        let sample = try SampleImage(.init(slotB: .image(newer, entry: nil)))
        let report = try Inspection.run(path: sample.disk)
        #expect(report.worst == .warning)
        #expect(report.roots.map(\.rootHashFrom) == ["EFI/Linux/vm-test_1.2.0.efi", "PARTUUIDs"])
        #expect(report.roots.map(\.verification) == [.intact, .intact])
    }

    @Test func anEntryWithoutItsSlotIsNamed() throws {
        let sample = try SampleImage(.init(slotB: .empty))
        let lost = try SampleImage(
            .init(entries: ["vm-test_1.2.0.efi"], slotB: .image(newer, entry: "vm-test_1.3.0.efi"))
        )
        // The EFI system partition of one disk on the other.
        let bytes = try ImagePart(
            name: "esp",
            path: lost.disk,
            offset: lost.partitions[0].offset,
            size: lost.partitions[0].size
        ).bytes().readAll(limit: 1 << 30)
        try SampleImage.write(try #require(bytes), to: sample.disk, at: sample.partitions[0].offset)
        let report = try Inspection.run(path: sample.disk)
        #expect(report.errors.count == 1)
        #expect(report.errors.first?.contains("vm-test_1.3.0.efi") == true)
        #expect(report.errors.first?.contains("(root) or ") == true)
    }

    @Test func aDiffTakesTheSlotThatIsStarted() throws {
        let before = try SampleImage(.init(slotB: .empty))
        let after = try SampleImage(.init(slotB: .image(newer, entry: "vm-test_1.3.0+3.efi")))
        let report = try Difference.run(old: before.disk, new: after.disk)
        #expect(report.new.rootHash == newer.rootHash)
        #expect(report.new.version == "vm-test 1.3.0")
        #expect(report.packages?.map(\.name) == ["base", "containerd"])
    }
}
