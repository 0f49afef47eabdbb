import Foundation
import Hashing
import Synchronization
import TestSupport
import Testing

@testable import Debian

@Suite(.timeLimit(.minutes(3)))
struct PackageCacheTests {
    /// An archive of a few packages behind a web server, and an empty cache.
    final class Fixture {
        let archive: TestArchive
        let server: LoopbackServer
        let archives: AptArchives
        let cache: PackageCache
        let packages: [LockedPackage]

        init(sizes: [Int] = [10, 5000, 300_000]) throws {
            archive = try TestArchive()
            for (index, size) in sizes.enumerated() {
                try archive.add("pkg\(index)", "1:1.0~b\(index)+c", contentSize: size)
            }
            try archive.add("secure", "1", suite: "trixie-security")
            try archive.publish()
            server = try LoopbackServer(archive.directory.path)
            archives = try AptArchives(mirror: "\(server.address)/debian", trust: .unsigned)
            cache = PackageCache(
                root: archive.directory.file("cache"),
                limits: FetchLimits(parallel: 3, retries: 0, silence: 5)
            )
            packages = try archive.packages() + archive.packages(suite: "trixie-security")
        }

        func file(_ package: LockedPackage) -> String {
            archive.directory.file("\(package.archive.rawValue)/\(package.filename)")
        }

        /// Everything the cache directory has, relative to it.
        func cacheFiles() -> [String] {
            let files = FileManager.default.enumerator(atPath: cache.root)?.compactMap { $0 as? String } ?? []
            return files.filter { PackageCache.regularFileSize("\(cache.root)/\($0)") != nil }.sorted()
        }

        func expectStored(_ packages: [LockedPackage]) throws {
            let names = packages.map { "sha256/\($0.sha256.hex.prefix(2))/\($0.sha256.hex).deb" }
            #expect(cacheFiles() == names.sorted())
            for package in packages {
                #expect(try SHA256Digest(hashingFile: cache.path(of: package)) == package.sha256)
            }
        }
    }

    @Test func filesAreFetchedOnceAndThenServedWithoutTheNetwork() async throws {
        let fixture = try Fixture()
        let reports = Mutex<[FetchProgress]>([])
        let total = fixture.packages.reduce(0) { $0 + $1.size }
        // A package that is asked for twice is fetched once.
        let summary = try await fixture.cache.fetch(
            fixture.packages + fixture.packages.prefix(1),
            from: fixture.archives
        ) { report in reports.withLock { $0.append(report) } }
        #expect(summary == FetchSummary(cachedFiles: 0, fetchedFiles: 4, fetchedBytes: total))
        try fixture.expectStored(fixture.packages)
        let last = try #require(reports.withLock { $0.max { $0.completedFiles < $1.completedFiles } })
        #expect(
            last == FetchProgress(completedFiles: 4, totalFiles: 4, completedBytes: total, totalBytes: total)
        )

