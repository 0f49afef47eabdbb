import BootEntries
import Foundation
import HostAPI
import JSON
import Rollout
import TUF
import TestSupport
import Testing

@testable import ReleaseRepository
@testable import UpdateFixtures
@testable import Updater

@Suite("What a repository offers and what it gets wrong") struct RepositoryFaultTests {
    /// The error of a `prepare` that leaves everything that boots as it was.
    private func failure(_ host: TestHost, _ updater: Updater) async throws -> UpdaterError? {
        let before = try host.untouched()
        let error = await #expect(throws: UpdaterError.self) { try await updater.prepare() }
        #expect(try host.untouched() == before)
        #expect(try host.entryNames() == ["\(host.running.label).efi"])
        let status = await updater.status
        #expect(status?.state == .available && status?.mostRecentCommand.status == .failed)
        #expect(status?.mostRecentCommand.stderr == error?.description)
        return error
    }

    @Test("Only releases of the host's variant and architecture are offered")
    func otherVariant() async throws {
        let site = try await Site()
        let third = site.world.releases[2]
        try await site.publish(third, variant: "metal")
        try await site.publish(third, architecture: "arm64")
        let updater = try TestHost(site).updater()
        #expect(try await updater.refresh() == nil)
        #expect(await updater.status?.availableUpdates == ["2.0.0"])
        #expect(await updater.status?.chosenUpdate?.version == "2.0.0")
    }

    @Test("A recalled release is not taken, not even when it was chosen or staged before")
    func recalled() async throws {
        let site = try await Site()
        let version = UAPIVersion("2.0.0")
        let (chosen, staged, activated) = (try TestHost(site), try TestHost(site), try TestHost(site))
        let updater = try chosen.updater()
        _ = try await updater.refresh()
        for host in [staged, activated] {
            let updater = try host.updater()
            _ = try await updater.refresh()
            try await updater.prepare()
            if host === activated { try await updater.activate() }
        }
        #expect(try await site.open().withdraw("vm/amd64/2.0.0"))
        #expect(try await failure(chosen, updater) == .notOffered(version: "2.0.0"))
        #expect(try await updater.refresh() == .withdrawn(version))
        #expect(await updater.status?.state == .idle)
        #expect(await updater.plan == nil)
        let other = try staged.updater()
        #expect(try await other.refresh() == .withdrawn(version))
        #expect(await other.status?.state == .idle)
        #expect(await other.status?.stagingPartition == nil)
        // What the next boot tries is the operator's to take back.
        let last = try activated.updater()
        #expect(try await last.refresh() == nil)
        #expect(await last.status?.state == .ready)
        // A newer one is taken over the one that was staged.
        try await site.publish(site.world.releases[2])
        #expect(try await other.refresh() == nil)
        try await other.prepare()
        #expect(try staged.verifies(slot: 1, site.world.releases[2]))
        #expect(try staged.entryNames("EFI/bulkhead") == ["vm_3.0.0.efi"])
    }

    @Test("Locks, waves and requests choose")
    func choices() async throws {
        let site = try await Site()
        let start = World.origin.seconds
        try await site.publish(
            site.world.releases[2],
            waves: WaveTable([.init(seed: 0, time: start + 1000), .init(seed: 1024, time: start + 2000)])
        )
        let host = try TestHost(site)
        let updater = try host.updater()
        func chosen() async throws -> String? {
            _ = try await updater.refresh()
            return await updater.status?.chosenUpdate?.version
        }
        #expect(try await chosen() == "2.0.0")
        host.change { $0.now = start + 1000 }
        #expect(try await chosen() == "2.0.0")
        host.change { $0.configuration.seed = 0 }
        #expect(try await chosen() == "3.0.0")
        host.change { ($0.now, $0.configuration.ignoresWaves) = (start + 60, true) }
        #expect(try await chosen() == "3.0.0")
        host.change { $0.configuration.versionLock = UAPIVersion("2.0.0") }
        #expect(try await chosen() == "2.0.0")
        #expect(try await updater.refresh(requesting: "3.0.0") == nil)
        #expect(await updater.status?.chosenUpdate?.version == "3.0.0")
        host.change { $0.configuration.versionLock = UAPIVersion("2.5.0") }
        #expect(try await updater.refresh() == .noSuchVersion(UAPIVersion("2.5.0"), wish: .lock))
        #expect(await updater.status?.chosenUpdate == nil)
        host.change { $0.configuration.versionLock = nil }
        // A staged release stays, unless another is asked for.
        #expect(try await updater.refresh(requesting: "2.0.0") == nil)
        try await updater.prepare()
        #expect(try await updater.refresh() == nil)
        #expect(await updater.status?.state == .staged)
        #expect(try await updater.refresh(requesting: "2.0.0") == nil)
        #expect(await updater.status?.state == .staged)
        #expect(try await updater.refresh(requesting: "3.0.0") == nil)
        #expect(await updater.status?.state == .available)
        #expect(await updater.status?.chosenUpdate?.version == "3.0.0")
    }

