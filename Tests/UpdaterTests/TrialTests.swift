import BlockDevices
import BootEntries
import BootSlots
import FAT
import Foundation
import HostAPI
import Rollout
import TestSupport
import Testing

@testable import UpdateFixtures
@testable import Updater

@Suite("What becomes of a release on trial") struct TrialTests {
    let site: Site
    let host: TestHost
    let second: SampleRelease

    init() async throws {
        site = try await Site()
        host = try TestHost(site)
        second = site.world.releases[1]
        let updater = try host.updater()
        _ = try await updater.refresh()
        try await updater.prepare()
    }

    private func activate() async throws { try await host.updater().activate() }

    @Test("One that fails is left, with the reason, and only taken again when asked for")
    func failed() async throws {
        try await activate()
        for _ in 0..<3 {
            _ = try host.boot()
            #expect(host.running.version == "2.0.0")
        }
        let boot = try host.boot()
        #expect(host.running.version == "1.0.0" && boot.bootCountPath == nil)
        var updater = try host.updater()
        let reason = "containerd did not answer within 120 s"
        let review = try await updater.review(
            boot,
            failedBoot: Updater.FailedBoot(bootID: "a", reason: reason)
        )
        #expect(review.trial == .failed(version: "2.0.0", reason: reason))
        #expect(try host.entryNames() == ["vm_1.0.0.efi"])
        #expect(await updater.status?.state == .idle)
        updater = try host.updater()
        let failures = await updater.failures
        #expect(failures.map(\.version) == ["2.0.0"] && failures.map(\.reason) == [reason])
        // Looked at again, nothing is on trial any more.
        #expect(try await updater.review(boot).trial == .none)
        #expect(try await updater.refresh() == .failedHere(UAPIVersion("2.0.0")))
        await #expect(throws: UpdaterError.notAllowed(.prepare, state: .idle)) { try await updater.prepare() }
        // By request, and then nothing is fetched that is there.
        #expect(try await updater.refresh(requesting: "2.0.0") == nil)
        try await updater.prepare()
        #expect(await updater.plan == UpdateRecord.Plan(bytes: 0, method: "none"))
        try await updater.activate()
        #expect(try host.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0+3.efi"])
        try await updater.deactivate()
        // A newer one is taken without being asked for.
        try await site.publish(site.world.releases[2])
        let other = try host.killed()
        try FileManager.default.removeItem(atPath: other.record)
        try FileManager.default.copyItem(atPath: host.record, toPath: other.record)
        let newer = try other.updater()
        #expect(try await newer.refresh(requesting: "3.0.0") == nil)
        #expect(await newer.status?.chosenUpdate?.version == "3.0.0")
    }

    @Test("A failed one does not keep a newer one away, and is forgotten when it proves itself")
    func newerAfterFailure() async throws {
        try await activate()
        let good = RunningBoot(rootHash: host.running.rootHash, bootCountPath: nil)
        // The loader passed the entry over, and counted nothing.
        var updater = try host.updater()
        guard case .failed("2.0.0", _) = try await updater.review(good).trial else {
            Issue.record("it did not count as failed")
            return
        }
        #expect(try host.entryNames() == ["vm_1.0.0.efi"])
        try await site.publish(site.world.releases[2])
        #expect(try await updater.refresh() == nil)
        #expect(await updater.status?.chosenUpdate?.version == "3.0.0")
        #expect(try await updater.refresh(requesting: "2.0.0") == nil)
        try await updater.prepare()
        try await updater.activate()
        let boot = try host.boot()
        updater = try host.updater()
        #expect(try await updater.review(boot).trial == .running(version: "2.0.0"))
        #expect(await updater.failures.count == 1)
        try await updater.commit(boot)
        #expect(await updater.failures.isEmpty)
    }

    @Test("An entry that the loader lost is made again, and tried once")
    func lostEntry() async throws {
        try await activate()
        try host.esp().remove("EFI/Linux/vm_2.0.0+3.efi")
        var boot = try host.boot()
        #expect(host.running.version == "1.0.0")
        var updater = try host.updater()
        let review = try await updater.review(boot)
        #expect(review.trial == .none && review.findings == [.recreatedTrial(name: "vm_2.0.0+1.efi")])
        #expect(await updater.status?.state == .ready)
        #expect(await updater.failures.isEmpty)
        boot = try host.boot()
        #expect(host.running.version == "2.0.0")
        updater = try host.updater()
        #expect(try await updater.review(boot).trial == .running(version: "2.0.0"))
        try await updater.commit(boot)
        #expect(try host.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0.efi"])
    }