        fixture.server.stop()
        for offline in [false, true] {
            let again = try await fixture.cache.fetch(
                fixture.packages,
                from: fixture.archives,
                offline: offline,
                verification: .content
            )
            #expect(again == FetchSummary(cachedFiles: 4, fetchedFiles: 0, fetchedBytes: 0))
        }
    }

    @Test func filesComeFromTheFileSystemToo() async throws {
        let fixture = try Fixture()
        try await fixture.cache.fetch(fixture.packages, from: fixture.archive.archives())
        try fixture.expectStored(fixture.packages)
    }

    @Test func aListOfMirrorsIsFollowed() async throws {
        let fixture = try Fixture()
        let list = fixture.archive.directory.file("debian.list")
        let security = fixture.archive.directory.file("debian-security.list")
        try "\(fixture.server.address)/debian\n".write(toFile: list, atomically: true, encoding: .utf8)
        try "\(fixture.server.address)/debian-security\n".write(
            toFile: security,
            atomically: true,
            encoding: .utf8
        )
        let archives = try AptArchives(mirror: "mirror+file:\(list)", trust: .unsigned)
        let resolver = try AptResolver(
            archives: archives,
            architecture: "amd64",
            stateDirectory: fixture.archive.directory.file("state")
        )
        try await resolver.update()
        let packages = try await resolver.resolve(["pkg0", "secure"])
        #expect(packages.map(\.archive) == [.debian, .debianSecurity])
        try await fixture.cache.fetch(packages, from: archives)
        try fixture.expectStored(packages)
    }

    @Test func wrongBytesAreNamedAndNotKept() async throws {
        let fixture = try Fixture()
        let wrong = fixture.packages[0]
        let longer = fixture.packages[1]
        try replaceByte(in: fixture.file(wrong))
        try appendByte(to: fixture.file(longer))
        let error = await #expect(throws: PackageCacheError.self) {
            try await fixture.cache.fetch(fixture.packages, from: fixture.archives)
        }
        guard case .damaged(let files) = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(files.map(\.package) == [wrong, longer])
        #expect(files[0].problem.contains("SHA-256") && files[0].problem.contains(wrong.sha256.hex))
        #expect(files[1].problem.contains("\(longer.size)"))
        try fixture.expectStored(Array(fixture.packages[2...]))
    }

    /// apt checks too, but what is stored must not depend on that.
    @Test func whatArrivesIsCheckedWhateverAptSays() throws {
        let fixture = try Fixture()
        let package = fixture.packages[1]
        let file = fixture.archive.directory.file("arrived")
        for isLonger in [true, false] {
            try FileManager.default.copyItem(atPath: fixture.file(package), toPath: file)
            if isLonger { try appendByte(to: file) } else { try replaceByte(in: file) }
            #expect(try fixture.cache.store(package, arrivedAt: file) != nil)
            #expect(!FileManager.default.fileExists(atPath: file))
        }
        #expect(try fixture.cache.store(package, arrivedAt: file) == "nothing arrived")
        try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: fixture.file(package))
        #expect(try fixture.cache.store(package, arrivedAt: file) == "nothing arrived")
        try FileManager.default.removeItem(atPath: file)
        #expect(fixture.cacheFiles().isEmpty)
        try FileManager.default.copyItem(atPath: fixture.file(package), toPath: file)
        #expect(try fixture.cache.store(package, arrivedAt: file) == nil)
        try fixture.expectStored([package])
    }

    @Test func aConnectionThatBreaksOffLeavesNothing() async throws {
        let fixture = try Fixture()
        let cut = fixture.packages[2]
        #expect(FileManager.default.createFile(atPath: fixture.file(cut) + ".short", contents: nil))
        let error = await #expect(throws: PackageCacheError.self) {
            try await fixture.cache.fetch(fixture.packages, from: fixture.archives)
        }
        #expect("\(try #require(error))".contains(cut.name))
        let others = fixture.packages.filter { $0 != cut }
        try FileManager.default.removeItem(atPath: fixture.file(cut) + ".short")
        #expect(!fixture.cacheFiles().contains { $0.contains(cut.sha256.hex) || $0.hasPrefix("partial") })
        let summary = try await fixture.cache.fetch(fixture.packages, from: fixture.archives)
        #expect(summary.cachedFiles <= others.count)
        try fixture.expectStored(fixture.packages)
    }

    @Test func allFilesThatVanishedAreListedAtOnce() async throws {
        let fixture = try Fixture(sizes: Array(repeating: 10, count: 30))
        let gone = [fixture.packages[3], fixture.packages[17], fixture.packages[30]]
        for package in gone { try FileManager.default.removeItem(atPath: fixture.file(package)) }
        let error = await #expect(throws: PackageCacheError.self) {
            try await fixture.cache.fetch(fixture.packages, from: fixture.archives)
        }
        #expect(error == .vanished(gone.sorted { $0.name < $1.name }))
        try fixture.expectStored(fixture.packages.filter { !gone.contains($0) })
        let local = await #expect(throws: PackageCacheError.self) {
            try await fixture.cache.fetch(fixture.packages, from: fixture.archive.archives())
        }
        #expect(local == error)
    }

    @Test func aMirrorThatDoesNotAnswerIsNamed() async throws {
        let fixture = try Fixture()
        fixture.server.stop()
        let error = await #expect(throws: PackageCacheError.self) {
            try await fixture.cache.fetch(fixture.packages, from: fixture.archives)
        }
        guard case .unreachable(let address, _) = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(address.hasPrefix(fixture.server.address))
        #expect(fixture.cacheFiles().isEmpty)
    }

    @Test func aSchemeWithoutMethodIsRefused() async throws {
        let fixture = try Fixture()
        let archives = try AptArchives(mirror: "nonsense://mirror.example/debian", trust: .unsigned)
        let error = await #expect(throws: PackageCacheError.self) {
            try await fixture.cache.fetch(fixture.packages, from: archives)
        }
        guard case .refused(_, let message) = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(message.contains("nonsense"))
    }

    @Test func offlineNamesWhatIsMissing() async throws {
        let fixture = try Fixture()
        try await fixture.cache.fetch(Array(fixture.packages.prefix(2)), from: fixture.archives)
        let error = await #expect(throws: PackageCacheError.self) {
            try await fixture.cache.fetch(fixture.packages, from: fixture.archives, offline: true)
        }
        #expect(error == .offline(missing: Array(fixture.packages[2...])))
        #expect("\(try #require(error))".contains("pkg2 1:1.0~b2+c, secure 1"))
    }

    @Test func damagedFilesOfTheCacheAreFetchedAgain() async throws {
        let fixture = try Fixture()
        try await fixture.cache.fetch(fixture.packages, from: fixture.archives)
        try appendByte(to: fixture.cache.path(of: fixture.packages[0]))
        let sized = try await fixture.cache.fetch(fixture.packages, from: fixture.archives)
        #expect(sized.fetchedFiles == 1)
        try replaceByte(in: fixture.cache.path(of: fixture.packages[1]))
        #expect(try await fixture.cache.fetch(fixture.packages, from: fixture.archives).fetchedFiles == 0)
        let hashed = try await fixture.cache.fetch(
            fixture.packages,
            from: fixture.archives,
            verification: .content
        )
        #expect(hashed.fetchedFiles == 1)
        // A link is no file of the cache, whatever it leads to.
        let path = fixture.cache.path(of: fixture.packages[2])
        try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path + ".away")
        #expect(try await fixture.cache.fetch(fixture.packages, from: fixture.archives).fetchedFiles == 1)
        try FileManager.default.removeItem(atPath: path + ".away")
        try fixture.expectStored(fixture.packages)
    }

    @Test func fetchesAtTheSameTimeShareACache() async throws {
        let fixture = try Fixture(sizes: Array(repeating: 20_000, count: 20))
        let (cache, packages, archives) = (fixture.cache, fixture.packages, fixture.archives)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { try await cache.fetch(packages, from: archives) } }
            try await group.waitForAll()
        }
        try fixture.expectStored(packages)
    }

    @Test func cancellationLeavesNoFileThatIsNotWhole() async throws {
        let fixture = try Fixture()
        let slow = fixture.packages[2]
        #expect(FileManager.default.createFile(atPath: fixture.file(slow) + ".slow", contents: nil))
        let (cache, packages, archives) = (fixture.cache, fixture.packages, fixture.archives)
        let begun = Mutex(false)
        let task = Task {
            try await cache.fetch(packages, from: archives) { report in
                if report.completedBytes > 100_000 { begun.withLock { $0 = true } }
            }
        }
        while !begun.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(20)) }
        task.cancel()
        let error = await #expect(throws: PackageCacheError.self) { try await task.value }
        #expect(error == .cancelled)
        let left = fixture.cacheFiles()
        #expect(!left.contains { $0.hasPrefix("partial") || $0.contains(slow.sha256.hex) })
        try FileManager.default.removeItem(atPath: fixture.file(slow) + ".slow")
        try await fixture.cache.fetch(packages, from: archives)
        try fixture.expectStored(packages)
    }

    @Test func leftoversOfKilledFetchesAreClearedAway() async throws {
        let fixture = try Fixture()
        let manager = FileManager.default
        for (name, age) in [("old", 100_000.0), ("young", 1000.0)] {
            let path = "\(fixture.cache.root)/partial/\(name)"
            try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
            let date = Date(timeIntervalSinceNow: -age)
            try manager.setAttributes([.modificationDate: date], ofItemAtPath: path)
        }
        try await fixture.cache.fetch(fixture.packages, from: fixture.archives)
        #expect(try manager.contentsOfDirectory(atPath: "\(fixture.cache.root)/partial") == ["young"])
    }

    @Test func aCacheThatCannotBeWrittenIsNamed() async throws {
        let fixture = try Fixture()
        let file = fixture.archive.directory.file("file")
        #expect(FileManager.default.createFile(atPath: file, contents: nil))
        let error = await #expect(throws: PackageCacheError.self) {
            try await PackageCache(root: "\(file)/cache").fetch(fixture.packages, from: fixture.archives)
        }
        guard case .file(let path, _) = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(path.hasPrefix(file))
    }

    @Test(arguments: [
        ("E: Failed to fetch http://m/x  404  Not Found [IP: 1 80]", FetchProgram.Verdict.vanished),
        ("E: Failed to fetch copy:/x  Failed to stat - stat (2: No such file or directory)", .vanished),
        (
            "E: Failed to fetch http://m/x  Error writing to file - write (28: No space left on device)",
            .diskFull
        ),
        ("E: Failed to fetch http://m/x  Could not resolve 'm'", .unreachable("Could not resolve 'm'")),
        ("E: Failed to fetch http://m/x  403  Forbidden [IP: 1 80]", .refused("403  Forbidden [IP: 1 80]")),
        ("E: Failed to fetch http://m/x  Hash Sum mismatch\n  more", .damaged("Hash Sum mismatch")),
        ("E: something else\n", .refused("E: something else")),
    ])
    func whatAptSaysIsUnderstood(text: String, verdict: FetchProgram.Verdict) {
        #expect(FetchProgram.verdict(text) == verdict)
    }

    @Test func theDefaultRootFollowsTheSpecification() {
        #expect(
            PackageCache.defaultRoot(environment: ["XDG_CACHE_HOME": "/c", "HOME": "/h"]) == "/c/bulkhead"
        )
        #expect(
            PackageCache.defaultRoot(environment: ["XDG_CACHE_HOME": "c", "HOME": "/h"])
                == "/h/.cache/bulkhead"
        )
        #expect(PackageCache.defaultRoot(environment: [:]).hasSuffix("/.cache/bulkhead"))
    }

    @Test func batchesAreBoundedAndBeginWithTheLargest() throws {
        let packages = try (0..<40).map { number in
            try LockedPackage(
                name: "pkg\(number)",
                version: "1",
                architecture: "all",
                archive: .debian,
                filename: "pool/pkg\(number).deb",
                size: number == 7 ? 100 << 20 : 1 << 20,
                sha256: SHA256Digest(hashing: "\(number)"),
                source: "src",
                sourceVersion: "1",
                section: "misc",
                installedSize: 0
            )
        }
        let batches = PackageCache.batches(packages)
        #expect(batches.first?.map(\.name) == ["pkg7"])
        #expect(batches.dropFirst().map(\.count) == [12, 12, 12, 3])
        #expect(Set(batches.joined()) == Set(packages))
        #expect(PackageCache.batches([]).isEmpty)
    }

    private func replaceByte(in path: String) throws {
        var data = try Data(contentsOf: URL(filePath: path))
        data[data.count / 2] ^= 1
        try data.write(to: URL(filePath: path))
    }

    private func appendByte(to path: String) throws {
        var data = try Data(contentsOf: URL(filePath: path))
        data.append(0)
        try data.write(to: URL(filePath: path))
    }
}
