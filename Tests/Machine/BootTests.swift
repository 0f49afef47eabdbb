import Foundation
import ReleaseManifest
import TestSupport
import Testing
import VirtualMachine

@Suite("Machine", .serialized, .ownThreads, .enabled(if: BuiltImage.isExpected, BuiltImage.skipComment))
struct BootTests {
    @Test func bootEndsWithoutFailedUnits() async throws {
        for boot in try await HostBoots.get().both {
            let state = try boot.report.lines("state")
            #expect(state == ["running"])
            let failed = try boot.report.lines("failed")
            #expect(failed == [])
            let multiUser = try boot.report.unit("multi-user.target")
            #expect(multiUser.activeState == "active")
        }
    }

    @Test func bootCompletes() async throws {
        for boot in try await HostBoots.get().both {
            let bootComplete = try boot.report.unit("boot-complete.target")
            #expect(bootComplete.activeState == "active")
            let bulkheadBootHealth = try boot.report.unit("bulkhead-boot-health.service")
            #expect(bulkheadBootHealth.result == "success")
            // Nobody is on trial.
            let commit = try boot.report.unit("bulkhead-commit-boot.service")
            #expect(commit.activeState == "inactive")
            let updater = try boot.report.unit("updater.service")
            #expect(updater.activeState == "active")
        }
    }

    @Test func healthChecksHold() async throws {
        for boot in try await HostBoots.get().both {
            let health = try boot.report.health()
            #expect(health.healthy)
            let names = [
                "root-verity", "etc-read-only", "state", "data", "machine-id", "watchdog", "units",
                "apiserver", "containerd",
            ]
            for name in names + (BuiltImage.hasHostContainers ? ["host-containerd"] : []) {
                let check = try health.check(name)
                #expect(check.status == "healthy", "\(name): \(check.detail)")
            }
        }
    }

    @Test func rootAndEtcAreReadOnly() async throws {
        for boot in try await HostBoots.get().both {
            let root = try #require(try boot.report.lines("mounts").first { $0.contains(" on / type ") })
            #expect(root.hasPrefix("/dev/mapper/root on / type erofs (ro,"))
            // The probe tried to make a file there.
            #expect(try boot.report.text("write-etc").contains("Read-only file system"))
        }
    }

