import Foundation
import GPT
import TestSupport
import Testing

@testable import ImageInspection

extension InspectionReport {
    /// Findings of a severity as text.
    func texts(_ severity: Finding.Severity) -> [String] {
        findings.filter { $0.severity == severity }.map { "\($0.area) | \($0.place) | \($0.message)" }
    }

    var errors: [String] { texts(.error) }
}

/// Whole images, and what independent tools say of them.
@Suite struct InspectionTests {
    @Test func aGoodFolderHasNoFindings() throws {
        let sample = try SampleImage()
        let report = try Inspection.run(path: sample.folder.path)
        #expect(report.findings == [])
        #expect(report.kind == .folder)
        #expect(report.release?.version == "1.2.0")
        #expect(report.files.map(\.status).allSatisfy { $0 == .matches })
        #expect(report.files.count == 8)
        #expect(report.roots.map(\.verification) == [.intact, .intact])
        #expect(report.roots.map(\.rootHash) == [sample.rootHash, sample.rootHash])
        #expect(report.packages.map(\.name) == ["base", "containerd"])
        #expect(report.packages.map(\.bytes) == [0, 210_000])
        #expect(report.kernelImages.map(\.rootHash) == [sample.rootHash])
    }

    @Test(arguments: SectorSize.allCases)
    func aDiskIsReadWithEitherSectorSize(_ sectorSize: SectorSize) throws {
        let sample = try SampleImage(.init(sectorSize: sectorSize))
        let report = try Inspection.run(path: sample.disk)
        #expect(report.findings == [])
        #expect(report.disk?.sectorSize == sectorSize.rawValue)
        #expect(report.disk?.tableCopy == "primary")
        let root = try #require(report.roots.first)
        #expect(root.name == "slot A")
        #expect(root.verification == .intact)
        #expect(root.rootHash == sample.rootHash)
        #expect(root.rootHashFrom == "EFI/Linux/vm-test_1.2.0.efi")
        #expect(root.osRelease["IMAGE_VERSION"] == "1.2.0")
        #expect(root.superblock?.salt == "cafe01")
        #expect(root.superblock?.uuid == "07070707-0707-0707-0707-070707070707")
        let boot = try #require(report.boot)
        #expect(boot.loaders.map(\.name) == ["systemd-boot 257.9-1", "systemd-boot 257.9-1"])
        #expect(boot.loaderConfiguration == ["timeout 0", "editor no"])
        let entry = try #require(boot.entries.first)
        #expect(entry.state == .good)
        #expect(entry.commandLine == "roothash=\(sample.rootHash) quiet console=ttyS0")
        #expect(entry.kernelRelease == "6.12.0-test")
        #expect(entry.machine == "amd64")
        #expect([entry.rootPartition, entry.treePartition] == [2, 3])
        // The list inside the root has no files, so that sizes are not known.
        #expect(report.packages.map(\.version) == ["1:2.0-3", "1.7.24"])
        #expect(report.packages.map(\.bytes) == [nil, nil])
    }

    @Test func partitionsAreThoseOfSgdisk() throws {
        let sample = try SampleImage()
        let disk = try #require(try Inspection.run(path: sample.disk, options: .init(isQuick: true)).disk)
        #expect(disk.partitions.map(\.type) == ["esp", "root-x86-64", "root-x86-64-verity"])
        let listing = try runTool("sgdisk", "-p", sample.disk).output
        #expect(listing.lowercased().contains("disk identifier (guid): \(disk.guid)"))
        for partition in disk.partitions {
            let facts = try runTool("sgdisk", "-i", "\(partition.number)", sample.disk).output.lowercased()
            #expect(facts.contains("partition unique guid: \(partition.uuid)"))
            #expect(facts.contains("first sector: \(partition.offset / 512) "))
            #expect(facts.contains("partition size: \(partition.size / 512) sectors"))
            #expect(facts.contains("partition name: '\(partition.label)'"))
        }
    }

    @Test func theEntryIsThatOfMtoolsAndTheTreeThatOfVeritysetup() throws {
        let sample = try SampleImage()
        let report = try Inspection.run(path: sample.disk)
        let offset = sample.partitions[0].offset
        let listing = try runTool("mdir", "-b", "-/", "-i", "\(sample.disk)@@\(offset)", "::/EFI").output
        for path in (report.boot?.entries.map(\.path) ?? []) + (report.boot?.loaders.map(\.path) ?? []) {
            #expect(listing.contains("::/\(path)"))
        }
        let hash = try #require(report.roots.first?.rootHash)
        let verified = try runTool(
            "veritysetup",
            "verify",
            sample.file("root.erofs"),
            sample.file("root.verity"),
            hash
        )
        #expect(verified.status == 0, "\(verified.output)")
    }

