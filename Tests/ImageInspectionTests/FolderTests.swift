import Foundation
import Hashing
import ReleaseManifest
import SBOM
import TestSupport
import Testing

@testable import ImageInspection

/// Folders whose files do not fit each other.
@Suite struct FolderTests {
    private let sample: SampleImage

    init() throws { sample = try SampleImage() }

    private func inspect() throws -> InspectionReport { try Inspection.run(path: sample.folder.path) }

    private func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: sample.file(name))
    }

    @Test func digestsAreThoseOfSha256sum() throws {
        let report = try inspect()
        for file in report.files {
            let line = try runTool("sha256sum", sample.file(file.name)).output
            #expect(file.sha256 == line.split(separator: " ").first.map(String.init))
        }
    }

    @Test func aChangedFileIsNamedAndTheOthersAreGood() throws {
        try SampleImage.flip(sample.file("report.html"), at: 1)
        let report = try inspect()
        #expect(report.errors.count == 1)
        #expect(report.errors.first?.hasPrefix("checksum | report.html") == true)
        #expect(report.files.count { $0.status == .matches } == 7)
    }

    @Test(arguments: [
        "disk.raw", "root.erofs", "root.verity", "packages.json", "sbom.spdx.json", "release.json",
    ])
    func aMissingFileIsNamed(_ name: String) throws {
        try remove(name)
        let report = try inspect()
        #expect(
            report.errors.contains { $0.hasPrefix("checksum | \(name) |") && $0.contains("no such file") }
        )
        #expect(report.files.first { $0.name == name }?.status == .missing)
        let verified = report.roots.filter { $0.verification == .intact }.map(\.name)
        switch name {
        case "disk.raw": #expect(verified == ["root.erofs"])
        case "root.erofs", "root.verity": #expect(verified == ["slot A"])
        default: #expect(verified == ["slot A", "root.erofs"])
        }
    }

    @Test func aMissingKernelImageIsNamed() throws {
        try remove(sample.kernelImage)
        let report = try inspect()
        #expect(report.errors.contains { $0.contains(sample.kernelImage) && $0.contains("no such file") })
        #expect(report.errors.contains { $0.contains("no unified kernel image") })
    }

    @Test func withoutChecksumsEverythingElseIsStillCompared() throws {
        try remove("SHA256SUMS")
        let report = try inspect()
        #expect(report.errors.count == 1)
        #expect(report.files.allSatisfy { $0.status == .notChecked })
        try SampleImage.flip(sample.file("root.verity"), at: 5000)
        #expect(try inspect().errors.contains { $0.hasPrefix("release | root.verity") })
    }

    @Test func aFileThatNothingVouchesForIsAWarning() throws {
        try Data("x".utf8).write(to: sample.folder.appending(path: "extra.txt"))
        let report = try inspect()
        #expect(report.worst == .warning)
        #expect(report.texts(.warning).first?.hasPrefix("checksum | extra.txt") == true)
    }

    @Test func aChecksumListThatIsCutIsNamed() throws {
        try SampleImage.truncate(sample.file("SHA256SUMS"), to: 100)
        #expect(try inspect().errors.contains { $0.hasPrefix("checksum | SHA256SUMS") && $0.contains("cut") })
    }

    @Test func releaseThatSaysOtherwiseIsNamed() throws {
        try sample.makeFacts { release in
            release.kernelVersion = "6.13.0"
            release.commandLine += " debug"
            release.disk.partitions[1].label = "another"
            release.disk.partitions[2].size += 4096
            release.sectorSize = 4096
        }
        let errors = try inspect().errors
        for part in [
            "release.json (uki.kernelVersion) says '6.13.0', but it has '6.12.0-test'",
            "release.json (uki.commandLine)", "partition 2 | release.json (label) says 'another'",
            "partition 3 | release.json (size)", "sectors have 512 bytes, but release.json says 4096",
        ] {
            #expect(errors.contains { $0.contains(part) }, "\(part)")
        }
        #expect(errors.count == 5)
    }

    @Test func releaseThatIsNotJSONIsNamedAndTheRestIsRead() throws {
        try Data("{".utf8).write(to: sample.folder.appending(path: "release.json"))
        try sample.makeChecksums()
        let report = try inspect()
        #expect(report.errors.count == 1)
        #expect(report.errors.first?.hasPrefix("release | release.json") == true)
        #expect(report.roots.map(\.rootHashFrom) == ["EFI/Linux/vm-test_1.2.0.efi", sample.kernelImage])
        #expect(report.roots.map(\.verification) == [.intact, .intact])
    }

    @Test func aChangedLockIsAWarning() throws {
        try sample.makeFacts { release in
            release.lock.changed = true
            release.lock.differences = [.init(package: "base", locked: "1", used: "2")]
        }
        let report = try inspect()
        #expect(report.worst == .warning)
        #expect(report.release?.lockChanged == true)
    }

    @Test func anInventoryThatIsNotTheRootIsNamed() throws {
        let url = sample.folder.appending(path: "packages.json")
        let text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
        try Data(
            text.replacingOccurrences(of: "/etc/motd", with: "/etc/nomotd")
                .replacingOccurrences(of: "1.7.24", with: "1.7.25").utf8
        ).write(to: url)
        try sample.makeFacts()
        let errors = try inspect().errors
        #expect(errors.contains { $0.contains("/etc/motd is in the root and not in packages.json") })
        #expect(errors.contains { $0.contains("/etc/nomotd is in packages.json and not in the root") })
        #expect(errors.contains { $0.contains("list of packages") && $0.contains("containerd") })
    }

    @Test func aDiskOfAnotherBuildIsNamed() throws {
        let other = try SampleImage(.init(version: "1.3.0", entries: ["vm-test_1.3.0.efi"]))
        try remove("disk.raw")
        try FileManager.default.copyItem(atPath: other.disk, toPath: sample.disk)
        try sample.makeFacts()
        let errors = try inspect().errors
        #expect(errors.contains { $0.contains("no boot entry for 'vm-test_1.2.0.efi'") })
        #expect(errors.isEmpty == false)
    }
}
