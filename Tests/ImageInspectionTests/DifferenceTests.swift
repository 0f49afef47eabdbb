import Bytes

import Foundation
import GPT
import Testing

@testable import ImageInspection

@Suite struct DifferenceTests {
    /// A newer version with a change of every kind.
    private static func newer() throws -> SampleImage {
        try SampleImage(
            .init(
                version: "1.3.0",
                files: [
                    "etc/motd": "goodbye\n", "usr/bin/new": "program", "usr/lib/moved": "same size A",
                    "usr/lib/node/inside": "x",
                ],
                without: ["usr/bin/runc"],
                packages: [("base", "1:2.0-3"), ("containerd", "1.7.25"), ("extra", "1")],
                entries: ["vm-test_1.3.0.efi"],
                commandLine: "console=ttyS0 panic=10",
                kernel: SampleImage.noise(50_000, seed: 8)
            ) { tree in
                let manager = FileManager.default
                let text = tree.appending(path: "usr/lib/text").path
                try manager.setAttributes([.posixPermissions: 0o600], ofItemAtPath: text)
                let link = tree.appending(path: "etc/os-release").path
                try manager.removeItem(atPath: link)
                try manager.createSymbolicLink(atPath: link, withDestinationPath: "/usr/lib/os-release")
            }
        )
    }

    private static func older() throws -> SampleImage {
        try SampleImage(.init(files: ["usr/lib/moved": "same size B", "usr/lib/node": "a file"]))
    }

