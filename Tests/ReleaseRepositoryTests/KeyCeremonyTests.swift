import Foundation
import Signatures
import TUF
import TestSupport
import Testing

@testable import ReleaseRepository

@Suite struct KeyCeremonyTests {
    private let site: Site
    private let ceremony = KeyCeremony(now: Site.origin)

    init() throws { site = try Site() }

    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test(arguments: [KeyKind.ed25519, .ecdsaP256, .rsa])
    func secretsArePrivatePKCS8ThatOpenSSLReads(_ kind: KeyKind) async throws {
        let outcome = try await ceremony.initialize(site.keys, kind: kind)
        #expect(outcome.rootVersion == 1 && outcome.privateFiles.count == 4)
        #expect(outcome.expires == Site.origin.advanced(by: 365 * 86_400))
        #expect(try mode(site.keys) == 0o700)
        for file in outcome.privateFiles {
            #expect(try mode(file) == 0o600)
            #expect(
                try String(contentsOfFile: file, encoding: .utf8).hasPrefix("-----BEGIN PRIVATE KEY-----")
            )
            #expect(try runTool("openssl", "pkey", "-in", file, "-noout").status == 0)
        }
        #expect(try KeyRing(reading: site.keys).roots.latest?.signed.roles.count == 4)
    }

    @Test func rolesHaveTheKeysAndThresholdsThatWereAskedFor() async throws {
        let offline = site.folder.file("offline")
        let outcome = try await ceremony.initialize(
            site.keys,
            rootFolder: offline,
            plan: ["root": .init(count: 3, threshold: 2), "targets": .init(count: 2, threshold: 2)]
        )
        let root = try #require(try KeyRing(reading: site.keys).roots.latest)
        #expect(root.signed.roles["root"]?.keyIDs.count == 3 && root.signed.roles["root"]?.threshold == 2)
        #expect(
            root.signed.roles["targets"]?.threshold == 2 && root.signed.roles["timestamp"]?.threshold == 1
        )
        #expect(root.signatures.count == 2)
        #expect(outcome.privateFiles.filter { $0.hasPrefix(offline) }.count == 3)
    }

    @Test func withoutTheRootsFolderMetadataAreSignedAndNoKeyIsRotated() async throws {
        let offline = site.folder.file("offline")
        _ = try await ceremony.initialize(site.keys, rootFolder: offline)
        try FileManager.default.moveItem(atPath: offline, toPath: offline + "-away")
        try FileManager.default.createDirectory(atPath: site.repository, withIntermediateDirectories: true)
        #expect(try await site.open().initialize())
        let before = try FileManager.default.contentsOfDirectory(atPath: site.keys).filter {
            $0.hasSuffix("root.json")
        }
        await #expect {
            _ = try await ceremony.rotate("timestamp", in: site.keys, newKeys: [.made(.ed25519)])
        } throws: {
            "\($0)".contains(offline) && "\($0)".contains("mount")
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: site.keys).filter {
                $0.hasSuffix("root.json")
            } == before
        )
        try FileManager.default.moveItem(atPath: offline + "-away", toPath: offline)
        #expect(
            try await ceremony.rotate("timestamp", in: site.keys, newKeys: [.made(.ed25519)]).rootVersion == 2
        )
    }

    @Test(arguments: Root.topLevelRoles)
    func aRoleIsRotated(_ role: String) async throws {
        _ = try await ceremony.initialize(site.keys, plan: [role: .init(count: 2, threshold: 2)])
        let old = try #require(try KeyRing(reading: site.keys).roots.latest)
        let outcome = try await ceremony.rotate(
            role,
            in: site.keys,
            newKeys: Array(repeating: .made(.ecdsaP256), count: 3)
        )
        #expect(outcome.rootVersion == 2)
        let new = try #require(try KeyRing(reading: site.keys).roots.latest)
        let oldKeys = try #require(old.signed.roles[role]?.keyIDs)
        let newKeys = try #require(new.signed.roles[role]?.keyIDs)
        #expect(Set(newKeys).isDisjoint(with: oldKeys))
        #expect(new.signed.roles[role]?.keyIDs.count == 3 && new.signed.roles[role]?.threshold == 2)
        // Signed by the old root's threshold and by the new one's.
        try new.verify(by: old.signed)
        try new.verify(by: new.signed)
        for other in Root.topLevelRoles where other != role {
            #expect(new.signed.roles[other] == old.signed.roles[other])
        }
    }

    @Test func theRootIsRenewedWithTheSameKeys() async throws {
        _ = try await ceremony.initialize(site.keys)
        let later = KeyCeremony(now: Site.origin.advanced(by: 86_400), lifetime: 3600)
        let outcome = try await later.renew(site.keys)
        #expect(outcome.rootVersion == 2 && outcome.expires == Site.origin.advanced(by: 90_000))
        let links = try KeyRing(reading: site.keys).roots.links
        #expect(links[0].metadata.signed.roles == links[1].metadata.signed.roles)
    }

    @Test(arguments: [false, true])
    func aCommandSigns(_ isBase64: Bool) async throws {
        _ = try await ceremony.initialize(site.keys)
        let secret = site.folder.file("hsm.pem")
        let publicKey = site.folder.file("hsm.pub")
        #expect(
            try runTool(
                "openssl",
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-out",
                secret
            ).status == 0
        )
        #expect(try runTool("openssl", "pkey", "-in", secret, "-pubout", "-out", publicKey).status == 0)
        let script = "openssl dgst -sha256 -sign '\(secret)'\(isBase64 ? " | base64" : "")"
        _ = try await ceremony.rotate(
            "timestamp",
            in: site.keys,
            newKeys: [.elsewhere(publicFile: publicKey, command: ["sh", "-c", script])]
        )
        try FileManager.default.createDirectory(atPath: site.repository, withIntermediateDirectories: true)
        #expect(try await site.open().initialize())
        #expect(try site.verify().findings == [])
        // What fails says which command, and leaves the repository as it is.
        let before = try site.files()
        for (broken, part) in [
            ("exit 3", "status 3"), ("echo nonsense", "no signature"), ("cat", "no signature"),
            ("yes", "'sh' failed"),
        ] {
            let list = "\(site.keys)/keys.toml"
            let text = try String(contentsOfFile: list, encoding: .utf8)
            let entries = try KeyRing(reading: site.keys).entries.map { entry in
                guard case .command = entry.source else { return entry }
                return KeyRing.Entry(publicFile: entry.publicFile, source: .command(["sh", "-c", broken]))
            }
            try KeyRing.text(entries).write(toFile: list, atomically: true, encoding: .utf8)
            await #expect {
                _ = try await site.open(now: Site.origin.advanced(by: 60)).refresh()
            } throws: {
                "\($0)".contains("timestamp") && "\($0)".contains(part)
            }
            try text.write(toFile: list, atomically: true, encoding: .utf8)
        }
        #expect(try site.files() == before)
    }

    @Test func aSecretOfAnotherKeyIsFound() async throws {
        _ = try await ceremony.initialize(site.keys)
        try FileManager.default.removeItem(atPath: "\(site.keys)/timestamp-1-1.pem")
        try FileManager.default.copyItem(
            atPath: "\(site.keys)/snapshot-1-1.pem",
            toPath: "\(site.keys)/timestamp-1-1.pem"
        )
        try FileManager.default.createDirectory(atPath: site.repository, withIntermediateDirectories: true)
        await #expect {
            _ = try await site.open().initialize()
        } throws: {
            "\($0)".contains("does not belong to") && "\($0)".contains("timestamp-1-1.pem")
        }
    }

    @Test func whatIsThereIsNeverWrittenOver() async throws {
        _ = try await ceremony.initialize(site.keys)
        await #expect(throws: RepositoryError.exists(path: site.keys)) {
            _ = try await ceremony.initialize(site.keys)
        }
    }

    @Test func impossibleWishesAreRefused() async throws {
        for plan: [String: KeyCeremony.RolePlan] in [
            ["boss": .init()], ["root": .init(count: 0, threshold: 1)],
            ["root": .init(count: 1, threshold: 2)],
            ["root": .init(count: 33, threshold: 1)], ["targets": .init(count: 1, threshold: 0)],
        ] {
            await #expect(throws: RepositoryError.self) {
                _ = try await ceremony.initialize(site.keys, plan: plan)
            }
        }
        _ = try await ceremony.initialize(site.keys)
        await #expect(throws: RepositoryError.self) {
            _ = try await ceremony.rotate("boss", in: site.keys, newKeys: [.made(.ed25519)])
        }
        await #expect(throws: RepositoryError.self) {
            _ = try await ceremony.rotate("root", in: site.keys, newKeys: [])
        }
        await #expect(throws: RepositoryError.self) {
            _ = try await KeyCeremony(now: Site.origin, lifetime: 1).renew(site.keys)
        }
    }

    @Test(arguments: [
        "", "keys = 3", "[[keys]]", "[[keys]]\npublic='root-1-1.pub'",
        "[[keys]]\npublic='none.pub'\nfile='x'",
        "[[keys]]\npublic='root-1-1.pub'\nfile='x'\ncommand=['y']",
        "[[keys]]\npublic='root-1-1.pub'\ncommand=[]",
        "[[keys]]\npublic='root-1-1.pub'\ncommand=[3]", "[[keys]]\npublic='keys.toml'\nfile='x'",
        "[[keys]]\npublic='root-1-1.pub'\nfile='x'\ncolour='red'", "[[",
    ])
    func aDamagedListIsAnError(_ text: String) async throws {
        _ = try await ceremony.initialize(site.keys)
        try text.write(toFile: "\(site.keys)/keys.toml", atomically: true, encoding: .utf8)
        #expect {
            _ = try KeyRing(reading: site.keys)
        } throws: { "\($0)".contains(site.keys) }
    }

    @Test func aRootThatTheOldOneDidNotSignIsRefused() async throws {
        _ = try await ceremony.initialize(site.keys)
        let other = site.folder.file("other")
        _ = try await ceremony.initialize(other)
        _ = try await ceremony.renew(other)
        try FileManager.default.copyItem(atPath: "\(other)/2.root.json", toPath: "\(site.keys)/2.root.json")
        #expect {
            _ = try KeyRing(reading: site.keys)
        } throws: { "\($0)".contains("2.root.json") }
    }
}
