import Foundation
import Rollout
import Signatures
import TUF
import TestSupport
import Testing

@testable import ReleaseRepository

@Suite struct CrashTests {
    private func copy(_ site: Site, to name: String) throws -> String {
        let path = site.folder.file(name)
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.copyItem(atPath: site.repository, toPath: path)
        return path
    }

    /// Cuts a change before each of its steps; every state must be whole, and the next run completes it.
    private func cutEverywhere(
        _ site: Site,
        now: MetadataTime,
        isReadableWithOldKeys: Bool = true,
        _ change: (Repository<FailingStorage>) async throws -> Void
    ) async throws -> Int {
        let before = try site.verify(now: now)
        for step in 0..<100 {
            let path = try copy(site, to: "cut")
            // The key ring notes what it published: every try has its own.
            let ring = site.folder.file("cut-keys")
            try? FileManager.default.removeItem(atPath: ring)
            try FileManager.default.copyItem(atPath: site.keys, toPath: ring)
            let keys = try KeyRing(reading: ring)
            var isDone = false
            do {
                let storage = try FailingStorage(path, after: step)
                try await change(Repository(storage, keys: keys, now: now))
                isDone = true
            } catch let error as RepositoryError {
                guard case .file(_, _, "the power went") = error else { throw error }
            }
            let report = try RepositoryVerification.run(FolderStorage(path, forWriting: false), now: now)
            if isReadableWithOldKeys || isDone {
                #expect(report.isUsable, "step \(step): \(report.findings)")
                let isOld = report.versions["targets"] == before.versions["targets"]
                if isOld { #expect(report.releases.count == before.releases.count) }
            }
            if isDone { return step }
            try await change(Repository(FailingStorage(path, after: 1000), keys: keys, now: now))
            let end = try RepositoryVerification.run(FolderStorage(path, forWriting: false), now: now)
            #expect(end.findings == [], "after step \(step)")
        }
        Issue.record("a change has more than 100 steps")
        return 0
    }

    @Test func aCutPublicationLeavesTheOldOrTheNewRepository() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        let build = try site.build("1.1.0")
        let steps = try await cutEverywhere(site, now: Site.origin) {
            _ = try await $0.publish([build], waves: .open)
        }
        #expect(steps == 9)
    }

    @Test func aCutRotationLeavesAReadableRepository() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        let ceremony = KeyCeremony(now: Site.origin)
        for role in Root.topLevelRoles {
            _ = try await ceremony.rotate(role, in: site.keys, newKeys: [.made(.ed25519)])
        }
        let steps = try await cutEverywhere(site, now: Site.origin) { _ = try await $0.refresh() }
        #expect(steps == 3 + Root.topLevelRoles.count)
    }

    /// With old keys that are lost no order of writes is readable everywhere, but the next run still completes it.
    @Test func aCutRotationWithLostKeysIsCompleted() async throws {
        let site = try await Site.make()
        _ = try await KeyCeremony(now: Site.origin).rotate(
            "timestamp",
            in: site.keys,
            newKeys: [.made(.ecdsaP256)]
        )
        try FileManager.default.removeItem(atPath: "\(site.keys)/timestamp-1-1.pem")
        _ = try await cutEverywhere(site, now: Site.origin, isReadableWithOldKeys: false) {
            _ = try await $0.refresh()
        }
    }

    @Test func aCutBeginningIsCompleted() async throws {
        let site = try Site()
        _ = try await KeyCeremony(now: Site.origin).initialize(site.keys)
        for step in 0..<4 {
            let ring = site.folder.file("keys-\(step)")
            try FileManager.default.copyItem(atPath: site.keys, toPath: ring)
            let keys = try KeyRing(reading: ring)
            let path = site.folder.file("new-\(step)")
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            await #expect(throws: RepositoryError.self) {
                try await Repository(FailingStorage(path, after: step), keys: keys, now: Site.origin)
                    .initialize()
            }
            let storage = try FolderStorage(path, forWriting: true)
            #expect(try await Repository(storage, keys: keys, now: Site.origin).initialize())
            #expect(try RepositoryVerification.run(storage, now: Site.origin).isUsable)
        }
    }
}
