import BlockDevices
import Foundation
import HostAPI
import Synchronization
import TestSupport
import Testing
import UpdateEngine

@testable import UpdateFixtures
@testable import Updater

@Suite("Updates that are broken off and go on") struct InterruptionTests {
    /// A host, and a release of 4 MiB that it has nothing of.
    private func makeLarge() async throws -> (site: Site, host: TestHost, release: SampleRelease) {
        let site = try await Site()
        let release = try SampleRelease(version: "3.0.0", seed: 33, blocks: 1000, kernelSize: 200_000)
        let sample = try SampleHost(running: site.world.releases[0], slotSize: 8 << 20)
        try await site.publish(release)
        return (site, try TestHost(site, sample: sample, releases: [release]), release)
    }

    @Test("A server that goes away: what came is kept, and next to nothing comes twice")
    func serverGone() async throws {
        let (site, host, release) = try await makeLarge()
        let line = site.server.line
        let before = try host.untouched()
        // What all of it takes, on a host of its own.
        let other = try host.killed()
        let whole = try other.updater()
        _ = try await whole.refresh()
        line.mend()
        try await whole.prepare()
        let total = line.count
        let plan = try #require(await whole.plan)
        // The estimate is what comes, but for metadata, index and the kernel image.
        #expect(
            plan.bytes < UInt64(total) && UInt64(total) < plan.bytes + 300_000,
            "\(plan), and \(total) came"
        )

        let updater = try host.updater()
        _ = try await updater.refresh()
        line.cut(after: total / 2)
        let error = await #expect(throws: UpdaterError.self) { try await updater.prepare() }
        guard case .fetch(let text)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.contains(site.server.url))
        #expect(line.count == total / 2)
        #expect(await updater.status?.state == .available)
        #expect(try host.labels().names[3] == "_empty")
        #expect(try host.untouched() == before)
        line.mend()
        try await updater.prepare()
        // Metadata again, and the part that was under way.
        #expect(
            line.count + total / 2 < total + total / 100 + (320 << 10),
            "\(line.count) after half of \(total)"
        )
        #expect(try host.verifies(slot: 1, release))
        #expect(try host.untouched() == before)
        // Both hosts fetched them once, and only one was broken off after that.
        for name in ["vm_3.0.0.efi", ".root.index"] {
            #expect(site.server.requests(name).filter { $0 == 200 || $0 == 206 }.count == 2, "\(name)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: host.folder.file("work")).isEmpty)
    }

    @Test("A kill in the middle: the next process goes on")
    func killed() async throws {
        let (site, host, release) = try await makeLarge()
        let found = Mutex<TestHost?>(nil)
        host.once({
            if case .progress(let progress) = $0 {
                progress.step == .blocks && progress.doneBytes >= 2 << 20
            } else {
                false
            }
        }) {
            found.withLock { $0 = try? host.killed() }
        }
        let updater = try host.updater()
        _ = try await updater.refresh()
        try await updater.prepare()
        let next = try #require(found.withLock { $0 })
        let successor = try next.updater()
        #expect(await successor.status?.state == .available)
        #expect(await successor.status?.chosenUpdate?.version == "3.0.0")
        #expect(await successor.plan == updater.plan)
        site.server.line.mend()
        try await successor.prepare()
        #expect(site.server.line.count < 2_400_000)
        #expect(try next.verifies(slot: 1, release))
        #expect(await successor.status?.state == .staged)
    }

    @Test("A kill at the beginning of each step: the next process ends what was begun")
    func killedAtEachStep() async throws {
        let site = try await Site()
        let host = try TestHost(site)
        let found = Mutex<[SlotStep: TestHost]>([:])
        host.change {
            $0.watcher = { event in
                guard case .progress(let progress) = event else { return }
                found.withLock { if $0[progress.step] == nil { $0[progress.step] = try? host.killed() } }
            }
        }
        let updater = try host.updater()
        _ = try await updater.refresh()
        try await updater.prepare()
        host.change { $0.watcher = nil }
        let hosts = found.withLock { $0 }
        #expect(hosts.count == 10)
        for (step, host) in hosts {
            let updater = try host.updater()
            #expect(await updater.status?.state == .available, "\(step)")
            try await updater.prepare()
            try await updater.activate()
            #expect(try host.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0+3.efi"], "\(step)")
            #expect(try host.verifies(slot: 1, site.world.releases[1]), "\(step)")
        }
    }

    @Test("One command at a time, and it can be ended")
    func cancelled() async throws {
        let site = try await Site()
        let host = try TestHost(site)
        let updater = try host.updater()
        #expect(await updater.cancel() == nil)
        _ = try await updater.refresh()
        let before = try host.untouched()
        let isAtBlocks: @Sendable (Updater.Event) -> Bool = {
            if case .progress(let progress) = $0 { progress.step == .blocks } else { false }
        }
        // By another caller, while the writer waits.
        let (begun, ended) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        host.once(isAtBlocks) {
            begun.signal()
            _ = ended.wait(timeout: .now() + 30)
        }
        let other = Task.detached {
            await Self.wait(begun)
            let busy = await #expect(throws: UpdaterError.self) { try await updater.refresh() }
            let kind = await updater.cancel()
            ended.signal()
            return (busy, kind)
        }
        await #expect(throws: UpdaterError.cancelled) { try await updater.prepare() }
        let (busy, kind) = await other.value
        #expect(busy == .busy(.prepare) && kind == .prepare)
        let status = await updater.status
        #expect(status?.state == .available)
        #expect(status?.mostRecentCommand.stderr == UpdaterError.cancelled.description)
        #expect(try host.untouched() == before)
        // With the task that waits for it.
        let task = Mutex<Task<Void, any Error>?>(nil)
        host.once(isAtBlocks) { task.withLock { $0?.cancel() } }
        task.withLock { $0 = Task { try await updater.prepare() } }
        let waiting = try #require(task.withLock { $0 })
        await #expect(throws: UpdaterError.cancelled) { try await waiting.value }
        #expect(try host.untouched() == before)
        try await updater.prepare()
        #expect(try host.verifies(slot: 1, site.world.releases[1]))
    }

    @Test("A command that waits for a server that says nothing can be ended")
    func cancelledWhileWaiting() async throws {
        let site = try await Site()
        let host = try TestHost(site)
        let updater = try host.updater()
        func cancel() async throws {
            while await updater.cancel() == nil { try await Task.sleep(for: .milliseconds(10)) }
        }
        site.server.line.hold()
        let refreshed = Task { _ = try await updater.refresh() }
        try await cancel()
        await #expect(throws: UpdaterError.cancelled) { try await refreshed.value }
        #expect(await updater.status?.state == .idle)
        site.server.line.mend()
        _ = try await updater.refresh()
        site.server.line.hold()
        let prepared = Task { try await updater.prepare() }
        try await cancel()
        await #expect(throws: UpdaterError.cancelled) { try await prepared.value }
        let command = await updater.status?.mostRecentCommand
        #expect(command?.kind == .prepare && command?.status == .failed)
        site.server.line.mend()
        try await updater.prepare()
        #expect(try host.verifies(slot: 1, site.world.releases[1]))
    }

    /// Waits on a thread of its own.
    private static func wait(_ semaphore: DispatchSemaphore) async {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                _ = semaphore.wait(timeout: .now() + 30)
                continuation.resume()
            }
        }
    }
}