    @Test("What is prepared is what was chosen, whatever is published meanwhile")
    func changedMeanwhile() async throws {
        let site = try await Site()
        let host = try TestHost(site)
        let updater = try host.updater()
        _ = try await updater.refresh()
        try await site.publish(site.world.releases[2])
        try await updater.prepare()
        #expect(try host.verifies(slot: 1, site.world.releases[1]))
        #expect(await updater.status?.stagingPartition?.image.version == "2.0.0")
    }

    @Test("A release that became older than what runs is refused")
    func older() async throws {
        let site = try await Site()
        let host = try TestHost(site)
        _ = try await host.updater().refresh()
        let third = site.world.releases[2]
        host.change { $0.running = third }
        let updater = try host.updater()
        let error = await #expect(throws: UpdaterError.self) { try await updater.prepare() }
        #expect(error == .olderRelease(version: "2.0.0", running: "3.0.0"))
        #expect(host.disk.events.isEmpty)
        // A withdrawn release does not make the host go back either.
        try await site.publish(third)
        _ = try await site.open().withdraw("vm/amd64/3.0.0")
        let (three, two) = (UAPIVersion("3.0.0"), UAPIVersion("2.0.0"))
        #expect(try await updater.refresh() == .downgradeNotAllowed(running: three, to: two))
        #expect(
            try await updater.refresh(requesting: "2.0.0") == .downgradeNotAllowed(running: three, to: two)
        )
    }

    @Test("Expired metadata and a clock in the past are refused")
    func times() async throws {
        let site = try await Site()
        let host = try TestHost(site)
        let updater = try host.updater()
        _ = try await updater.refresh()
        func failure(at now: Int64) async -> String? {
            host.change { $0.now = now }
            do {
                _ = try await updater.refresh()
                return nil
            } catch {
                guard case .metadata(let text) = error else { return nil }
                return text
            }
        }
        // The store knows the latest time that was seen.
        let early = await failure(at: World.origin.seconds - 30 * 86_400)
        #expect(early != nil)
        host.change { $0.now = World.origin.seconds + 120 }
        #expect(try await updater.refresh() == nil)
        let late = await failure(at: World.origin.seconds + 8 * 86_400)
        #expect(late?.contains("expired") == true, "\(late ?? "it worked")")
        let status = await updater.status
        #expect(status?.state == .available && status?.mostRecentCommand.stderr == late)
        await #expect(throws: UpdaterError.self) { try await updater.prepare() }
        #expect(host.disk.events.isEmpty)
    }

    @Test("A server that is away, or refuses, is named")
    func away() async throws {
        let site = try await Site()
        let host = try TestHost(site)
        let updater = try host.updater()
        host.change { $0.configuration.metadataURL += "/nowhere" }
        await #expect(throws: UpdaterError.self) { try await updater.refresh() }
        #expect(await updater.status?.mostRecentCommand.stderr?.isEmpty == false)
        host.change { $0.configuration.metadataURL = site.server.url + "/metadata" }
        #expect(try await updater.refresh() == nil)
        try FileManager.default.removeItem(atPath: site.path("release.json", of: site.world.releases[1]))
        guard case .fetch(let text)? = try await failure(host, updater) else {
            Issue.record("the manifest was not missed")
            return
        }
        #expect(text.contains("404") && text.contains("release.json"))
    }

    @Test("Wrong bytes from a server are named, and end nothing for good")
    func wrongBytes() async throws {
        let site = try await Site()
        let third = site.world.releases[2]
        try await site.publish(third, packs: 0)
        let host = try TestHost(site)
        let updater = try host.updater()
        _ = try await updater.refresh()
        // The index first: the next attempts have a right one, which they do not fetch again.
        for name in ["root.index", "vm_3.0.0.efi", "root.zst"] {
            let path = URL(filePath: try site.path(name, of: third))
            let bytes = try Data(contentsOf: path)
            var wrong = bytes
            // All but the first bytes, so that the file's own header is right.
            for index in wrong.indices.dropFirst(wrong.count / 2) { wrong[index] ^= 0x55 }
            try wrong.write(to: path)
            guard case .fetch(let text)? = try await failure(host, updater) else {
                Issue.record("\(name) was taken")
                return
            }
            #expect(text.contains(name) || text.contains(site.server.url), "\(text)")
            try bytes.write(to: path)
        }
        try await updater.prepare()
        #expect(try host.verifies(slot: 1, third))
    }

    @Test("Without its pack, or with a wrong one, a release comes from its root")
    func noPack() async throws {
        for isMissing in [true, false] {
            let site = try await Site()
            let second = site.world.releases[1]
            let path = URL(filePath: try site.path("from-1.0.0.pack", of: second))
            if isMissing {
                try FileManager.default.removeItem(at: path)
            } else {
                var bytes = try Data(contentsOf: path)
                for index in bytes.indices.dropFirst(bytes.count / 2) { bytes[index] ^= 0x55 }
                try bytes.write(to: path)
            }
            let host = try TestHost(site)
            let updater = try host.updater()
            _ = try await updater.refresh()
            try await updater.prepare()
            #expect(try host.verifies(slot: 1, second))
            // Its publisher must hear of it.
            #expect(host.warnings.count == 1 && host.warnings.allSatisfy { $0.contains("from-1.0.0.pack") })
        }
    }

    @Test("A server that sends no parts of files will do")
    func noRanges() async throws {
        let site = try await Site(hasRanges: false)
        for packs in [3, 0] {
            let host = try TestHost(site)
            let updater = try host.updater()
            if packs == 0 { try await site.publish(site.world.releases[2], packs: 0) }
            _ = try await updater.refresh()
            try await updater.prepare()
            #expect(try host.verifies(slot: 1, site.world.releases[packs == 0 ? 2 : 1]))
        }
    }

    @Test("Kernel images that are too large or another release's are refused")
    func kernels() async throws {
        let site = try await Site()
        let third = site.world.releases[2]
        let large = third.kernel + [UInt8](repeating: 0, count: 64 << 20)
        try await site.publish(third, kernel: large)
        let host = try TestHost(site)
        let updater = try host.updater()
        _ = try await updater.refresh()
        guard case .release(let text)? = try await failure(host, updater) else {
            Issue.record("it was taken")
            return
        }
        #expect(text.contains("\(large.count)"))
        #expect(host.disk.events.isEmpty && site.server.requests("vm_3.0.0.efi").isEmpty)
        let fourth = try SampleRelease(version: "4.0.0", seed: 4)
        try await site.publish(fourth, kernel: third.kernel)
        _ = try await updater.refresh()
        let error = try await failure(host, updater)
        #expect(error?.description.contains("the release is wrong") == true, "\(String(describing: error))")
        #expect(try host.entryNames("EFI/bulkhead") == [])
    }

    @Test("Signed metadata that contradict the files are refused")
    func contradictions() async throws {
        let site = try await Site()
        let host = try TestHost(site)
        let updater = try host.updater()
        let name = "vm/amd64/2.0.0/release.json"
        let third = site.world.releases[2]
        func sign(_ change: (inout [String: TargetFile]) throws -> Void) async throws {
            let repository = try site.open()
            let contents = try RepositoryContents(reading: repository.storage)
            var targets = contents.targets.signed
            try change(&targets.targets)
            _ = try await repository.commit(targets, replacing: contents, files: [])
        }
        let original = try RepositoryContents(reading: FolderStorage(site.repository, forWriting: false))
            .targets.signed.targets
        // Another root hash than the manifest's.
        try await sign { targets in
            var candidate = try Candidate(custom: targets[name]?.custom ?? .null)
            candidate.rootHash = third.rootHash
            targets[name]?.custom = candidate.custom
        }
        _ = try await updater.refresh()
        guard case .release(let text)? = try await failure(host, updater) else {
            Issue.record("another root was taken")
            return
        }
        #expect(text.contains("2.0.0"))
        // Another size of a file than the manifest's.
        try await sign { targets in
            targets = original
            targets["vm/amd64/2.0.0/root.index"]?.length += 1
        }
        _ = try await updater.refresh()
        guard case .release(let text)? = try await failure(host, updater) else {
            Issue.record("another size was taken")
            return
        }
        #expect(text.contains("root.index"))
        // A name that is not the release's, and a description that says nothing.
        for custom in [JSONValue?.none, "x", try Candidate(custom: original[name]?.custom ?? .null).other] {
            try await sign { targets in
                targets = original
                targets[name]?.custom = custom
            }
            let error = await #expect(throws: UpdaterError.self) { try await updater.refresh() }
            guard case .metadata(let text)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(text.contains(name), "\(text)")
        }
        #expect(host.disk.events.isEmpty)
        try await sign { $0 = original }
        _ = try await updater.refresh()
        try await updater.prepare()
        #expect(try host.verifies(slot: 1, site.world.releases[1]))
    }
}

extension Candidate {
    /// The description of another version.
    fileprivate var other: JSONValue {
        var other = self
        other.version = UAPIVersion("9.9.9")
        return other.custom
    }
}
