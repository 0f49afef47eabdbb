import Foundation
import Hashing
import ReleaseManifest
import TestSupport
import Testing

/// What programs written by others say of a built image; nothing is booted.
@Suite("Built image", .ownThreads, .enabled(if: BuiltImage.isExpected, BuiltImage.skipComment))
struct BuiltImageTests {
    let image: BuiltImage

    init() throws { image = try BuiltImage() }

    @Test func checksumsHold() throws {
        // sha256sum takes the names as they are: beside the list.
        let (status, output) = try runTool(
            "env",
            "--chdir=\(image.folder)",
            "sha256sum",
            "--check",
            "--strict",
            "SHA256SUMS"
        )
        #expect(status == 0, "\(output)")
        let listed = Set(
            output.split(separator: "\n").compactMap { $0.split(separator: ":").first.map(String.init) }
        )
        let present = try FileManager.default.contentsOfDirectory(atPath: image.folder)
        #expect(listed == Set(present.filter { $0 != "SHA256SUMS" && !$0.hasPrefix(".") }))
    }

    @Test func partitionTableIsGood() throws {
        let (status, output) = try runTool("sgdisk", "-v", image.disk)
        #expect(status == 0 && output.contains("No problems found"), "\(output)")
        let disk = try RawDisk(path: image.disk, sectorSize: image.release.sectorSize)
        let expected = image.release.disk.partitions
        #expect(disk.partitions.map(\.name) == expected.map(\.label))
        #expect(disk.partitions.map { $0.uuid.lowercased() } == expected.map(\.uuid))
        #expect(disk.partitions.map { $0.type.lowercased() } == expected.map(\.type))
        #expect(disk.partitions.map { $0.size * disk.sectorSize } == expected.map(\.size))
        #expect(disk.partitions.allSatisfy { disk.offset($0) % (1 << 20) == 0 })
        // The slot's partitions are found by the two halves of the root hash.
        let halves = image.release.root.hash.hex
        let uuids = expected[1...2].map { $0.uuid.filter { $0 != "-" } }
        #expect(uuids.joined() == halves)
    }

    @Test func otherDiskFormatsHoldTheSameDisk() throws {
        for format in ["qcow2", "vmdk"] {
            guard let file = image.release.images[format]?.file else { continue }
            let (status, output) = try runTool("qemu-img", "compare", image.path(file), image.disk)
            #expect(status == 0, "\(format): \(output)")
            if format == "qcow2" {
                let check = try runTool("qemu-img", "check", image.path(file))
                #expect(check.status == 0, "\(check.output)")
            }
        }
    }

    @Test func fileSystemIsGood() throws {
        // With the content of every file, not only the metadata.
        let (status, output) = try runTool("fsck.erofs", "--extract", image.root)
        #expect(status == 0, "\(output)")
    }

