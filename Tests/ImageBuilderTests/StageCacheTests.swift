import Foundation
import TestSupport
import Testing

@testable import ImageBuilder

@Suite struct StageCacheTests {
    private struct Failure: Error {}

    @Test func keysDependOnEveryPartButNotOnTheirOrder() {
        var one = StageKey("s", version: 1)
        one.add("a", "1")
        one.add("b", ["x", "yz"])
        var same = StageKey("s", version: 1)
        same.add("b", ["x", "yz"])
        same.add("a", "1")
        #expect(one.digest == same.digest)
        same.add("b", ["xy", "z"])
        #expect(one.digest != same.digest)
        #expect(StageKey("s", version: 2).digest != StageKey("s", version: 1).digest)
    }

    @Test func aFinishedResultIsFoundAndAFailedOneLeavesNothing() async throws {
        let directory = try TemporaryDirectory()
        let cache = StageCache(cache: directory.path)
        let key = StageKey("s", version: 1)
        await #expect(throws: Failure.self) {
            _ = try await cache.fill("s", key) { place in
                try FileSystem.write([1], to: place + "/half")
                throw Failure()
            }
        }
        #expect(cache.lookUp("s", key) == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache.root).isEmpty)
        let path = try await cache.fill("s", key) { try FileSystem.write([1, 2], to: $0 + "/whole") }
        #expect(cache.lookUp("s", key) == path)
        #expect(try FileSystem.read(path + "/whole") == [1, 2])
    }

    @Test func theSecondOfTwoEqualResultsIsDropped() async throws {
        let directory = try TemporaryDirectory()
        let cache = StageCache(cache: directory.path)
        let key = StageKey("s", version: 1)
        let first = try await cache.fill("s", key) { try FileSystem.write([1], to: $0 + "/f") }
        let second = try await cache.fill("s", key) { try FileSystem.write([1], to: $0 + "/f") }
        #expect(first == second)
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache.root).count == 1)
    }

    @Test func leftoversOfDeadBuildsAndOldResultsAreSwept() async throws {
        let directory = try TemporaryDirectory()
        let cache = StageCache(cache: directory.path)
        // No process has this number: it is above the kernel's limit of 2^22.
        try FileSystem.makeDirectory(cache.root + "/.s-99999999-abcdef01")
        for index in 0..<5 {
            var key = StageKey("s", version: 1)
            key.add("index", String(index))
            _ = try await cache.fill("s", key) { try FileSystem.write([], to: $0 + "/f") }
        }
        cache.sweep(keep: 3)
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache.root).count == 3)
    }
}
