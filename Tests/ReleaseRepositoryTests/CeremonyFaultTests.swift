import Foundation
import Signatures
import TUF
import TestSupport
import Testing

@testable import ReleaseRepository

/// Ceremonies that go wrong, meet each other, or are held often.
@Suite struct CeremonyFaultTests {
    private let site: Site
    private let ceremony = KeyCeremony(now: Site.origin)

    init() throws { site = try Site() }

    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    private func files(_ folder: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
    }

    @Test func aThresholdIsLoweredOnlyOnDemand() async throws {
        _ = try await ceremony.initialize(site.keys, plan: ["root": .init(count: 3, threshold: 2)])
        let before = try files(site.keys)
        await #expect {
            _ = try await ceremony.rotate("root", in: site.keys, newKeys: [.made(.ed25519)])
        } throws: {
            "\($0)".contains("threshold") && "\($0)".contains("2")
        }
        #expect(try files(site.keys) == before)
        _ = try await ceremony.rotate("root", in: site.keys, newKeys: [.made(.ed25519)], threshold: 1)
        #expect(try KeyRing(reading: site.keys).roots.latest?.signed.roles["root"]?.threshold == 1)
    }

    @Test func ceremoniesAtOnceLoseNoRoot() async throws {
        _ = try await ceremony.initialize(site.keys)
        let (ceremony, keys) = (ceremony, site.keys)
        let made = await withTaskGroup(of: Int64?.self) { group in
            for _ in 0..<32 {
                group.addTask {
                    try? await ceremony.rotate("timestamp", in: keys, newKeys: [.made(.ed25519)]).rootVersion
                }
            }
            var made: [Int64] = []
            for await version in group { if let version { made.append(version) } }
            return made
        }
        #expect(!made.isEmpty && Set(made).count == made.count)
        let ring = try KeyRing(reading: keys)
        #expect(ring.roots.links.count == made.count + 1)
        // The newest keys are those that the list knows.
        let newest = try #require(ring.roots.latest?.signed.roles["timestamp"]?.keyIDs)
        for keyID in newest { #expect(ring.signers[keyID] != nil) }
    }

    @Test func withoutTheRootsKeysNothingIsWritten() async throws {
        let offline = site.folder.file("offline/root")
        _ = try await ceremony.initialize(site.keys, rootFolder: offline)
        try FileManager.default.moveItem(atPath: offline, toPath: offline + "-away")
        let before = try files(site.keys)
        let list = try Data(contentsOf: URL(filePath: "\(site.keys)/keys.toml"))
        for role in Root.topLevelRoles {
            await #expect {
                _ = try await ceremony.rotate(role, in: site.keys, newKeys: [.made(.ed25519)])
            } throws: {
                guard case .missingKeys = $0 as? RepositoryError else { return false }
                return true
            }
        }
        #expect(try files(site.keys) == before)
        #expect(try Data(contentsOf: URL(filePath: "\(site.keys)/keys.toml")) == list)
        #expect(!FileManager.default.fileExists(atPath: offline))
    }

    /// A root key elsewhere whose command is wrong: the keys that were made beside it are of no use to anybody.
    @Test func aCeremonyThatFailsLeavesNoKeys() async throws {
        _ = try await ceremony.initialize(site.keys)
        let before = try files(site.keys)
        let publicKey = site.folder.file("kms.pub")
        try PrivateKey.generate(.ed25519).publicKey.pem().write(
            toFile: publicKey,
            atomically: true,
            encoding: .utf8
        )
        await #expect(throws: RepositoryError.self) {
            _ = try await ceremony.rotate(
                "root",
                in: site.keys,
                newKeys: [.made(.ed25519), .elsewhere(publicFile: publicKey, command: ["false"])],
                threshold: 2
            )
        }
        #expect(try files(site.keys) == before)
    }

    @Test func entriesThatNoRootNamesAreDroppedAndTheListStaysReadable() async throws {
        _ = try await ceremony.initialize(site.keys)
        // What the version before left behind after ceremonies that failed.
        var entries = try KeyRing(reading: site.keys).entries
        for number in 1...260 {
            try PrivateKey.generate(.ed25519).publicKey.pem().write(
                toFile: "\(site.keys)/failed-\(number).pub",
                atomically: true,
                encoding: .utf8
            )
            entries.append(.init(publicFile: "failed-\(number).pub", source: .file("failed-\(number).pem")))
        }
        try KeyRing.text(entries).write(
            toFile: "\(site.keys)/keys.toml",
            atomically: true,
            encoding: .utf8
        )
        _ = try await ceremony.rotate("timestamp", in: site.keys, newKeys: [.made(.ed25519)])
        #expect(try KeyRing(reading: site.keys).entries.count == 5)
    }

    @Test func aRingOutlivesManyRotations() async throws {
        _ = try await ceremony.initialize(site.keys)
        let keys = Array(repeating: KeyCeremony.NewKey.made(.ed25519), count: 32)
        for _ in 0..<9 { _ = try await ceremony.rotate("timestamp", in: site.keys, newKeys: keys) }
        let ring = try KeyRing(reading: site.keys)
        #expect(ring.entries.count <= KeyRing.keyLimit)
        for role in try #require(ring.roots.latest).signed.roles.values {
            for keyID in role.keyIDs { #expect(ring.signers[keyID] != nil) }
        }
    }

    @Test func whatIsSecretStaysSo() async throws {
        try FileManager.default.createDirectory(
            atPath: site.keys,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755]
        )
        _ = try await ceremony.initialize(site.keys)
        #expect(try mode(site.keys) == 0o700)
        #expect(try mode("\(site.keys)/keys.toml") == 0o600)
        // What a ceremony that was killed leaves: part of a secret.
        let rest = [
            "root/root-1-1.pem.\(UUID().uuidString).new", "snapshot-1-1.pem.\(UUID().uuidString).new",
        ]
        for name in rest { try Data([1]).write(to: URL(filePath: "\(site.keys)/\(name)")) }
        _ = try await ceremony.renew(site.keys)
        for name in rest {
            #expect(!FileManager.default.fileExists(atPath: "\(site.keys)/\(name)"), "\(name)")
        }
    }

    @Test(arguments: ["exit 3", "echo nonsense"])
    func argumentsOfASigningCommandAreNotRepeated(_ script: String) async throws {
        _ = try await ceremony.initialize(site.keys)
        let entries = try KeyRing(reading: site.keys).entries.map { entry in
            guard entry.publicFile.hasPrefix("targets") else { return entry }
            return KeyRing.Entry(
                publicFile: entry.publicFile,
                source: .command(["sh", "-c", script, "--pin=1234567"])
            )
        }
        try KeyRing.text(entries).write(
            toFile: "\(site.keys)/keys.toml",
            atomically: true,
            encoding: .utf8
        )
        try FileManager.default.createDirectory(atPath: site.repository, withIntermediateDirectories: true)
        await #expect {
            _ = try await site.open().initialize()
        } throws: {
            "\($0)".contains("'sh'") && !"\($0)".contains("1234567")
        }
    }
}
