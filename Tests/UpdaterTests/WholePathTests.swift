import BootEntries
import HostAPI
import Rollout
import TestSupport
import Testing
import UpdateEngine

@testable import UpdateFixtures
@testable import Updater

@Suite("An update from the repository to its proof") struct WholePathTests {
    @Test("Two updates, one into each slot")
    func twoUpdates() async throws {
        let site = try await Site()
        let host = try TestHost(site)
        let releases = site.world.releases
        let before = try host.untouched()

        var updater = try host.updater()
        #expect(try await updater.refresh() == nil)
        var status = try #require(await updater.status)
        #expect(status.state == .available && status.availableUpdates == ["2.0.0"])
        #expect(status.chosenUpdate == UpdateStatus.Image(arch: "amd64", version: "2.0.0", variant: "vm"))
        try await updater.prepare()
        status = try #require(await updater.status)
        #expect(status.state == .staged && status.stagingPartition?.image.version == "2.0.0")
        #expect(status.stagingPartition?.nextToBoot == false && status.activePartition?.nextToBoot == true)
        #expect(try host.verifies(slot: 1, releases[1]))
        #expect(try host.untouched() == before)
        let labels = try host.labels()
        #expect(labels.isWhole)
        #expect(labels.names == ["esp", "vm_1.0.0", "vm_1.0.0", "vm_2.0.0", "vm_2.0.0", "state"])
        #expect(try host.entryNames() == ["vm_1.0.0.efi"])
        #expect(try host.espFile("EFI/bulkhead/vm_2.0.0.efi") == releases[1].kernel)
        // Whoever waits sees that there is progress, also while the kernel image comes.
        let kernel = host.events.compactMap { event -> SlotProgress? in
            if case .progress(let progress) = event, progress.step == .fetchKernel { progress } else { nil }
        }
        let last = try #require(kernel.last)
        #expect(kernel.first?.doneBytes == 0 && last.totalBytes > 0 && last.doneBytes == last.totalBytes)

        try await updater.activate()
        #expect(await updater.status?.state == .ready)
        #expect(try host.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0+3.efi"])
        try await updater.deactivate()
        #expect(await updater.status?.state == .staged)
        #expect(try host.entryNames() == ["vm_1.0.0.efi"])
        try await updater.activate()
        #expect(try host.espFile("EFI/Linux/vm_2.0.0+3.efi") == releases[1].kernel)
        #expect(try host.fsckIsContent())

        var boot = try host.boot()
        #expect(host.running.version == "2.0.0")
        updater = try host.updater()
        let review = try await updater.review(boot)
        #expect(review.trial == .running(version: "2.0.0") && review.findings.isEmpty)
        try await updater.commit(boot)
        #expect(try host.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0.efi"])
        #expect(try host.entryNames("EFI/bulkhead") == [])
        let record = await updater.record
        #expect(record.staged == nil && record.choice == nil)
        #expect(await updater.failures.isEmpty)
        #expect(await updater.status?.state == .idle)
        #expect(await updater.status?.activePartition?.image.version == "2.0.0")
        #expect(try host.untouched() == before)

        // The next one goes into the slot of the first.
        try await site.publish(releases[2])
        #expect(try await updater.refresh() == nil)
        try await updater.prepare()
        #expect(try host.verifies(slot: 0, releases[2]) && host.verifies(slot: 1, releases[1]))
        #expect(try host.entryNames() == ["vm_2.0.0.efi"])
        try await updater.activate()
        boot = try host.boot()
        #expect(host.running.version == "3.0.0")
        updater = try host.updater()
        #expect(try await updater.review(boot).trial == .running(version: "3.0.0"))
        try await updater.commit(boot)
        #expect(try host.entryNames() == ["vm_2.0.0.efi", "vm_3.0.0.efi"])
        #expect(try host.labels().names == ["esp", "vm_3.0.0", "vm_3.0.0", "vm_2.0.0", "vm_2.0.0", "state"])
        #expect(try host.fsckIsContent())
        #expect(try await updater.refresh() == .upToDate(running: UAPIVersion("3.0.0")))
    }
}