    @Test("A loss of power between the entry and the record")
    func cutAfterEntry() async throws {
        let record = try Data(contentsOf: URL(filePath: host.record))
        try await activate()
        try record.write(to: URL(filePath: host.record))
        let failing = try host.killed()
        // It proves itself.
        var boot = try host.boot()
        var updater = try host.updater()
        #expect(await updater.status?.state == .staged)
        #expect(try await updater.review(boot).trial == .running(version: "2.0.0"))
        #expect(await updater.status?.state == .ready)
        try await updater.commit(boot)
        #expect(await updater.status?.state == .idle)
        #expect(try host.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0.efi"])
        // It does not.
        for _ in 0..<4 { boot = try failing.boot() }
        #expect(failing.running.version == "1.0.0")
        updater = try failing.updater()
        guard case .failed("2.0.0", _) = try await updater.review(boot).trial else {
            Issue.record("it did not count as failed")
            return
        }
        #expect(try failing.entryNames() == ["vm_1.0.0.efi"])
        #expect(await updater.failures.map(\.version) == ["2.0.0"])
    }

    @Test("A loss of power between the commit and the record")
    func cutAfterCommit() async throws {
        try await activate()
        var boot = try host.boot()
        var updater = try host.updater()
        _ = try await updater.review(boot)
        let record = try Data(contentsOf: URL(filePath: host.record))
        try await updater.commit(boot)
        try record.write(to: URL(filePath: host.record))
        boot = try host.boot()
        #expect(host.running.version == "2.0.0" && boot.bootCountPath == nil)
        updater = try host.updater()
        #expect(await updater.status?.state == .ready)
        #expect(try await updater.review(boot).trial == .none)
        #expect(await updater.status?.state == .idle)
        #expect(await updater.status?.activePartition?.image.version == "2.0.0")
        let left = await updater.record
        #expect(left.staged == nil && left.choice == nil && left.failures.isEmpty)
    }

    @Test("While it runs on trial it can't be taken back, and nothing is written")
    func runningTrial() async throws {
        try await activate()
        let boot = try host.boot()
        let updater = try host.updater()
        _ = try await updater.review(boot)
        let status = try #require(await updater.status)
        #expect(status.activePartition?.image.version == "2.0.0" && status.stagingPartition == nil)
        await #expect(throws: UpdaterError.trialRuns(version: "2.0.0")) { try await updater.deactivate() }
        await #expect(throws: UpdaterError.notAllowed(.prepare, state: .ready)) {
            try await updater.prepare()
        }
        #expect(try host.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0+2-1.efi"])
        // A boot that the loader did not count is not committed.
        let uncounted = RunningBoot(rootHash: boot.rootHash, bootCountPath: nil)
        await #expect(throws: UpdaterError.self) { try await updater.commit(uncounted) }
        #expect(try host.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0+2-1.efi"])
        #expect(await updater.status?.state == .ready)
    }

    @Test("What was recorded under another system is forgotten")
    func otherSystem() async throws {
        // Staged, and then the machine is brought to another release by other means.
        let other = try SampleHost(running: site.world.releases[2])
        let moved = try TestHost(site, sample: other)
        try FileManager.default.removeItem(atPath: moved.folder.file("state"))
        try FileManager.default.copyItem(
            atPath: host.folder.file("state"),
            toPath: moved.folder.file("state")
        )
        let updater = try moved.updater()
        #expect(await updater.status?.state == .staged)
        #expect(try await updater.review(moved.boot()).trial == .none)
        #expect(await updater.status?.state == .idle)
        #expect(await updater.status?.activePartition?.image.version == "3.0.0")
        // A release that is staged on this very system stays so.
        let same = try host.updater()
        #expect(try await same.review(host.boot()).trial == .none)
        #expect(await same.status?.state == .staged)
    }
}
