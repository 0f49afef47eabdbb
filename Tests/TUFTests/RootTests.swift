import Glibc
import JSON
import Signatures
import Synchronization
import TUF
import Testing

@Suite struct RootTests {
    @Test func refreshAsksInOrderAndKeepsWhatItTrusts() async throws {
        let repository = try TestRepository()
        let host = try TestHost(repository)
        try await host.refresh(repository)
        #expect(host.requests == ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"])
        #expect(
            host.store.names == [
                "latest-time", "root.json", "snapshot.json", "targets.json", "timestamp.json",
            ]
        )
        try await host.refresh(repository)
        #expect(host.requests == ["2.root.json", "timestamp.json"])
    }

    @Test func withoutConsistentSnapshotsNamesHaveNoVersion() async throws {
        var repository = try TestRepository(consistent: false)
        repository.add("a/b", "content")
        try repository.publishNext()
        let host = try TestHost(repository)
        #expect(try await host.target("a/b", repository).location == "a/b")
        #expect(host.requests == ["2.root.json", "timestamp.json", "snapshot.json", "targets.json"])
    }

    @Test(arguments: KeyKind.allCases) func everyKindOfKeyCanSignEveryRole(_ kind: KeyKind) async throws {
        let kinds = Dictionary(uniqueKeysWithValues: Root.topLevelRoles.map { ($0, kind) })
        let repository = try TestRepository(kinds: kinds)
        try await TestHost(repository).refresh(repository)
    }

    @Test func rotatedRootKeysAreFollowedVersionByVersion() async throws {
        var repository = try TestRepository()
        let host = try TestHost(repository)
        for _ in 0..<4 { try repository.rotate("root") }
        try await host.refresh(repository)
        #expect(host.store.version(Root.self) == 5)
        #expect(
            host.requests.prefix(5) == [
                "2.root.json", "3.root.json", "4.root.json", "5.root.json", "6.root.json",
            ]
        )
    }

    /// A new root needs the threshold of the old keys and that of its own.
    @Test func bothThresholdsCount() async throws {
        for signsOld in [false, true] {
            var repository = try TestRepository()
            let host = try TestHost(repository)
            let old = repository.signers["root"] ?? []
            let new = try (0..<2).map { _ in try PrivateKey.generate(.ed25519) }
            try repository.changeRoot { root, _ in
                for keyID in root.roles["root"]?.keyIDs ?? [] { root.remove(keyID: keyID, from: "root") }
                for key in new { root.add(try Key(key.publicKey), to: "root") }
                root.roles["root"]?.threshold = 2
            }
            repository.signers["root"] = signsOld ? old + [new[0]] : new
            try repository.publishRoot()
            let failure = await host.failure(repository)
            let expected = TUFError.notEnoughSignatures(
                role: "root",
                valid: signsOld ? 1 : 0,
                threshold: signsOld ? 2 : 1,
                delegator: "root"
            )
            #expect(failure == expected)
            #expect(host.store.version(Root.self) == 1)
            repository.signers["root"] = old + new
            try repository.publishRoot()
            #expect(await host.failure(repository) == nil)
        }
    }

    @Test func aRootOfAnotherVersionThanItsNameIsRefused() async throws {
        var repository = try TestRepository()
        let host = try TestHost(repository)
        repository.files["2.root.json"] = repository.files["1.root.json"]
        #expect(await host.failure(repository) == .wrongVersion(role: "root", expected: 2, found: 1))
        repository.root.common.version = 3
        repository.files["2.root.json"] = try repository.signed(repository.root)
        #expect(await host.failure(repository) == .wrongVersion(role: "root", expected: 2, found: 3))
    }

    @Test func rotationsOfOneOperationAreBounded() async throws {
        var repository = try TestRepository()
        let host = try TestHost(repository)
        for _ in 0..<5 { try repository.changeRoot { _, _ in } }
        var limits = ClientLimits()
        limits.rootRotations = 3
        var client = host.client(repository, limits: limits)
        try await client.refresh()
        #expect(host.store.version(Root.self) == 4)
        try await host.refresh(repository)
        #expect(host.store.version(Root.self) == 6)
    }

    /// Section 5.3.11: who had the old keys had raised the versions.
    @Test(arguments: ["timestamp", "snapshot"]) func fastForwardedVersionsAreForgottenWithTheirKeys(
        _ role: String
    )
        async throws
    {
        var repository = try TestRepository()
        let honest = repository
        let host = try TestHost(repository)
        repository.timestamp.common.version = 99_999
        if role == "snapshot" { repository.targets.common.version = 99_999 }
        repository.snapshot.common.version = 99_999
        try repository.publish()
        try await host.refresh(repository)
        repository.timestamp = honest.timestamp
        repository.snapshot = honest.snapshot
        repository.targets = honest.targets
        try repository.publishNext()
        if case .rollback = await host.failure(repository) {
        } else {
            Issue.record("an old version was taken")
        }
        try repository.rotate(role)
        try repository.publish()
        try await host.refresh(repository)
        #expect(host.store.version(Timestamp.self) == 2)
        #expect(host.store.version(Snapshot.self) == 2)
        #expect(host.store.version(Targets.self) == 2)
    }

    /// A key that is taken away from several is enough, although what was trusted still has a valid signature.
    @Test func oneOfSeveralKeysIsTakenAway() async throws {
        var repository = try TestRepository()
        let second = try PrivateKey.generate(.ed25519)
        try repository.changeRoot { root, signers in
            root.add(try Key(second.publicKey), to: "timestamp")
            signers["timestamp", default: []].append(second)
        }
        repository.timestamp.common.version = 99_999
        try repository.publish()
        let host = try TestHost(repository)
        try await host.refresh(repository)
        try repository.changeRoot { root, signers in
            root.remove(keyID: try Key(second.publicKey).keyID, from: "timestamp")
            signers["timestamp"]?.removeLast()
        }
        repository.timestamp.common.version = 2
        try repository.publish()
        try await host.refresh(repository)
        #expect(host.store.version(Timestamp.self) == 2)
    }

    /// Adding a key must not open the way back to old versions.
    @Test func anAddedKeyForgetsNothing() async throws {
        var repository = try TestRepository()
        let old = repository
        try repository.publishNext()
        let host = try TestHost(repository)
        try await host.refresh(repository)
        let key = try PrivateKey.generate(.ed25519)
        try repository.changeRoot { root, _ in root.add(try Key(key.publicKey), to: "timestamp") }
        var rolledBack = repository
        rolledBack.files["timestamp.json"] = old.files["timestamp.json"]
        #expect(await host.failure(rolledBack) == .rollback(role: "timestamp", trusted: 2, found: 1))
    }

    @Test func aChangedTimestampOfTheSameVersionIsNotTaken() async throws {
        var repository = try TestRepository()
        let host = try TestHost(repository)
        try await host.refresh(repository)
        repository.timestamp.snapshot.version = 100
        repository.files["timestamp.json"] = try repository.signed(repository.timestamp)
        try await host.refresh(repository)
        #expect(host.requests.last == "timestamp.json")
    }

    @Test(
        arguments: ["timestamp.json", "snapshot.json", "targets.json"],
        ["", "{", "\u{0}\u{1}", "{\"signed\":{}}"]
    )
    func damagedLocalFilesAreFetchedAgain(_ name: String, _ content: String) async throws {
        let repository = try TestRepository()
        let host = try TestHost(repository)
        try await host.refresh(repository)
        let intact = try host.store.load(name, limit: 1 << 20)
        try host.store.save(name, Array(content.utf8))
        try await host.refresh(repository)
        #expect(try host.store.load(name, limit: 1 << 20) == intact)
    }

    /// What cannot be remembered is not used: the next operation could not tell an older one from it.
    @Test(arguments: ["root.json", "timestamp.json", "snapshot.json", "targets.json"])
    func whatCannotBeKeptIsNotTrusted(_ name: String) async throws {
        var repository = try TestRepository()
        let host = try TestHost(repository)
        try repository.rotate("root")
        host.store.unwritable.withLock { $0 = name }
        #expect(await host.failure(repository) == .store(operation: "write", path: name, errno: ENOSPC))
        host.store.unwritable.withLock { $0 = nil }
        #expect(await host.failure(repository) == nil)
    }

    @Test func aDamagedOrMissingRootIsTheEnd() async throws {
        let repository = try TestRepository()
        let host = try TestHost(repository)
        try host.store.remove("root.json")
        #expect(await host.failure(repository) == .noTrustedRoot)
        try host.store.save("root.json", [0x7b])
        if case .malformed(role: "root", _) = await host.failure(repository) {
        } else {
            Issue.record("not named")
        }
        #expect(host.requests == [])
    }

    @Test func onlyASignedRootCanBeTheFirst() throws {
        let repository = try TestRepository()
        let unsigned = try Metadata(repository.root).encoded()
        let store = MemoryStore()
        #expect(throws: TUFError.notEnoughSignatures(role: "root", valid: 0, threshold: 1, delegator: "root"))
        {
            try MetadataClient.initialize(store, trustedRoot: unsigned)
        }
        #expect(throws: TUFError.wrongType(expected: "root", found: "timestamp")) {
            try MetadataClient.initialize(store, trustedRoot: repository.files["timestamp.json"] ?? [])
        }
        #expect(store.names.isEmpty)
    }
}