    @Test func verityHoldsAndNoticesOneBit() throws {
        let hash = image.release.root.hash.hex
        let good = try runTool("veritysetup", "verify", image.root, image.tree, hash)
        #expect(good.status == 0, "\(good.output)")
        let directory = try TemporaryDirectory()
        for (name, source) in [("root", image.root), ("tree", image.tree)] {
            let changed = directory.file(name)
            try copySparse(source, to: changed)
            let size = try #require(
                try FileManager.default.attributesOfItem(atPath: changed)[.size] as? NSNumber
            ).uint64Value
            try flipBit(of: changed, at: size / 2 + 123)
            let (data, tree) = name == "root" ? (changed, image.tree) : (image.root, changed)
            let bad = try runTool("veritysetup", "verify", data, tree, hash)
            #expect(bad.status != 0, "veritysetup took a changed \(name)")
        }
    }

    @Test func partitionsHoldTheFiles() throws {
        let disk = try RawDisk(path: image.disk, sectorSize: image.release.sectorSize)
        let directory = try TemporaryDirectory()
        for (partition, file) in zip(disk.partitions.dropFirst(), [image.root, image.tree]) {
            let path = directory.file("partition")
            try disk.extract(partition, to: path)
            let size = try #require(
                try FileManager.default.attributesOfItem(atPath: file)[.size] as? NSNumber
            ).uint64Value
            let (status, output) = try runTool("cmp", "--bytes=\(size)", path, file)
            #expect(status == 0, "\(output)")
        }
    }

    @Test func espHoldsLoaderAndEntry() throws {
        let disk = try RawDisk(path: image.disk, sectorSize: image.release.sectorSize)
        #expect(try disk.espNames("EFI/Linux") == [image.release.uki.file])
        let loaders = try disk.espNames("EFI/BOOT")
        #expect(loaders == [image.release.architecture == "amd64" ? "BOOTX64.EFI" : "BOOTAA64.EFI"])
        let (status, configuration) = try runTool(
            "mtype",
            "-i",
            try disk.mtoolsImage(),
            "::loader/loader.conf"
        )
        #expect(status == 0)
        // systemd-boot would boot a default even with no tries left (DESIGN.md, section 4).
        #expect(!configuration.split(separator: "\n").contains { $0.hasPrefix("default") })
        // Or it would offer the guard in front of it as another entry.
        #expect(configuration.split(separator: "\n").contains("auto-entries no"))

        let directory = try TemporaryDirectory()
        let esp = directory.file("esp")
        try disk.extract(try disk.partition("esp"), to: esp)
        let check = try runTool("fsck.vfat", "-n", esp)
        #expect(check.status == 0, "\(check.output)")
        let uki = directory.file("uki")
        #expect(
            try runTool("mcopy", "-i", esp, "::EFI/Linux/\(image.release.uki.file)", uki).status == 0
        )
        #expect(try runTool("cmp", uki, image.path(image.release.uki.file)).status == 0)
    }

    /// systemd's own reading of the disk, as far as the machine lets it: it needs root, loop devices and a kernel
    /// that mounts the root file system.
    @Test(
        .enabled(
            if: geteuid() == 0 && FileManager.default.fileExists(atPath: "/dev/loop-control"),
            "SKIPPED: systemd-dissect needs root and loop devices"
        )
    )
    func systemdFindsEverything() throws {
        let (status, output) = try runTool("systemd-dissect", "--json=short", image.disk)
        try #require(status == 0, "\(output)")
        let facts = try JSONDecoder().decode(Dissection.self, from: Data(output.drop { $0 != "{" }.utf8))
        #expect(facts.useBootableUefi)
        #expect(facts.osRelease?.contains("VARIANT_ID=\(image.release.variant)") == true)
        #expect(facts.osRelease?.contains("IMAGE_VERSION=\(image.release.version)") == true)
        let expected = ["esp": "vfat", "root": "erofs", "root-verity": "DM_verity_hash"]
        #expect(
            Dictionary(
                facts.mounts.map { ($0.designator, $0.fstype) },
                uniquingKeysWith: { first, _ in first }
            )
                == expected
        )
    }

    private struct Dissection: Decodable {
        struct Mount: Decodable {
            let designator: String
            let fstype: String
        }
        let useBootableUefi: Bool
        let osRelease: [String]?
        let mounts: [Mount]
    }

    @Test(
        .enabled(
            if: spdxValidator != nil || BuiltImage.isCI,
            "SKIPPED: pyspdxtools is neither in $BULKHEAD_VENV/bin nor in PATH; make test installs it"
        )
    )
    func sbomIsValid() throws {
        let validator = try #require(spdxValidator, "CI must have pyspdxtools")
        let (status, output) = try runTool(validator, "-i", image.path("sbom.spdx.json"))
        #expect(status == 0, "\(output.suffix(2000))")
        // What is linked into our own program is named, such as the package with BoringSSL; what only the build tool uses
        // is not.
        let text = try String(contentsOfFile: image.path("sbom.spdx.json"), encoding: .utf8)
        #expect(text.contains("/swift-nio-ssl@") && text.contains("STATIC_LINK"))
        #expect(!text.contains("/TOMLKit@"))
    }
}

/// The SPDX validator of spdx-tools: in the virtual environment of the Makefile, or in PATH.
private let spdxValidator: String? = {
    let environment = ProcessInfo.processInfo.environment
    var folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
    if let venv = environment["BULKHEAD_VENV"] { folders.insert("\(venv)/bin", at: 0) }
    return folders.map { "\($0)/pyspdxtools" }.first { FileManager.default.isExecutableFile(atPath: $0) }
}()