    @Test func firstBootMakesTheRestOfTheDisk() async throws {
        let boots = try await HostBoots.get()
        let layout = boots.image.release.disk.partitions
        #expect(layout.map(\.label) == ["esp", boots.image.entryName, boots.image.entryName])
        for boot in boots.both {
            let partitions = boot.disk.partitions
            try #require(
                partitions.map(\.name) == layout.map(\.label) + ["_empty", "_empty", "state", "data"]
            )
            // What the build made is as it was.
            for (made, found) in zip(layout, partitions) {
                #expect(found.uuid.lowercased() == made.uuid && found.type.lowercased() == made.type)
                #expect(found.size * boot.disk.sectorSize == made.size)
            }
            // Slot B is like slot A.
            for (slotA, slotB) in zip(partitions[1...2], partitions[3...4]) {
                #expect(slotA.type == slotB.type && slotA.size == slotB.size && slotA.uuid != slotB.uuid)
            }
            // Less than 2 MiB at the end of 16 GiB are unused.
            let data = partitions[6]
            #expect((data.start + data.size) * boot.disk.sectorSize > 16 << 30 - 2 << 20)
            #expect(try runTool("sgdisk", "-v", boot.disk.path).output.contains("No problems found"))
        }
        #expect(boots.first.disk.partitions.map(\.uuid) == boots.second.disk.partitions.map(\.uuid))
    }

    @Test func dataFileSystemFillsItsPartition() async throws {
        for boot in try await HostBoots.get().both {
            let systemdGrowfsVar = try boot.report.unit("systemd-growfs@var.service")
            #expect(systemdGrowfsVar.result == "success")
            let data = try boot.disk.partition("data")
            let (status, output) = try runTool("dumpe2fs", "-h", try boot.disk.ext4("data"))
            #expect(status == 0)
            let blocks = try #require(output.firstMatch(of: /Block count: +(\d+)/)?.1)
            let blockSize = try #require(output.firstMatch(of: /Block size: +(\d+)/)?.1)
            let size = try #require(UInt64(blocks)) * #require(UInt64(blockSize))
            let partition = data.size * boot.disk.sectorSize
            #expect(size <= partition && size > partition - 1 << 20)
        }
    }

    /// Without a word of an operator, who could not give one: otherwise the host would restart for ever.
    @Test func aDamagedFileSystemIsRepaired() async throws {
        let boots = try await HostBoots.get()
        // "File system errors left uncorrected": e2fsck would not do it by itself.
        #expect(boots.preenStatus == 4)
        #expect(try boots.second.report.text("state") == "running")
        let (_, output) = try runTool(
            "debugfs",
            "-R",
            "stat \(HostBoots.damagedFile)",
            try boots.second.disk.ext4("data")
        )
        #expect(output.contains("File not found"), "\(output)")
    }

    @Test func powerOffIsOrderly() async throws {
        for boot in try await HostBoots.get().both {
            #expect(boot.console.contains { $0.contains("reboot: Power down") })
            for label in ["state", "data"] {
                let (status, output) = try runTool("e2fsck", "-fn", try boot.disk.ext4(label))
                #expect(status == 0, "\(label): \(output)")
                // Unmounted: e2fsck found no journal to replay.
                let header = try runTool("dumpe2fs", "-h", try boot.disk.ext4(label)).output
                #expect(!header.contains("needs_recovery"), "\(label) was not unmounted")
                #expect(header.contains(/Filesystem state: +clean\n/))
            }
            let esp = try boot.disk.partition("esp")
            try withExtracted(esp, of: boot.disk) { path in
                let (status, output) = try runTool("fsck.vfat", "-n", path)
                #expect(status == 0, "\(output)")
            }
        }
    }

    @Test func factoryEntryHasNoCounter() async throws {
        let boots = try await HostBoots.get()
        for boot in boots.both {
            #expect(try boot.disk.espNames("EFI/Linux") == [boots.image.release.uki.file])
        }
    }

    @Test func containerdAnswersAndRunsAContainer() async throws {
        for boot in try await HostBoots.get().both {
            let containerd = try boot.report.unit("containerd.service")
            #expect(containerd.subState == "running")
            let versions = try boot.report.text("containerd")
            #expect(versions.contains("Client:") && versions.contains("Server:"))
            let runc = try boot.report.text("runc")
            #expect(runc.contains("runc version 1."))
            let container = try boot.report.text("container")
            #expect(container.contains("Usage: hostd STEP"))
            // The other runtime starts it, too, in the variant that has it.
            guard BuiltImage.hasHostContainers else { continue }
            #expect(try boot.report.text("container-crun").contains("Usage: hostd STEP"))
        }
    }

    @Test func networkIsConfiguredByDHCP() async throws {
        for boot in try await HostBoots.get().both {
            let systemdNetworkd = try boot.report.unit("systemd-networkd.service")
            #expect(systemdNetworkd.activeState == "active")
            let systemdResolved = try boot.report.unit("systemd-resolved.service")
            #expect(systemdResolved.activeState == "active")
            // QEMU's user network: the first address it leases, and its DNS server.
            let interfaces = try boot.report.text("network")
            #expect(interfaces.contains(#""Address":[10,0,2,15],"PrefixLength":24,"ConfigSource":"DHCPv4""#))
            #expect(interfaces.contains(#""10.0.2.3""#) || interfaces.contains("[10,0,2,3]"))
            #expect(interfaces.contains(#""OnlineState":"online""#))
        }
    }

    @Test func timeIsKept() async throws {
        for boot in try await HostBoots.get().both {
            let systemdTimesyncd = try boot.report.unit("systemd-timesyncd.service")
            #expect(systemdTimesyncd.subState == "running")
        }
    }

    @Test func journalOutlivesABoot() async throws {
        let boots = try await HostBoots.get()
        #expect(try boots.first.report.lines("boots").count == 1)
        #expect(try boots.second.report.lines("boots").count == 2)
        for boot in boots.both {
            let systemdJournald = try boot.report.unit("systemd-journald.service")
            #expect(systemdJournald.activeState == "active")
            let journal = try boot.report.text("journal")
            #expect(journal.contains("Linux version"))
        }
    }

    @Test func watchdogIsArmed() async throws {
        for boot in try await HostBoots.get().both {
            let journal = try boot.report.text("journal")
            #expect(journal.contains(/Using hardware watchdog .*i6300ESB/))
            #expect(!journal.contains("Failed to set timeout on watchdog"))
        }
    }

    @Test func machineIDStays() async throws {
        let boots = try await HostBoots.get()
        let ids = try boots.both.map { try $0.report.health().check("machine-id").detail }
        #expect(ids[0].wholeMatch(of: /[0-9a-f]{32}/) != nil)
        #expect(ids[0] == ids[1])
    }

    private func withExtracted(
        _ partition: RawDisk.Partition,
        of disk: RawDisk,
        _ body: (String) throws -> Void
    )
        throws
    {
        let directory = try TemporaryDirectory()
        let path = directory.file("partition")
        try disk.extract(partition, to: path)
        try body(path)
    }
}
