import Foundation
import ReleaseManifest
import TestSupport
import Testing
import VirtualMachine

extension BootTests {
    /// Boot counting (UAPI.1, systemd-boot(7)) and dm-verity, each on a disk that was changed for it.
    @Suite(.serialized, .ownThreads, .enabled(if: BuiltImage.isExpected, BuiltImage.skipComment))
    struct ChangedDiskTests {
        /// An entry on trial is counted down by the loader at every boot and loses its counter after a healthy one.
        @Test func entryOnTrialIsCountedAndThenGood() async throws {
            let image = try BuiltImage()
            let directory = try TemporaryDirectory()
            let path = directory.file("trial.raw")
            try copySparse(image.disk, to: path)
            let disk = try RawDisk(path: path, sectorSize: image.release.sectorSize)
            let name = image.entryName
            let (status, output) = try runTool(
                "mren",
                "-i",
                try disk.mtoolsImage(),
                "::EFI/Linux/\(name).efi",
                "\(name)+3.efi"
            )
            try #require(status == 0, "mren: \(output)")
            #expect(try disk.espNames("EFI/Linux") == ["\(name)+3.efi"])

            let guest = try Guest(disk: path, of: image)
            // A version that does not work: it restarts by itself, with one try less.
            try await guest.boot(
                dropins: ["containerd.service": "[Service]\nExecStart=\nExecStart=/nonexistent\nRestart=no\n"]
            ) { machine in
                let status = try await machine.waitForExit(within: Guest.limit)
                #expect("\(status)" == "exited(0)")
            }
            let console = try guest.consoleText()
            #expect(console.contains("failed: containerd.service"))
            #expect(console.contains("this boot is on trial and has not completed"))
            #expect(console.contains("reboot: Restarting system"))
            let failure = "version \(image.release.version) failed its trial at "
            #expect(console.contains(failure))
            #expect(try guest.flattenedDisk().espNames("EFI/Linux") == ["\(name)+2-1.efi"])

            let boot = try await guest.bootAndPowerOff()
            let failed = try boot.report.lines("failed")
            #expect(failed == [])
            let bootComplete = try boot.report.unit("boot-complete.target")
            #expect(bootComplete.activeState == "active")
            let commit = try boot.report.unit("bulkhead-commit-boot.service")
            #expect(commit.result == "success")
            let journal = try boot.report.text("journal")
            #expect(journal.contains("the running release has proved itself: its boot entry is committed"))
            // The boot after it tells why.
            #expect(journal.contains(failure))
            #expect(journal.contains("unit containerd.service: failed with the result 'exit-code'"))
            // Before the commit the whole slot was read through verity.
            let bytes = image.release.root.size
            #expect(journal.contains(" \(bytes) bytes of /dev/block/"))
            #expect(try boot.disk.espNames("EFI/Linux") == ["\(name).efi"])
        }

        /// What happens to the UKI of an entry on trial (docs/decisions/0009).
        enum Damage: String, CaseIterable {
            /// The loader can't load it.
            case cutOff
            /// The loader starts it, and it can't start the kernel.
            case kernelWithoutHeader

            /// What the loader tries first is the newest.
            var version: String { self == .cutOff ? "999.0.0" : "998.0.0" }
        }

        /// Entries that can't be started cost their tries and end on the good one, without a hand on the machine.
        @Test func entriesThatCannotBeStartedEndOnTheGoodOne() async throws {
            let image = try BuiltImage()
            let directory = try TemporaryDirectory()
            let path = directory.file("broken.raw")
            try copySparse(image.disk, to: path)
            let disk = try RawDisk(path: path, sectorSize: image.release.sectorSize)
            func name(_ damage: Damage, _ counter: String) -> String {
                "\(image.release.variant)_\(damage.version)\(counter).efi"
            }
            for damage in Damage.allCases {
                let file = directory.file("broken.efi")
                try damaged(image, damage).write(to: URL(filePath: file))
                let target = "::EFI/Linux/\(name(damage, "+2"))"
                let (status, output) = try runTool("mcopy", "-i", try disk.mtoolsImage(), file, target)
                try #require(status == 0, "mcopy: \(output)")
            }

            let guest = try Guest(disk: path, of: image)
            for counters in [["+1-1", "+2"], ["+0-2", "+2"], ["+0-2", "+1-1"], ["+0-2", "+0-2"]] {
                try await guest.boot { machine in
                    // Each reset ends this machine.
                    let status = try await machine.waitForExit(within: Guest.limit)
                    #expect("\(status)" == "exited(0)")
                }
                let broken = zip(Damage.allCases, counters).map { name($0, $1) }
                #expect(
                    Set(try guest.flattenedDisk().espNames("EFI/Linux"))
                        == Set(broken + ["\(image.entryName).efi"])
                )
            }
            let console = try guest.consoleText()
            let restarts = console.ranges(of: "The boot entry on trial could not be started. Restarting.")
                .count
            #expect(restarts == 4)
            #expect(!console.contains("Linux version"))

            let boot = try await guest.bootAndPowerOff()
            #expect(try boot.report.lines("failed") == [])
        }

        /// The image's UKI with a damage.
        private func damaged(_ image: BuiltImage, _ damage: Damage) throws -> Data {
            var uki = try Data(contentsOf: URL(filePath: image.path(image.release.uki.file)))
            switch damage {
            case .cutOff: uki.removeLast(uki.count / 2)
            case .kernelWithoutHeader:
                let (_, sections) = try runTool("objdump", "-h", image.path(image.release.uki.file))
                // Number, name, size, two addresses, place in the file.
                let fields = sections.split(separator: "\n").map { $0.split(separator: " ") }
                    .first { $0.count > 5 && $0[1] == ".linux" }
                let start = try #require(fields.flatMap { Int($0[5], radix: 16) })
                uki.replaceSubrange(start..<start + 4096, with: Data(count: 4096))
            }
            return uki
        }

        /// A root that is not what the root hash says is not used: the read fails, and the boot with it.
        @Test func changedRootIsRefused() async throws {
            let image = try BuiltImage()
            let directory = try TemporaryDirectory()
            let path = directory.file("changed.raw")
            try copySparse(image.disk, to: path)
            let disk = try RawDisk(path: path, sectorSize: image.release.sectorSize)
            // Read by every boot: the superblock is at byte 1024 of the file system.
            let root = try #require(disk.partitions.dropFirst().first)
            try flipBit(of: path, at: disk.offset(root) + 1024 + 64)
            let guest = try Guest(
                disk: path,
                of: image,
                kernelArguments: ["systemd.journald.forward_to_console=1"]
            )
            try await guest.boot { machine in
                let cursor = ConsoleCursor()
                try await machine.waitForConsole(
                    matching: /device-mapper: verity: .*data block 0 is corrupted/,
                    within: Guest.limit,
                    after: cursor
                )
                // The kernel panics and resets, which ends this machine: an entry on trial has one try less.
                let status = try await machine.waitForExit(within: Guest.limit)
                #expect("\(status)" == "exited(0)")
            }
            let log = try guest.consoleText()
            // Nothing of it runs.
            #expect(!log.contains("Switching root") && !log.contains("Welcome to"))
            #expect(!log.contains("this boot is"))
        }
    }
}
