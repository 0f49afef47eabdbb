import Glibc
import JSON
import Synchronization
import TUF
import Testing

/// What a host keeps over operations, when that or the host's clock fails, and what it says.
@Suite struct StoreTests {
    /// What was trusted is not forgotten because the disk does not give it just now.
    @Test(arguments: ["timestamp.json", "snapshot.json", "targets.json"])
    func aStoreThatCannotBeReadIsAnError(_ name: String) async throws {
        var repository = try TestRepository()
        let old = repository
        try repository.publishNext()
        let host = try TestHost(repository)
        try await host.refresh(repository)
        host.store.unreadable.withLock { $0 = name }
        for repository in [repository, old] {
            let failure = await host.failure(repository)
            #expect(
                failure == .store(operation: "read", path: name, errno: EIO)
                    || name != "timestamp.json"
                        && failure == .rollback(role: "timestamp", trusted: 2, found: 1)
            )
        }
        host.store.unreadable.withLock { $0 = nil }
        #expect(await host.failure(old) == .rollback(role: "timestamp", trusted: 2, found: 1))
        #expect(await host.failure(repository) == nil)
    }

    /// Metadata that have expired would look as if they had not.
    @Test func aClockInThePastIsNamed() async throws {
        let repository = try TestRepository()
        let host = try TestHost(repository)
        try await host.refresh(repository)
        let past = testTime.advanced(by: -86_401)
        #expect(await host.failure(repository, now: past) == .clockWentBack(now: past, seen: testTime))
        #expect(host.requests.isEmpty)
        // Up to a day is a clock that was set; it does not lower what was seen.
        #expect(await host.failure(repository, now: testTime.advanced(by: -86_400)) == nil)
        #expect(await host.failure(repository, now: past) == .clockWentBack(now: past, seen: testTime))
        // One that was ahead finds everything expired, and is not believed.
        let ahead = testTime.advanced(by: 40 * 86_400)
        #expect(await host.failure(repository, now: ahead) != nil)
        #expect(await host.failure(repository) == nil)
    }

    /// Nothing of what a stranger wrote reaches terminals and journals as it is, or at its full length.
    @Test(arguments: ["timestamp", "root"]) func namesOfStrangersAreShownHarmlessly(_ role: String)
        async throws
    {
        var repository = try TestRepository()
        let host = try TestHost(repository)
        let name = "\u{1b}]0;x\u{7}\r\n" + String(repeating: "y", count: 10_000)
        let common: [String: JSONValue] = [
            "_type": .string(role), "version": 2, "spec_version": "1.0.31",
            "expires": "2031-07-01T00:00:00Z", "meta": [:], "keys": [:], "roles": [:],
        ]
        let signed = common.merging([role == "root" ? "keys" : "meta": .object([name: 1])]) { $1 }
        let document: JSONValue = ["signed": .object(signed), "signatures": []]
        let file = role == "root" ? "2.root.json" : "timestamp.json"
        repository.files[file] = Array(document.prettyText.utf8)
        let text = try #require(await host.failure(repository)).description
        #expect(text.contains("is not an object"))
        #expect(text.utf8.allSatisfy { (0x20...0x7e).contains($0) } && text.utf8.count < 2000, "\(text)")
    }

    @Test func oneOperationAtATimeUsesAStore() async throws {
        let repository = try TestRepository()
        let host = try TestHost(repository)
        var limits = ClientLimits()
        limits.lockTime = .milliseconds(50)
        let lock = try #require(try host.store.lock())
        var client = host.client(repository, limits: limits)
        await #expect(throws: TUFError.storeInUse) { try await client.refresh() }
        #expect(host.requests.isEmpty)
        #expect(throws: TUFError.storeInUse) {
            try MetadataClient.initialize(host.store, trustedRoot: repository.files["1.root.json"] ?? [])
        }
        lock.release()
        try await client.refresh()
        _ = try #require(try host.store.lock())
    }
}