    private static func check(_ report: DiffReport) throws {
        let files = try #require(report.files)
        let changes = Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0) })
        #expect(
            Set(changes.keys) == [
                "/etc/motd", "/usr/bin/new", "/usr/bin/runc", "/usr/lib/moved", "/usr/lib/node",
                "/usr/lib/node/inside", "/usr/lib/text", "/etc/os-release", "/usr/lib/os-release",
                "/usr/share/bulkhead/packages.json",
            ]
        )
        #expect(changes["/etc/motd"]?.aspects == [.content])
        #expect(changes["/usr/lib/moved"]?.aspects == [.content])
        #expect(changes["/usr/bin/new"]?.change == .added)
        #expect(changes["/usr/bin/runc"]?.change == .removed)
        #expect(changes["/usr/lib/node"]?.aspects.contains(.type) == true)
        #expect(changes["/usr/lib/text"]?.aspects == [.mode])
        #expect(changes["/etc/os-release"]?.aspects == [.target])
        #expect(report.commandLineRemoved == ["quiet"])
        #expect(report.commandLineAdded == ["panic=10"])
        #expect(
            report.packages == [
                .init(name: "containerd", change: .changed, oldVersion: "1.7.24", newVersion: "1.7.25"),
                .init(name: "extra", change: .added, oldVersion: nil, newVersion: "1"),
            ]
        )
        #expect(report.old.version?.hasSuffix("1.2.0") == true)
        #expect(report.new.version?.hasSuffix("1.3.0") == true)
    }

    @Test func foldersDisksAndMixesGiveTheSame() throws {
        let (old, new) = (try Self.older(), try Self.newer())
        let folders = try Difference.run(old: old.folder.path, new: new.folder.path)
        let disks = try Difference.run(old: old.disk, new: new.disk)
        let mixed = try Difference.run(old: old.folder.path, new: new.disk)
        for report in [folders, disks, mixed] { try Self.check(report) }
        #expect(folders.update == disks.update)
        #expect(folders.update == mixed.update)
        #expect(folders.old.filesFrom == "packages.json")
        #expect(disks.old.filesFrom == "disk.raw, partition 2")
        #expect(disks.packageSizes == nil)
        // containerd lost runc, 60000 bytes, and won the 7 bytes of new.
        let sizes = try #require(folders.packageSizes)
        #expect(sizes.first == .init(name: "containerd", old: 210_000, new: 150_007))
        #expect(sizes.contains { $0.name == Difference.noPackage })
    }

    /// Blocks of 4096 bytes of a file.
    private func blocks(_ path: String) throws -> [[UInt8]] {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        return stride(from: 0, to: bytes.count, by: 4096).map {
            Array(bytes[$0..<min($0 + 4096, bytes.count)])
        }
    }

    @Test func theUpdateIsWhatComparingBytesSays() throws {
        let (old, new) = (try Self.older(), try Self.newer())
        let plan = try #require(try Difference.run(old: old.folder.path, new: new.folder.path).update)
        let (before, after) = try (blocks(old.file("root.erofs")), blocks(new.file("root.erofs")))
        let known = Set(before)
        let fetched = Set(after).subtracting(known)
        #expect(plan.oldBlocks == UInt64(before.count))
        #expect(plan.newBlocks == UInt64(after.count))
        #expect(plan.fetchedBlocks == UInt64(fetched.count))
        #expect(plan.fetchedBlocks > 0 && plan.fetchedBlocks < plan.newBlocks)
        let inPlace = after.indices.count { $0 >= before.count || after[$0] != before[$0] }
        #expect(plan.changedBlocks == UInt64(inPlace))
        let (oldTree, newTree) = try (blocks(old.file("root.verity")), blocks(new.file("root.verity")))
        #expect(plan.newTreeBlocks == UInt64(newTree.count))
        let tree = newTree.indices.count { $0 >= oldTree.count || newTree[$0] != oldTree[$0] }
        #expect(plan.changedTreeBlocks == UInt64(tree))
        let kernel = try ByteSource(file: new.file(new.kernelImage)).size
        // All but the initrd, which is the same.
        #expect(plan.kernelImageBytes == kernel - 5000)
        #expect(plan.downloadBytes == UInt64(fetched.count) * 4096 + UInt64(after.count) * 8 + kernel - 5000)
        #expect(plan.fullBytes == UInt64(after.count) * 4096 + kernel)
    }

    @Test func anImageDoesNotDifferFromItself() throws {
        let sample = try SampleImage()
        let report = try Difference.run(old: sample.folder.path, new: sample.disk)
        #expect(report.packages == [])
        #expect(report.files == [])
        #expect(report.update?.fetchedBlocks == 0)
        #expect(report.update?.changedBlocks == 0)
        #expect(report.update?.changedTreeBlocks == 0)
        #expect(report.update?.kernelImageBytes == 0)
        #expect(report.commandLineAdded + report.commandLineRemoved == [])
    }

    @Test func aBlockThatComesTwiceIsFetchedOnce() throws {
        let noise = String(decoding: SampleImage.noise(8000, seed: 5).map { 0x21 + $0 % 0x5e }, as: UTF8.self)
        let old = try SampleImage(.init(mkfsOptions: []))
        let one = try SampleImage(.init(files: ["usr/a": String(noise.prefix(4096))], mkfsOptions: []))
        let two = try SampleImage(
            .init(
                files: ["usr/a": String(noise.prefix(4096)), "usr/b": String(noise.prefix(4096))],
                mkfsOptions: []
            )
        )
        let first = try #require(try Difference.run(old: old.disk, new: one.disk).update)
        let second = try #require(try Difference.run(old: old.disk, new: two.disk).update)
        #expect(second.newBlocks == first.newBlocks + 1)
        #expect(second.fetchedBlocks == first.fetchedBlocks)
    }

    @Test func theTextHasTheFigures() throws {
        let (old, new) = (try Self.older(), try Self.newer())
        let report = try Difference.run(old: old.folder.path, new: new.folder.path)
        let options = DiffTextOptions(limit: 2) { $0 < $1 }
        let text = report.text(options).joined(separator: "\n")
        for part in [
            "Packages: 1 added, 0 removed, 1 changed", "↑  containerd  1.7.24  ->  1.7.25",
            "Files: 2 added, 1 removed, 7 changed", "... and 8 more (--limit 0 lists all)",
            "command line  - quiet", "command line  + panic=10", "not downloaded",
        ] {
            #expect(text.contains(part), "\(part)")
        }
        let all = report.text(DiffTextOptions(limit: nil) { $1 < $0 }).joined(separator: "\n")
        #expect(all.contains("mode 0644 -> 0600"))
        #expect(all.contains("target ../usr/lib/os-release -> /usr/lib/os-release"))
        #expect(all.contains("type file -> directory"))
        #expect(all.contains("(OLDER)"))
        #expect(!all.contains("... and"))
    }

    @Test func damagedImagesAreStillCompared() throws {
        let (old, new) = (try Self.older(), try Self.newer())
        try SampleImage.flip(old.disk, at: 512 + 60)
        let report = try Difference.run(old: old.disk, new: new.disk)
        try Self.check(report)
        #expect(report.old.findings.contains { $0.message.contains("primary copy") })
        try SampleImage.flip(old.disk, at: old.partitions[1].offset + 1024)
        let without = try Difference.run(old: old.disk, new: new.disk)
        #expect(without.files == nil)
        #expect(without.update != nil)
    }

    @Test func aPartOfAnImageCannotBeCompared() throws {
        let sample = try SampleImage()
        #expect(throws: InspectionError.self) {
            try Difference.run(old: sample.file("root.erofs"), new: sample.disk)
        }
    }
}
