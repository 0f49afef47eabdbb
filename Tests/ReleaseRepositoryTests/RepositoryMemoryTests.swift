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

    /// After a loss a backup is all there is: hosts must see versions go on, and no file of a release is lost.
    @Test func aBackupIsTakenOnDemandAndVersionsGoOn() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        let backup = try stolen(from: site)
        for version in ["1.1.0", "1.2.0"] {
            _ = try await site.open().publish([site.build(version)], waves: .open)
        }
        try FileManager.default.removeItem(atPath: site.repository)
        try FileManager.default.copyItem(atPath: backup.repository, toPath: site.repository)
        await #expect {
            _ = try await site.open().refresh()
        } throws: {
            "\($0)".contains("--accept-older") && "\($0)".contains("version 2")
        }
        #expect(
            try await site.open().refresh(acceptingOlder: true) == [
                "5.targets.json", "5.snapshot.json", "timestamp.json",
            ]
        )
        let report = try site.verify()
        #expect(report.findings == [] && report.versions["timestamp"] == 5)
        #expect(report.releases.map(\.name) == ["vm/amd64/1.0.0"])
        #expect(try await site.open(now: Site.origin.advanced(by: 60)).refresh() == ["timestamp.json"])
    }

    @Test func aRingServesOneRepository() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        let second = site.folder.file("second")
        try FolderStorage.makeFolder(second)
        func open() throws -> Repository<FolderStorage> {
            try Repository(
                FolderStorage(second, forWriting: true),
                keys: KeyRing(reading: site.keys),
                now: Site.origin
            )
        }
        await #expect(
            throws: RepositoryError.publishedBefore(ring: site.keys, version: 2, repository: second)
        ) { try await open().initialize() }
        // In place of one that is lost it goes on where that one ended.
        #expect(try await open().initialize(acceptingOlder: true))
        let report = try RepositoryVerification.run(
            FolderStorage(second, forWriting: false),
            now: Site.origin
        )
        #expect(report.versions == ["root": 1, "targets": 3, "snapshot": 3, "timestamp": 3])
        #expect(report.findings == [])
    }

    /// What the version before made has no note; the next change makes it.
    @Test func aRingWithoutMemoryGetsOne() async throws {
        let site = try await Site.make()
        let note = "\(site.keys)/published.json"
        try FileManager.default.removeItem(atPath: note)
        _ = try await site.open(now: Site.origin.advanced(by: 60)).refresh()
        let state = try PublishedState(reading: site.keys)
        #expect(state.timestamp == 2 && state.snapshot == 1 && state.targets == 1 && state.root == 1)
        let mode = try FileManager.default.attributesOfItem(atPath: note)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        for damage in ["", "{}", #"{"root": 1, "snapshot": 1, "targets": 1, "timestamp": -1}"#] {
            try damage.write(toFile: note, atomically: true, encoding: .utf8)
            await #expect {
                _ = try await site.open().refresh()
            } throws: { "\($0)".contains(note) }
        }
    }

    /// A thief raises all versions to the end; the operator replaces the keys, and hosts forget what they saw.
    @Test(arguments: [Int64.max, Int64.max - 1, 1 << 53], [true, false])
    func versionsRaisedToTheEndAreRecovered(_ version: Int64, hasMemory: Bool) async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        try await raiseVersions(of: site, to: version)
        let later = Site.origin.advanced(by: 60)
        await #expect {
            _ = try await site.open(now: later).refresh()
        } throws: {
            "\($0)".contains("\(version)") && "\($0)".contains("bulkhead keys rotate")
        }
        try await rotateOnlineKeys(of: site)
        if !hasMemory { try FileManager.default.removeItem(atPath: "\(site.keys)/published.json") }
        _ = try await site.open(now: later).refresh()
        let report = try site.verify(now: later)
        #expect(report.isUsable, "\(report.findings)")
        // No name of a file gets other content, even where nothing was noted.
        let timestamp: Int64 = hasMemory ? 3 : 1
        #expect(report.versions == ["root": 4, "targets": 3, "snapshot": 3, "timestamp": timestamp])
        #expect(report.releases.map(\.name) == ["vm/amd64/1.0.0"])
        _ = try await site.open(now: later).publish([site.build("1.1.0")], waves: .open)
        #expect(try site.verify(now: later).findings == [])
    }

    private func raiseVersions(of site: Site, to version: Int64) async throws {
        let storage = try FolderStorage(site.repository, forWriting: false)
        let keys = try KeyRing(reading: site.keys)
        let root = try keys.newestRoot()
        let contents = try RepositoryContents(reading: storage)
        var targets = contents.targets.signed
        targets.common.version = version
        var bytes = try await keys.sign(targets, for: [root])
        try storage.write(bytes, to: "metadata/\(version).targets.json")
        var snapshot = contents.snapshot.signed
        snapshot.common.version = version
        snapshot.meta["targets.json"] = MetaFile(version: version, length: Int64(bytes.count))
        bytes = try await keys.sign(snapshot, for: [root])
        try storage.write(bytes, to: "metadata/\(version).snapshot.json")
        var timestamp = contents.timestamp.signed
        timestamp.common.version = version
        timestamp.snapshot = MetaFile(version: version, length: Int64(bytes.count))
        try storage.write(await keys.sign(timestamp, for: [root]), to: "metadata/timestamp.json")
    }

    @Test func metadataThatWouldExpireEarlierAreRefused() async throws {
        let site = try await Site.make()
        let dayBefore = Site.origin.advanced(by: -86_400)
        let before = try site.files()
        await #expect(
            throws: RepositoryError.expiresEarlier(
                role: "timestamp",
                there: Site.origin.advanced(by: 7 * 86_400),
                new: Site.origin.advanced(by: 6 * 86_400)
            )
        ) { try await site.open(now: dayBefore).refresh() }
        await #expect(throws: RepositoryError.self) {
            try await site.open(now: dayBefore).publish([site.build("1.0.0")], waves: .open)
        }
        #expect(try site.files() == before)
        // Clocks differ a little, and a life may be made shorter.
        #expect(try await site.open(now: Site.origin.advanced(by: -60)).refresh() == ["timestamp.json"])
        var policy = ExpiryPolicy.standard
        policy.timestamp = 3600
        policy.chosen = ["timestamp"]
        #expect(try await site.open(policy: policy).refresh() == ["timestamp.json"])
    }

    @Test func aRootThatWouldExpireEarlierIsRefused() async throws {
        let site = try await Site.make()
        let early = Site.origin.advanced(by: -86_400)
        for change in [
            { _ = try await KeyCeremony(now: early).renew(site.keys) },
            {
                _ = try await KeyCeremony(now: early).rotate(
                    "root",
                    in: site.keys,
                    newKeys: [.made(.ed25519)]
                )
            },
        ] {
            await #expect {
                try await change()
            } throws: {
                guard case .expiresEarlier("root", _, _) = $0 as? RepositoryError else { return false }
                return true
            }
        }
        _ = try await KeyCeremony(now: early, lifetime: 3600).renew(site.keys)
    }
}
