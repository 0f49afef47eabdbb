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

    /// Five results and what a killed build left, whose process number means another process here.
    private func fill(_ cache: StageCache) async throws {
        try FileSystem.makeDirectory(cache.root + "/.s-\(getpid())-abcdef01")
        for index in 0..<5 {
            var key = StageKey("s", version: 1)
            key.add("index", String(index))
            _ = try await cache.fill("s", key) { try FileSystem.write([], to: $0 + "/f") }
        }
    }

    private func names(_ cache: StageCache) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: cache.root).sorted()
    }

    @Test func leftoversOfDeadBuildsAndOldResultsAreSwept() async throws {
        let directory = try TemporaryDirectory()
        let cache = StageCache(cache: directory.path)
        try await fill(cache)
        let work = try WorkDirectory(cache: cache)
        _ = try await cache.use(keep: 3)
        #expect(FileSystem.exists(work.path), "it is being filled")
        #expect(try names(cache).filter { $0.hasPrefix(".") }.count == 1)
        #expect(try names(cache).filter { $0.hasPrefix("s-") }.count == 3)
    }

    @Test func resultsThatABuildMayUseAreNotSwept() async throws {
        let directory = try TemporaryDirectory()
        let cache = StageCache(cache: directory.path)
        try await fill(cache)
        let running = try await cache.use()
        let another = try await cache.use(keep: 1)
        #expect(try names(cache).count == 5)
        withExtendedLifetime((running, another)) {}
    }

    @Test(arguments: ["whole", ResultSeal.name])
    func aResultThatLostItsContentsIsMadeAnew(_ victim: String) async throws {
        let directory = try TemporaryDirectory()
        let cache = StageCache(cache: directory.path)
        let key = StageKey("s", version: 1)
        let path = try await cache.fill("s", key) { try FileSystem.write([1, 2], to: $0 + "/whole") }
        // As after a power cut: the name is there, the bytes are not.
        #expect(truncate("\(path)/\(victim)", 0) == 0)
        #expect(cache.lookUp("s", key) == nil)
        let again = try await cache.fill("s", key) { try FileSystem.write([1, 2], to: $0 + "/whole") }
        #expect(again == path)
        #expect(cache.lookUp("s", key) == path)
        #expect(try FileSystem.read(path + "/whole") == [1, 2])
        #expect(try names(cache).count == 1)
    }

    @Test func aFileThatIsGoneIsNoticedAndATreeOfManyFilesIsTakenAsItIs() async throws {
        let directory = try TemporaryDirectory()
        let cache = StageCache(cache: directory.path)
        let few = try await cache.fill("s", StageKey("few", version: 1)) { place in
            try FileSystem.makeDirectory(place + "/sub")
            try FileSystem.write([1], to: place + "/sub/f")
            symlink("/nowhere", place + "/link")
        }
        #expect(cache.lookUp("s", StageKey("few", version: 1)) == few)
        unlink(few + "/sub/f")
        #expect(cache.lookUp("s", StageKey("few", version: 1)) == nil)
        _ = try await cache.fill("s", StageKey("many", version: 1)) { place in
            for index in 0..<100 { try FileSystem.write([1], to: "\(place)/\(index)") }
        }
        #expect(cache.lookUp("s", StageKey("many", version: 1)) != nil)
    }
}
