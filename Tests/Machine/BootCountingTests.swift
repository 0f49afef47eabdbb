import Foundation
import ReleaseManifest
import TestSupport
import Testing
import VirtualMachine

extension BootTests {
    /// Boot counting (UAPI.1, systemd-boot(7)) and dm-verity, each on a disk that was changed for it.
    @Suite(.serialized, .enabled(if: BuiltImage.isExpected, BuiltImage.skipComment))
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
            #expect(try guest.flattenedDisk().espNames("EFI/Linux") == ["\(name)+2-1.efi"])

            let boot = try await guest.bootAndPowerOff()
            let failed = try boot.report.lines("failed")
            #expect(failed == [])
            let bootComplete = try boot.report.unit("boot-complete.target")
            #expect(bootComplete.activeState == "active")
            let systemdBlessBoot = try boot.report.unit("systemd-bless-boot.service")
            #expect(systemdBlessBoot.result == "success")
            let journal = try boot.report.text("journal")
            #expect(journal.contains("Marked boot as 'good'. (Boot attempt counter is at 2.)"))
            // Before that the whole slot was read through verity.
            let bytes = image.release.root.size
            #expect(journal.contains(" \(bytes) bytes of /dev/block/"))
            #expect(try boot.disk.espNames("EFI/Linux") == ["\(name).efi"])
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
