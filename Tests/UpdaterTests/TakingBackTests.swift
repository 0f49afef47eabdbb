import BlockDevices
import BootEntries
import Foundation
import HostAPI
import Rollout
import Synchronization
import TestSupport
import Testing

@testable import UpdateFixtures
@testable import Updater

@Suite("Taking an update back, also where the power goes in the middle") struct TakingBackTests {
    let host: TestHost

    init() async throws {
        host = try TestHost(try await Site())
        let updater = try host.updater()
        _ = try await updater.refresh()
        try await updater.prepare()
        try await updater.activate()
    }

    /// 2.0.0 proves itself, with 1.0.0 in the other slot.
    private func commit() async throws {
        let boot = try host.boot()
        let updater = try host.updater()
        _ = try await updater.review(boot)
        try await updater.commit(boot)
        #expect(try host.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0.efi"])
    }

    @Test("What is left counts as failed before its entry goes")
    func rollBack() async throws {
        try await commit()
        let found = Mutex<TestHost?>(nil)
        host.once({ if case .status = $0 { true } else { false } }) {
            found.withLock { $0 = try? host.killed() }
        }
        #expect(try await host.updater().rollBack() == "1.0.0")
        #expect(try host.entryNames() == ["vm_1.0.0.efi"])
        let cut = try #require(found.withLock { $0 })
        var boot = try host.boot()
        #expect(host.running.version == "1.0.0")
        var updater = try host.updater()
        #expect(try await updater.review(boot).trial == .none)
        #expect(try await updater.refresh() == .failedHere(UAPIVersion("2.0.0")))

        // The power went before the entry did: the host runs what it ran, and nothing is said against it.
        #expect(try cut.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0.efi"])
        updater = try cut.updater()
        #expect(await updater.failures.map(\.version) == ["2.0.0"])
        #expect(await updater.status?.activePartition?.nextToBoot == false)
        boot = try cut.boot()
        #expect(cut.running.version == "2.0.0")
        #expect(try await updater.review(boot).trial == .none)
        #expect(await updater.failures.isEmpty)
        #expect(await updater.status?.activePartition?.nextToBoot == true)
    }

    private func failure(of updater: Updater) async -> UpdaterError? {
        do throws(UpdaterError) { _ = try await updater.rollBack() } catch { return error }
        return nil
    }

    @Test("Whichever write fails: the entry is there and nothing is recorded, or it is gone and recorded")
    func failingRollBack() async throws {
        try await commit()
        let before = try await host.updater().record
        var kept = 0
        var gone = 0
        for event in 0..<100 {
            let host = try host.killed()
            let updater = try host.updater()
            host.disk.fail(event: event, errno: EIO)
            guard let error = await failure(of: updater) else {
                // All writes were done: there is nothing left to fail.
                #expect(kept > 0 && gone > 0)
                return
            }
            guard case .disk = error else {
                Issue.record("\(error)")
                return
            }
            let record = try await host.updater().record
            #expect(await updater.record == record)
            if try host.entryNames().contains("vm_2.0.0.efi") {
                #expect(record == before, "write \(event)")
                kept += 1
                #expect(try await updater.rollBack() == "1.0.0")
            } else {
                #expect(record.failures.map(\.version) == ["2.0.0"], "write \(event)")
                gone += 1
            }
            #expect(try host.entryNames() == ["vm_1.0.0.efi"])
        }
        Issue.record("a rollback has more than 100 writes")
    }

    @Test("A release on trial is left at once")
    func rollBackOfTrial() async throws {
        var boot = try host.boot()
        var updater = try host.updater()
        #expect(try await updater.review(boot).trial == .running(version: "2.0.0"))
        #expect(try host.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0+2-1.efi"])
        #expect(try await updater.rollBack() == "1.0.0")
        #expect(try host.entryNames() == ["vm_1.0.0.efi"])
        boot = try host.boot()
        updater = try host.updater()
        #expect(try await updater.review(boot).trial == .none)
        #expect(try await updater.refresh() == .failedHere(UAPIVersion("2.0.0")))
    }

    /// A host of a cut, with the record of another moment.
    private func cut(_ entries: TestHost, _ record: TestHost) throws -> TestHost {
        let result = try entries.killed()
        try FileManager.default.removeItem(atPath: result.record)
        try FileManager.default.copyItem(atPath: record.record, toPath: result.record)
        return result
    }

