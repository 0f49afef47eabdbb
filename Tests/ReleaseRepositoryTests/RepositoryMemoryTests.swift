import Foundation
import Rollout
import Signatures
import TUF
import TestSupport
import Testing

@testable import ReleaseRepository

/// What the writer refuses because it knows more than the folder says: keys that were replaced, and what it wrote last.
@Suite struct RepositoryMemoryTests {
    private static let online = [Targets.type, Snapshot.type, Timestamp.type]

    /// A thief's copy of the keys and of the repository as they are now.
    private func stolen(from site: Site) throws -> Site {
        let thief = try Site()
        try FileManager.default.copyItem(atPath: site.keys, toPath: thief.keys)
        try FileManager.default.copyItem(atPath: site.repository, toPath: thief.repository)
        return thief
    }

    private func rotateOnlineKeys(of site: Site) async throws {
        for role in Self.online {
            _ = try await KeyCeremony(now: Site.origin).rotate(
                role,
                in: site.keys,
                newKeys: [.made(.ed25519)]
            )
            try FileManager.default.removeItem(atPath: "\(site.keys)/\(role)-1-1.pem")
        }
    }

    /// Puts all files of one repository over those of another, except root metadata.
    private func replace(_ site: Site, by thief: Site) throws {
        for (name, bytes) in try thief.files() where !name.hasSuffix(".root.json") {
            let path = URL(filePath: "\(site.repository)/\(name)")
            try FileManager.default.createDirectory(
                at: path.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try bytes.write(to: path)
        }
    }

    @Test func whatReplacedKeysSignedIsNotSignedAgain() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        let thief = try stolen(from: site)
        try await rotateOnlineKeys(of: site)
        _ = try await site.open().refresh()
        for version in ["6.6.6", "6.6.7", "6.6.8"] {
            _ = try await thief.open().publish([thief.build(version)], waves: .open)
        }
        try replace(site, by: thief)
        let before = try site.files()
        await #expect {
            _ = try await site.open(now: Site.origin.advanced(by: 60)).refresh()
        } throws: {
            guard case .metadata("timestamp.json", .notEnoughSignatures) = $0 as? RepositoryError else {
                return false
            }
            return true
        }
        #expect(try site.files() == before)
        // Nor when the roots that replaced the keys are taken away.
        for version in 2...4 {
            try FileManager.default.removeItem(atPath: "\(site.repository)/metadata/\(version).root.json")
        }
        await #expect(throws: RepositoryError.self) {
            _ = try await site.open(now: Site.origin.advanced(by: 60)).refresh()
        }
        #expect(try site.files().count == before.count - 3)
    }

    @Test func anOlderStateOfTheRepositoryIsRefused() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        let timestamp = URL(filePath: "\(site.repository)/metadata/timestamp.json")
        let yesterday = try Data(contentsOf: timestamp)
        _ = try await site.open().publish([site.build("1.1.0")], waves: .open)
        try yesterday.write(to: timestamp)
        let before = try site.files()
        let later = Site.origin.advanced(by: 3600)
        await #expect(throws: RepositoryError.self) { _ = try await site.open(now: later).refresh() }
        await #expect(throws: RepositoryError.self) {
            _ = try await site.open(now: later).publish([site.build("1.2.0")], waves: .open)
        }
        await #expect(throws: RepositoryError.self) {
            _ = try await site.open(now: later).withdraw("vm/amd64/1.0.0")
        }
        #expect(try site.files() == before)
    }

    /// A key ring that was copied from elsewhere has no memory; files of releases are safe all the same.
    @Test func onlyAPublicationRemovesFilesOfReleases() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        let timestamp = URL(filePath: "\(site.repository)/metadata/timestamp.json")
        let yesterday = try Data(contentsOf: timestamp)
        _ = try await site.open().publish([site.build("1.1.0")], waves: .open)
        try yesterday.write(to: timestamp)
        try? FileManager.default.removeItem(atPath: "\(site.keys)/published.json")
        let later = Site.origin.advanced(by: 3600)
        let before = try site.files().keys.filter { $0.hasPrefix("targets/") }.sorted()
        _ = try await site.open(now: later).refresh()
        _ = try await site.open(now: later).withdraw("vm/amd64/1.0.0")
        #expect(try site.files().keys.filter { $0.hasPrefix("targets/") }.sorted() == before)
    }
}
