import BlockDevices
import Bytes
import FAT
import Foundation
import GPT
import HostAPI
import TestSupport
import Testing

@testable import UpdateFixtures
@testable import Updater

@Suite("Disks that can't take an update") struct DiskFaultTests {
    private func expectDiskError(
        _ host: TestHost,
        _ words: String...,
        body: () async throws -> Void
    ) async throws {
        let before = try host.untouched()
        let error = await #expect(throws: UpdaterError.self) { try await body() }
        guard case .disk(let text)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        for word in words { #expect(text.contains(word), "\(text)") }
        #expect(try host.untouched() == before)
    }

    @Test("A sector that can't be written")
    func badSector() async throws {
        let site = try await Site()
        let host = try TestHost(site)
        let parts = host.sample.table.partitions
        for place in [parts[3].offset + 30 * 4096, parts[4].offset + 4096] {
            let updater = try host.updater(on: FaultyDisk(host.disk, [.unwritable(at: place)]))
            _ = try await updater.refresh()
            try await expectDiskError(host, "write") { try await updater.prepare() }
            #expect(await updater.status?.state == .available)
        }
        let updater = try host.updater()
        try await updater.prepare()
        #expect(try host.verifies(slot: 1, site.world.releases[1]))
    }

    @Test("Each write and flush fails once, and the next attempt succeeds")
    func failingWrites() async throws {
        let site = try await Site()
        let host = try TestHost(site)
        let probe = try host.killed()
        var updater = try probe.updater()
        _ = try await updater.refresh()
        try await updater.prepare()
        let prepared = probe.disk.events.count
        try await updater.activate()
        let count = probe.disk.events.count
        updater = try host.updater()
        _ = try await updater.refresh()
        for event in stride(from: 1, to: count, by: max(1, count / 10)) {
            let host = try host.killed()
            let updater = try host.updater()
            host.disk.fail(event: event, errno: event % 2 == 0 ? EIO : EROFS)
            try await expectDiskError(host) {
                try await updater.prepare()
                if event >= prepared { try await updater.activate() }
            }
            if await updater.status?.state == .available { try await updater.prepare() }
            try await updater.activate()
            #expect(try host.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0+3.efi"])
            #expect(try host.verifies(slot: 1, site.world.releases[1]))
        }
    }

    @Test("An ESP without room, until there is some")
    func fullESP() async throws {
        let site = try await Site()
        let host = try TestHost(site)
        let esp = try host.esp()
        let size = try esp.freeBytes() - 20_000
        try esp.create(
            "EFI/filler",
            contents: ByteSource(size: size) { [UInt8](repeating: 1, count: $1) }
        )
        host.disk.beginLog()
        let updater = try host.updater()
        _ = try await updater.refresh()
        try await expectDiskError(host, "free bytes") { try await updater.prepare() }
        #expect(host.disk.events.isEmpty)
        try host.esp().remove("EFI/filler")
        try await updater.prepare()
        try await updater.activate()
        #expect(try host.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0+3.efi"])
    }

    @Test("A release that is larger than the slot")
    func smallSlot() async throws {
        let site = try await Site()
        let large = try SampleRelease(version: "3.0.0", seed: 3, blocks: 513)
        try await site.publish(large, packs: 0)
        let host = try TestHost(site)
        let updater = try host.updater()
        _ = try await updater.refresh()
        try await expectDiskError(host, "\(513 * 4096)", "\(2 << 20)") { try await updater.prepare() }
        #expect(host.disk.events.isEmpty)
    }

    @Test("A disk that is another host's")
    func otherDisk() async throws {
        let site = try await Site()
        let host = try TestHost(site)
        let other = try SampleHost(running: site.world.releases[2], withESP: false)
        let updater = try host.updater(on: other.disk)
        _ = try await updater.refresh()
        try await expectDiskError(host, "no slot") { try await updater.prepare() }
        #expect(other.disk.events.isEmpty)
    }
}