    @Test("A rollback of a trial that is cut off goes on as a trial, or is done")
    func cutRollBackOfTrial() async throws {
        var boot = try host.boot()
        var updater = try host.updater()
        _ = try await updater.review(boot)
        let found = Mutex<TestHost?>(nil)
        host.once({ if case .status = $0 { true } else { false } }) {
            found.withLock { $0 = try? host.killed() }
        }
        _ = try await updater.rollBack()
        let begun = try #require(found.withLock { $0 })

        // Behind the entry, before the last word of the record.
        let done = try cut(host, begun)
        boot = try done.boot()
        #expect(done.running.version == "1.0.0")
        updater = try done.updater()
        let review = try await updater.review(boot)
        #expect(review.trial == .none && review.findings.isEmpty)
        #expect(try done.entryNames() == ["vm_1.0.0.efi"])
        #expect(await updater.status?.state == .idle)
        #expect(try await updater.refresh() == .failedHere(UAPIVersion("2.0.0")))

        // Before the entry: it is still on trial, and the record knows.
        boot = try begun.boot()
        #expect(begun.running.version == "2.0.0")
        updater = try begun.updater()
        #expect(try await updater.review(boot).trial == .running(version: "2.0.0"))
        #expect(await updater.status?.state == .ready)
        try await updater.commit(boot)
        #expect(await updater.failures.isEmpty)
        #expect(try begun.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0.efi"])
    }

    @Test("A trial that failed is recorded before its entry goes")
    func cutFailedTrial() async throws {
        var boot = try host.boot()
        for _ in 0..<3 { boot = try host.boot() }
        #expect(host.running.version == "1.0.0")
        let found = Mutex<TestHost?>(nil)
        host.once({ if case .status = $0 { true } else { false } }) {
            found.withLock { $0 = try? host.killed() }
        }
        _ = try await host.updater().review(boot)
        #expect(try host.entryNames() == ["vm_1.0.0.efi"])
        let cut = try #require(found.withLock { $0 })
        #expect(try cut.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0+0-3.efi"])
        boot = try cut.boot()
        let updater = try cut.updater()
        #expect(await updater.failures.map(\.version) == ["2.0.0"])
        #expect(try await updater.review(boot).trial == .none)
        #expect(try cut.entryNames() == ["vm_1.0.0.efi"])
        #expect(await updater.status?.failedUpdate?.version == "2.0.0")
    }

    @Test("Where a failed trial can't be recorded its entry stays: without it, it would be made again")
    func unrecordedFailure() async throws {
        var boot = try host.boot()
        for _ in 0..<3 { boot = try host.boot() }
        // The record can't be written.
        let obstacle = host.record + ".new"
        try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: false)
        let updater = try host.updater()
        for _ in 0..<2 {
            await #expect(throws: UpdaterError.self) { try await updater.review(boot) }
            #expect(try host.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0+0-3.efi"])
        }
        try FileManager.default.removeItem(atPath: obstacle)
        guard case .failed("2.0.0", _) = try await updater.review(boot).trial else {
            Issue.record("it did not count as failed")
            return
        }
        #expect(try host.entryNames() == ["vm_1.0.0.efi"])
    }

    @Test("A deactivation that was cut off behind the entry is not undone by the next boot")
    func deactivate() async throws {
        let begun = Mutex<TestHost?>(nil)
        host.change {
            $0.watcher = { event in
                // The last word before the entry goes.
                guard case .status(let status) = event, status.state == .ready else { return }
                begun.withLock { $0 = try? host.killed() }
            }
        }
        try await host.updater().deactivate()
        host.change { $0.watcher = nil }
        #expect(try host.entryNames() == ["vm_1.0.0.efi"])
        let cut = try #require(begun.withLock { $0 })
        let after = try self.cut(host, cut)
        var updater = try after.updater()
        #expect(await updater.status?.state == .ready)
        // The service was killed, and looks for updates again before the machine restarts.
        _ = try await updater.refresh()
        #expect(await updater.status?.state == .ready)
        for _ in 0..<2 {
            let boot = try after.boot()
            #expect(after.running.version == "1.0.0")
            updater = try after.updater()
            let review = try await updater.review(boot)
            #expect(review.trial == .none && review.findings.isEmpty)
            #expect(try after.entryNames() == ["vm_1.0.0.efi"])
        }
        let status = await updater.status
        #expect(status?.state == .staged && status?.activePartition?.nextToBoot == true)
        #expect(status?.stagingPartition?.nextToBoot == false)
        #expect(await updater.failures.isEmpty)
        try await updater.activate()
        #expect(try after.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0+3.efi"])

        // Cut off before the entry went, it is as if nobody had asked.
        #expect(try cut.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0+3.efi"])
        let boot = try cut.boot()
        #expect(try await cut.updater().review(boot).trial == .running(version: "2.0.0"))
    }
}
