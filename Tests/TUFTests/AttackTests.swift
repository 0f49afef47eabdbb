import Glibc
import Hashing
import JSON
import Signatures
import TUF
import Testing

/// The attacks of section 1.5.2 of the TUF specification, one by one.
@Suite struct AttackTests {
    private static let roles = ["timestamp", "snapshot", "targets"]

    @Test(arguments: roles) func arbitrarySoftwareMetadataOfStrangersAreRefused(_ role: String) async throws {
        var repository = try TestRepository()
        repository.signers[role] = [try PrivateKey.generate(.ed25519)]
        try repository.publish()
        let host = try TestHost(repository)
        let failure = await host.failure(repository)
        #expect(failure == .notEnoughSignatures(role: role, valid: 0, threshold: 1, delegator: "root"))
        #expect(!host.store.names.contains("\(role).json"))
    }

    @Test func arbitrarySoftwareOtherContentIsRefused() throws {
        let file = TargetFile(length: 5, sha256: SHA256Digest(hashing: "right"))
        try file.check(Array("right".utf8), name: "file")
        #expect(throws: TUFError.wrongHash(name: "file", algorithm: "sha256")) {
            try file.check(Array("wrong".utf8), name: "file")
        }
        #expect(throws: TUFError.wrongLength(name: "file", expected: 5, found: 4)) {
            try file.check(Array("righ".utf8), name: "file")
        }
        #expect(throws: TUFError.tooLong(name: "file", limit: 5)) {
            try file.check(Array("right!".utf8), name: "file")
        }
    }

    @Test(arguments: roles) func changedMetadataLoseTheirSignatures(_ role: String) async throws {
        var repository = try TestRepository()
        for (name, bytes) in repository.files where name.hasSuffix("\(role).json") {
            let text = String(decoding: bytes, as: UTF8.self)
            repository.files[name] = Array(text.replacing("2031-07", with: "2041-07").utf8)
        }
        let host = try TestHost(repository)
        let failure = await host.failure(repository)
        #expect(failure == .notEnoughSignatures(role: role, valid: 0, threshold: 1, delegator: "root"))
    }

    @Test func rollbackOfTheTimestampIsRefused() async throws {
        var repository = try TestRepository()
        let old = repository
        try repository.publishNext()
        let host = try TestHost(repository)
        try await host.refresh(repository)
        #expect(await host.failure(old) == .rollback(role: "timestamp", trusted: 2, found: 1))
        #expect(host.store.version(Timestamp.self) == 2)
    }

    @Test(arguments: [false, true]) func rollbackOfTheSnapshotIsRefused(_ hashes: Bool) async throws {
        var repository = try TestRepository()
        repository.listsHashes = hashes
        try repository.publishNext()
        let host = try TestHost(repository)
        try await host.refresh(repository)
        repository.snapshot.common.version = 1
        repository.timestamp.common.version = 3
        try repository.publish()
        #expect(await host.failure(repository) == .rollback(role: "snapshot", trusted: 2, found: 1))
        #expect(host.store.version(Timestamp.self) == 2)
        #expect(host.store.version(Snapshot.self) == 2)
    }

    @Test(arguments: [false, true]) func rollbackOfTargetsIsRefused(_ hashes: Bool) async throws {
        var repository = try TestRepository()
        repository.listsHashes = hashes
        try repository.publishNext()
        let host = try TestHost(repository)
        try await host.refresh(repository)
        try repository.publishNext()
        repository.targets.common.version = 1
        try repository.publish()
        #expect(await host.failure(repository) == .rollback(role: "targets.json", trusted: 2, found: 1))
        #expect(host.store.version(Snapshot.self) == 2)
        #expect(host.store.version(Targets.self) == 2)
    }

    /// However long the trusted snapshot is, as long as it was taken once.
    @Test func rollbackOfTargetsIsRefusedByALongSnapshot() async throws {
        var repository = try TestRepository()
        repository.listsHashes = true
        repository.snapshot.common.unrecognized["x"] = .string(String(repeating: "x", count: 2_100_000))
        try repository.publishNext()
        let host = try TestHost(repository)
        try await host.refresh(repository)
        try await host.refresh(repository)
        #expect(host.requests == ["2.root.json", "timestamp.json"])
        try repository.publishNext()
        repository.targets.common.version = 1
        try repository.publish()
        #expect(await host.failure(repository) == .rollback(role: "targets.json", trusted: 2, found: 1))
    }

    /// The second key is the first one's point, compressed.
    @Test func oneKeyInTwoFormsCountsOnce() async throws {
        var repository = try TestRepository()
        let host = try TestHost(repository)
        let key = try PrivateKey.generate(.ecdsaP256)
        let point = Array(key.publicKey.der.suffix(65))
        let compressed = [2 + point[64] & 1] + point[1...32]
        func value(_ bytes: [UInt8]) -> JSONValue {
            [
                "keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256",
                "keyval": ["public": .string(Hex.encode(bytes))],
            ]
        }
        try repository.changeRoot { root, _ in
            root.roles["timestamp"] = RoleKeys(keyIDs: ["one", "two"], threshold: 2)
        }
        let text = String(decoding: try #require(repository.files["2.root.json"]), as: UTF8.self)
        var document = try #require(try JSONValue(parsing: Array(text.utf8)).members)
        var signed = try #require(document["signed"]?.members)
        var keys = try #require(signed["keys"]?.members)
        (keys["one"], keys["two"]) = (value(point), value(compressed))
        signed["keys"] = .object(keys)
        document = ["signed": .object(signed), "signatures": []]
        var root = try Metadata<Root>(parsing: Array(JSONValue.object(document).prettyText.utf8))
        for key in repository.signers["root"] ?? [] { try root.sign(with: key) }
        repository.files["2.root.json"] = root.encoded()
        var metadata = try Metadata(repository.timestamp)
        try metadata.sign(with: key, keyID: "one")
        try metadata.sign(with: key, keyID: "two")
        repository.files["timestamp.json"] = metadata.encoded()
        #expect(
            await host.failure(repository)
                == .notEnoughSignatures(role: "timestamp", valid: 1, threshold: 2, delegator: "root")
        )
    }

    /// The snapshot that was trusted protects even when it has expired meanwhile.
    @Test func rollbackOfTargetsIsRefusedAfterExpiry() async throws {
        var repository = try TestRepository()
        repository.snapshot.common.expires = testTime.advanced(by: 60)
        try repository.publishNext()
        let host = try TestHost(repository)
        try await host.refresh(repository)
        repository.snapshot.common.expires = testTime.advanced(by: 6000)
        try repository.publishNext()
        repository.targets.common.version = 1
        try repository.publish()
        let later = testTime.advanced(by: 120)
        #expect(
            await host.failure(repository, now: later)
                == .rollback(role: "targets.json", trusted: 2, found: 1)
        )
    }

    @Test func aRoleCannotVanishFromTheSnapshot() async throws {
        var repository = try TestRepository()
        try repository.delegate(to: "a")
        try repository.publishNext()
        let host = try TestHost(repository)
        try await host.refresh(repository)
        repository.delegated = [:]
        repository.snapshot.meta["a.json"] = nil
        try repository.publishNext()
        #expect(await host.failure(repository) == .missingFromSnapshot(role: "a.json"))
    }

    @Test func indefiniteFreezeEndsWithTheExpiry() async throws {
        let changes: [(String, (inout TestRepository) -> Void)] = [
            ("timestamp", { $0.timestamp.common.expires = testTime }),
            ("snapshot", { $0.snapshot.common.expires = testTime }),
            ("targets", { $0.targets.common.expires = testTime }),
        ]
        for (role, change) in changes {
            var repository = try TestRepository()
            change(&repository)
            try repository.publish()
            let host = try TestHost(repository)
            #expect(await host.failure(repository) == .expired(role: role, at: testTime, now: testTime))
            #expect(!host.store.names.contains("\(role).json"))
            #expect(await host.failure(repository, now: testTime.advanced(by: -1)) == nil)
        }
    }

    /// The new root is kept, so that a next one that ends the freeze is found, but nothing that it signs is asked for.
    @Test func anExpiredRootIsTheEnd() async throws {
        var repository = try TestRepository()
        let host = try TestHost(repository)
        try repository.changeRoot { root, _ in root.common.expires = testTime }
        #expect(await host.failure(repository) == .expired(role: "root", at: testTime, now: testTime))
        #expect(host.requests == ["2.root.json", "3.root.json"])
        #expect(host.store.version(Root.self) == 2)
        try repository.changeRoot { root, _ in root.common.expires = testTime.advanced(by: 60) }
        #expect(await host.failure(repository) == nil)
    }

    @Test func repeatingTheSameMetadataFreezesOnlyUntilTheyExpire() async throws {
        let repository = try TestRepository()
        let host = try TestHost(repository)
        try await host.refresh(repository)
        try await host.refresh(repository, now: testTime.advanced(by: 29 * 86_400))
        #expect(host.requests == ["2.root.json", "timestamp.json"])
        let failure = await host.failure(repository, now: testTime.advanced(by: 31 * 86_400))
        guard case .expired(role: "root", _, _) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
    }

    @Test func mixAndMatchOfVersionsIsRefused() async throws {
        var repository = try TestRepository()
        let first = repository
        let host = try TestHost(repository)
        try repository.publishNext()
        var mixed = repository
        mixed.files["2.snapshot.json"] = first.files["1.snapshot.json"]
        #expect(await host.failure(mixed) == .wrongVersion(role: "snapshot", expected: 2, found: 1))
        mixed = repository
        mixed.files["2.targets.json"] = first.files["1.targets.json"]
        #expect(await host.failure(mixed) == .wrongVersion(role: "targets", expected: 2, found: 1))
        #expect(await host.failure(repository) == nil)
    }

    /// Two contents of one version and length, both rightly signed: only hashes tell them apart.
    @Test(arguments: ["2.snapshot.json", "2.targets.json"])
    func mixAndMatchOfOneVersionIsRefusedByHashes(_ name: String) async throws {
        var repository = try TestRepository()
        repository.listsHashes = true
        repository.add("file", "x")
        try repository.publishNext()
        var other = repository
        other.add("file", "y")
        try other.publish()
        var mixed = repository
        mixed.files[name] = other.files[name]
        let host = try TestHost(repository)
        #expect(await host.failure(mixed) == .wrongHash(name: name, algorithm: "sha256"))
        #expect(await host.failure(repository) == nil)
    }

    @Test(arguments: ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"])
    func endlessDataIsCutOff(_ name: String) async throws {
        let repository = try TestRepository()
        let host = try TestHost(repository)
        let files = repository.files
        var client = MetadataClient(store: host.store, now: testTime) { asked, limit in
            // A source that does not keep to the limit.
            asked == name ? [UInt8](repeating: 0x20, count: limit + 1) : files[asked]
        }
        await #expect {
            try await client.refresh()
        } throws: { error in
            if case TUFError.tooLong(name: name, _) = error { true } else { false }
        }
    }

    @Test func promisedLengthsAreTheLimits() async throws {
        var repository = try TestRepository()
        repository.listsHashes = true
        try repository.publishNext()
        let host = try TestHost(repository)
        let files = repository.files
        var client = MetadataClient(store: host.store, now: testTime) { name, limit in
            if name == "2.snapshot.json" || name == "2.targets.json" { #expect(limit == files[name]?.count) }
            return files[name]
        }
        try await client.refresh()
        repository.timestamp.common.version += 1
        repository.timestamp.snapshot.length = .max
        repository.files["timestamp.json"] = try repository.signed(repository.timestamp)
        try host.store.remove("snapshot.json")
        // Nothing is fetched that would not be read.
        #expect(
            await host.failure(repository)
                == .tooLong(name: "snapshot.json", limit: ClientLimits.documentBytes)
        )
        #expect(host.requests == ["2.root.json", "timestamp.json"])
    }

    /// A role cannot make hosts take targets, or dependencies, that it is not trusted with.
    @Test func extraneousDependenciesOfADelegatedRoleAreNotSeen() async throws {
        var repository = try TestRepository()
        try repository.delegate(to: "team", .paths(["team/*"]))
        repository.add("team/tool", "tool", to: "team")
        repository.add("library", "evil", to: "team")
        try repository.publishNext()
        let host = try TestHost(repository)
        #expect(try await host.target("team/tool", repository).role == "team")
        await #expect(throws: TUFError.noSuchTarget(path: "library")) {
            try await host.target("library", repository)
        }
    }

    @Test func wrongSoftwareIsNotTakenForWhatWasAskedFor() async throws {
        var repository = try TestRepository()
        repository.add("a/vm_1.0.json", "one")
        repository.add("a/vm_2.0.json", "two")
        try repository.publishNext()
        let host = try TestHost(repository)
        let target = try await host.target("a/vm_2.0.json", repository)
        #expect(target.location == "a/\(SHA256Digest(hashing: "two").hex).vm_2.0.json")
        #expect(throws: TUFError.self) { try target.file.check(Array("one".utf8), name: target.path) }
        await #expect(throws: TUFError.noSuchTarget(path: "a/vm_3.0.json")) {
            try await host.target("a/vm_3.0.json", repository)
        }
    }

    /// A malicious mirror can refuse, but changes nothing that is trusted.
    @Test func aMirrorThatFailsIsNamed() async throws {
        struct Broken: Error, CustomStringConvertible { let description = "connection reset" }
        let repository = try TestRepository()
        let host = try TestHost(repository)
        var client = MetadataClient(store: host.store, now: testTime) { _, _ in throw Broken() }
        await #expect(throws: TUFError.fetch(name: "2.root.json", reason: "connection reset")) {
            try await client.refresh()
        }
        #expect(host.store.names == ["root.json"])
        var empty = repository
        empty.files = [:]
        #expect(await host.failure(empty) == .notFound(name: "timestamp.json"))
    }

    @Test func fewerStolenKeysThanTheThresholdAreNotEnough() async throws {
        var repository = try TestRepository()
        let host = try TestHost(repository)
        let keys = try (0..<3).map { _ in try PrivateKey.generate(.ed25519) }
        try repository.changeRoot { root, signers in
            for key in keys { root.add(try Key(key.publicKey), to: "targets") }
            root.roles["targets"]?.threshold = 2
            signers["targets"] = [keys[0]]
        }
        try repository.publishNext()
        #expect(
            await host.failure(repository)
                == .notEnoughSignatures(role: "targets", valid: 1, threshold: 2, delegator: "root")
        )
        repository.signers["targets"] = [keys[0], keys[2]]
        try repository.publishNext()
        #expect(await host.failure(repository) == nil)
    }

    /// One key that the root lists under several identifiers counts once.
    @Test func oneKeyUnderTwoIdentifiersCountsOnce() async throws {
        var repository = try TestRepository()
        let host = try TestHost(repository)
        let key = try PrivateKey.generate(.ed25519)
        try repository.changeRoot { root, _ in
            root.keys["one"] = try Key(key.publicKey)
            root.keys["two"] = try Key(key.publicKey)
            root.roles["timestamp"] = RoleKeys(keyIDs: ["one", "two"], threshold: 2)
        }
        var metadata = try Metadata(repository.timestamp)
        try metadata.sign(with: key, keyID: "one")
        try metadata.sign(with: key, keyID: "two")
        repository.files["timestamp.json"] = metadata.encoded()
        #expect(
            await host.failure(repository)
                == .notEnoughSignatures(role: "timestamp", valid: 1, threshold: 2, delegator: "root")
        )
    }
}