    @Test func countersAreStatesAndTheOrderIsThatOfTheMenu() throws {
        let names = ["vm-test_1.2.0+0-3.efi", "vm-test_1.1.0.efi", "vm-test_1.3.0+2-1.efi", "notes.txt"]
        let sample = try SampleImage(.init(entries: names))
        let report = try Inspection.run(path: sample.disk)
        let entries = try #require(report.boot?.entries)
        #expect(
            entries.map(\.path) == [
                "EFI/Linux/vm-test_1.3.0+2-1.efi", "EFI/Linux/vm-test_1.1.0.efi",
                "EFI/Linux/vm-test_1.2.0+0-3.efi",
            ]
        )
        #expect(entries.map(\.state) == [.onTrial, .good, .failed])
        #expect(entries.map(\.triesLeft) == [2, nil, 0])
        #expect(entries.map(\.triesDone) == [1, nil, 3])
        #expect(report.worst == .warning)
        #expect(report.texts(.warning).contains { $0.contains("notes.txt") && $0.contains("does not list") })
        #expect(
            report.texts(.warning).contains { $0.contains("+0-3.efi") && $0.contains("failed its trial") }
        )
    }

    @Test func aDiskWithOnlyATrialHasNothingToGoBackTo() throws {
        let trial = try SampleImage(.init(entries: ["vm-test_1.2.0+3.efi"]))
        let report = try Inspection.run(path: trial.disk)
        #expect(report.texts(.warning).contains { $0.contains("none to go back to") })
        let empty = try SampleImage(.init(entries: []))
        let none = try Inspection.run(path: empty.disk)
        #expect(none.errors.contains { $0.contains("nothing to boot") })
        // The PARTUUIDs still say what the root must be.
        #expect(none.roots.map(\.verification) == [.intact])
        #expect(none.roots.map(\.rootHashFrom) == ["PARTUUIDs"])
    }

    @Test func aDefaultLineIsAnError() throws {
        let sample = try SampleImage(.init(loaderConfiguration: "timeout 3\ndefault   vm-test*\n"))
        let report = try Inspection.run(path: sample.disk)
        #expect(report.errors.count == 1)
        #expect(report.errors.first?.contains("'default vm-test*'") == true)
    }

    @Test func quickReadsNoContents() throws {
        let sample = try SampleImage()
        let report = try Inspection.run(path: sample.folder.path, options: .init(isQuick: true))
        #expect(report.findings == [])
        #expect(report.isQuick)
        #expect(report.files.allSatisfy { $0.status == .notChecked && $0.sha256 == nil })
        #expect(report.roots.map(\.verification) == [.notChecked, .notChecked])
    }

    @Test func partsOfAnImageAreReadAlone() throws {
        let sample = try SampleImage()
        let image = try Inspection.run(path: sample.file(sample.kernelImage))
        #expect(image.kind == .kernelImage)
        #expect(image.kernelImages.first?.rootHash == sample.rootHash)
        let root = try Inspection.run(path: sample.file("root.erofs"))
        #expect(root.kind == .rootFileSystem)
        #expect(root.roots.first?.osRelease["IMAGE_ID"] == "vm-test")
        #expect(root.packages.count == 2)
        #expect(root.worst == .note)
    }

    @Test func otherFormatsAreNamed() throws {
        let directory = try TemporaryDirectory()
        let qcow = directory.file("disk.qcow2")
        try #require(try runTool("qemu-img", "create", "-f", "qcow2", qcow, "1M").status == 0)
        #expect(throws: InspectionError.self) { try Inspection.run(path: qcow) }
        do {
            _ = try Inspection.run(path: qcow)
        } catch {
            #expect(error.description.contains("qcow2"))
            #expect(error.description.contains("qemu-img convert -O raw \(qcow)"))
        }
        let text = directory.file("text")
        try Data("hello".utf8).write(to: URL(filePath: text))
        #expect(throws: InspectionError.unknownFormat(path: text, size: 5)) { try Inspection.run(path: text) }
        #expect(throws: InspectionError.notABuildFolder(path: directory.path)) {
            try Inspection.run(path: directory.path)
        }
        let missing = directory.file("none")
        #expect(throws: InspectionError.unreadable(path: missing, reason: "there is no such file or folder"))
        {
            try Inspection.run(path: missing)
        }
    }

    @Test func theReportSurvivesJSON() throws {
        let sample = try SampleImage()
        let report = try Inspection.run(path: sample.folder.path)
        let data = try JSONEncoder().encode(report)
        #expect(try JSONDecoder().decode(InspectionReport.self, from: data) == report)
    }

    @Test func theTextHasTheFacts() throws {
        let sample = try SampleImage()
        let text = try Inspection.run(path: sample.folder.path).text().joined(separator: "\n")
        for part in [
            "vm-test 1.2.0 for amd64", "root-x86-64-verity", "systemd-boot 257.9-1", "good (no counter)",
            "partitions 2 and 3", "yes, every block", "Packages: 2, from packages.json", "salt cafe01",
            "Nothing wrong found",
        ] {
            #expect(text.contains(part), "\(part)")
        }
    }
}
