import Foundation
import Hashing
import Rollout
import TUF
import TestSupport
import Testing

@testable import ReleaseRepository

@Suite struct PublishingTests {
    private static let release = "vm/amd64/1.0.0"

    @Test func whatIsPublishedIsThereAndWhole() async throws {
        let site = try await Site.make()
        let waves = try WaveTable(.standard, from: Site.origin.seconds)
        #expect(try await site.open().publish([site.build("1.0.0")], waves: waves).added == [Self.release])
        let report = try site.verify()
        #expect(report.findings == [])
        #expect(report.checkedFiles == 5)
        #expect(report.releases.map(\.name) == [Self.release])
        #expect(report.versions == ["root": 1, "targets": 2, "snapshot": 2, "timestamp": 2])
        let names = try site.files().keys.filter { $0.hasPrefix("targets/") }
        #expect(names.count == 5)
        for name in names { #expect(name.hasPrefix("targets/\(Self.release)/")) }
        let contents = try RepositoryContents(reading: FolderStorage(site.repository, forWriting: false))
        let custom = try #require(contents.targets.signed.target("\(Self.release)/release.json")?.custom)
        let candidate = try Candidate(custom: custom)
        #expect(candidate.waves == waves && !candidate.isWithdrawn && candidate.maxVersion == nil)
        // The files beside it say nothing of waves.
        let root = try #require(contents.targets.signed.target("\(Self.release)/root.erofs"))
        #expect(root.custom.map { "\($0)" } == .none)
    }

    @Test func publishingTwiceChangesNoByte() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        let before = try site.files()
        let later = Site.origin.advanced(by: 86_400)
        let waves = try WaveTable(.standard, from: later.seconds)
        #expect(try await site.open(now: later).publish([site.build("1.0.0")], waves: waves) == Publication())
        #expect(try await !site.open(now: later).initialize())
        #expect(try site.files() == before)
    }

    @Test func aNewReleaseBringsFramesIndexAndPacksFromThoseBefore() async throws {
        let site = try await Site.make()
        for number in 0..<5 {
            _ = try await site.open().publish([site.build("1.\(number).0")], waves: .open)
        }
        _ = try await site.open().publish([site.build("1.9.0", variant: "metal")], waves: .open)
        #expect(try site.verify().findings == [])
        let folder = "\(site.repository)/targets/vm/amd64/1.4.0"
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        let names = Set(files.map { String($0.dropFirst(65)) })
        #expect(
            names.isSuperset(of: ["release.json", "root.erofs", "vm_1.4.0.efi", "root.zst", "root.index"])
        )
        // From the three before it, not from the fourth.
        #expect(
            Set(names.filter { $0.hasSuffix(".pack") })
                == ["from-1.3.0.pack", "from-1.2.0.pack", "from-1.1.0.pack"]
        )
        let frames = try #require(files.first { $0.hasSuffix(".root.zst") })
        let (status, output) = try runTool("sh", "-c", "zstd -dc '\(folder)/\(frames)' | sha256sum")
        let root = try #require(files.first { $0.hasSuffix(".root.erofs") })
        #expect(status == 0 && output.hasPrefix(root.prefix(64)), "\(output)")
        let others = try FileManager.default.contentsOfDirectory(
            atPath: "\(site.repository)/targets/metal/amd64/1.9.0"
        )
        #expect(!others.contains { $0.hasSuffix(".pack") })
    }

    @Test func equalInputsGiveEqualBytes() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0"), site.build("1.1.0")], waves: .open)
        let first = try site.files()
        try FileManager.default.removeItem(atPath: site.repository)
        try FileManager.default.removeItem(atPath: "\(site.keys)/\(PublishedState.fileName)")
        try FileManager.default.createDirectory(atPath: site.repository, withIntermediateDirectories: true)
        _ = try await site.open().initialize()
        _ = try await site.open().publish([site.build("1.0.0"), site.build("1.1.0")], waves: .open)
        // Ed25519 signs without random numbers.
        #expect(try site.files() == first)
    }

    @Test func aVersionNeverGetsOtherBytes() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        let before = try site.files()
        await #expect(throws: RepositoryError.otherRelease(release: Self.release, file: "root.erofs")) {
            try await site.open().publish([site.build("1.0.0", content: 2)], waves: .open)
        }
        await #expect(throws: RepositoryError.self) {
            try await site.open().publish([site.build("1.00.0")], waves: .open)
        }
        #expect(try site.files() == before)
    }

    @Test func wavesPromotionAndWithdrawal() async throws {
        let site = try await Site.make()
        let waves = try WaveTable(.standard, from: Site.origin.seconds)
        _ = try await site.open().publish([site.build("1.0.0")], waves: waves)
        #expect(try await !site.open().setWaves(waves, of: Self.release))
        let later = Site.origin.advanced(by: 3600)
        #expect(try await site.open(now: later).promote(Self.release))
        #expect(try await !site.open(now: later.advanced(by: 60)).promote(Self.release))
        let storage = try FolderStorage(site.repository, forWriting: false)
        let promoted = try RepositoryReading.waves(of: Self.release, in: storage)
        #expect(try promoted.releaseTime(seed: 2047) ?? 0 <= later.seconds)
        #expect(try await site.open(now: later).withdraw(Self.release))
        #expect(try await !site.open(now: later).withdraw(Self.release))
        #expect(try site.verify().releases.first?.isRecalled == true)
        await #expect(throws: RepositoryError.withdrawn(release: Self.release)) {
            try await site.open().promote(Self.release)
        }
        await #expect(throws: RepositoryError.withdrawn(release: Self.release)) {
            try await site.open().setWaves(.open, of: Self.release)
        }
        await #expect(throws: RepositoryError.noSuchRelease(release: "vm/amd64/9", known: [Self.release])) {
            try await site.open().withdraw("vm/amd64/9")
        }
        #expect(try site.verify().findings == [])
    }

    @Test func theNewestVersionIsWrittenToAllReleasesOfTheVariant() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish(
            [site.build("1.0.0"), site.build("1.0.0", variant: "metal")],
            waves: .open
        )
        _ = try await site.open().publish([site.build("1.1.0")], waves: .open, maximum: .version("1.0.0"))
        let recalled = Dictionary(
            uniqueKeysWithValues: try site.verify().releases.map { ($0.name, $0.isRecalled) }
        )
        #expect(recalled == ["vm/amd64/1.0.0": false, "vm/amd64/1.1.0": true, "metal/amd64/1.0.0": false])
    }

    @Test func refreshRenewsWhatIsHalfOver() async throws {
        let site = try await Site.make()
        #expect(try await site.open().refresh() == [])
        let nextDay = Site.origin.advanced(by: 86_400)
        #expect(try await site.open(now: nextDay).refresh() == ["timestamp.json"])
        let later = Site.origin.advanced(by: 8 * 86_400)
        #expect(
            try await site.open(now: later).refresh() == [
                "2.targets.json", "2.snapshot.json", "timestamp.json",
            ]
        )
        var policy = ExpiryPolicy.standard
        policy.targets = 30 * 86_400
        let much = later.advanced(by: 13 * 86_400)
        #expect(
            try await site.open(now: much, policy: policy).refresh()
                == ["3.targets.json", "3.snapshot.json", "timestamp.json"]
        )
        let end = much.advanced(by: 10 * 86_400)
        #expect(
            try await site.open(now: end, policy: policy).refresh() == ["4.snapshot.json", "timestamp.json"]
        )
        #expect(try site.verify(now: end).findings == [])
    }

    @Test func expiryIsFound() async throws {
        let site = try await Site.make()
        let soon = try site.verify(now: Site.origin.advanced(by: 6 * 86_400))
        #expect(soon.isUsable && soon.findings.map(\.subject) == ["timestamp"])
        let late = try site.verify(now: Site.origin.advanced(by: 7 * 86_400))
        #expect(!late.isUsable && late.findings.first?.subject == "timestamp")
        // People have to bring the root's keys together.
        let renewal = try site.verify(now: Site.origin.advanced(by: 340 * 86_400))
        let root = renewal.findings.first { $0.subject == "root" }
        #expect(root?.message.contains("expires soon") == true)
        let never = try site.verify(now: Site.origin.advanced(by: 366 * 86_400))
        #expect(Set(never.findings.map(\.subject)) == ["root", "timestamp", "snapshot", "targets"])
    }

    @Test func everyChangedFileIsFound() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        let stale: Set<String> = ["metadata/1.targets.json", "metadata/1.snapshot.json"]
        for (name, bytes) in try site.files() where !stale.contains(name) {
            let path = URL(filePath: "\(site.repository)/\(name)")
            // A byte in the middle, everything behind it, the whole file.
            var flipped = bytes
            flipped[bytes.count / 2] ^= 1
            for damaged in [flipped, bytes.prefix(bytes.count / 2), nil] {
                if let damaged {
                    try damaged.write(to: path)
                } else {
                    try FileManager.default.removeItem(at: path)
                }
                let isFound: Bool
                do { isFound = try !site.verify().isUsable } catch { isFound = error is RepositoryError }
                #expect(isFound, "\(name)")
            }
            try bytes.write(to: path)
        }
        #expect(try site.verify().findings == [])
    }

    @Test func whatWasLostIsPutBackByPublishingItsBuildAgain() async throws {
        let site = try await Site.make()
        for version in ["1.0.0", "1.1.0"] {
            _ = try await site.open().publish([site.build(version)], waves: .open)
        }
        let whole = try site.files()
        let names = whole.keys.filter { $0.hasPrefix("targets/vm/amd64/1.1.0/") }.sorted()
        #expect(names.count >= 5)
        for (number, name) in names.enumerated() {
            let path = URL(filePath: "\(site.repository)/\(name)")
            var bytes = try Data(contentsOf: path)
            bytes[bytes.count / 2] ^= 1
            if number % 2 == 0 {
                try bytes.write(to: path)
            } else {
                try FileManager.default.removeItem(at: path)
            }
            let result = try await site.open().publish([site.build("1.1.0")], waves: .open)
            let file = try #require(name.split(separator: "/").last).dropFirst(65)
            #expect(result == Publication(restored: ["vm/amd64/1.1.0/\(file)"]))
            #expect(try site.files() == whole, "\(name)")
        }
        // Another build of that name gives nothing back.
        let path = try #require(names.first { $0.hasSuffix(".root.erofs") })
        try FileManager.default.removeItem(atPath: "\(site.repository)/\(path)")
        await #expect(throws: RepositoryError.self) {
            try await site.open().publish([site.build("1.1.0", content: 2)], waves: .open)
        }
    }

    @Test func whatCannotBeMadeAgainIsNamed() async throws {
        let site = try await Site.make()
        // By one command, so that there is no pack between them; made again there would be.
        _ = try await site.open().publish([site.build("1.0.0"), site.build("1.1.0")], waves: .open)
        for name in try site.files().keys
        where name.hasPrefix("targets/vm/amd64/1.1.0/")
            && (name.hasSuffix("release.json") || name.hasSuffix("root.zst"))
        {
            try FileManager.default.removeItem(atPath: "\(site.repository)/\(name)")
        }
        // What is new is published all the same.
        let result = try await site.open().publish([site.build("1.1.0"), site.build("1.2.0")], waves: .open)
        #expect(result.lost == ["vm/amd64/1.1.0/release.json"])
        #expect(result.restored == ["vm/amd64/1.1.0/root.zst"])
        #expect(result.added == ["vm/amd64/1.2.0"] && result.isChanged)
        #expect(try site.verify().findings.map(\.subject) == ["vm/amd64/1.1.0/release.json"])
    }

    @Test func earlierReleasesArePutBackBeforePacksAreMadeFromThem() async throws {
        let site = try await Site.make()
        for version in ["1.0.0", "1.1.0"] {
            _ = try await site.open().publish([site.build(version)], waves: .open)
        }
        for name in try site.files().keys
        where name.hasSuffix(".from-1.0.0.pack")
            || name.hasPrefix("targets/vm/amd64/1.0.0/") && name.hasSuffix(".root.erofs")
        {
            try FileManager.default.removeItem(atPath: "\(site.repository)/\(name)")
        }
        // In any order, and one of them twice.
        let builds = try ["1.2.0", "1.1.0", "1.0.0", "1.2.0"].map { try site.build($0) }
        let result = try await site.open().publish(builds, waves: .open)
        #expect(result.restored == ["vm/amd64/1.0.0/root.erofs", "vm/amd64/1.1.0/from-1.0.0.pack"])
        #expect(result.lost == [] && result.added == ["vm/amd64/1.2.0"])
        let packs = try site.files().keys.filter { $0.contains("/1.2.0/") && $0.hasSuffix(".pack") }
        #expect(packs.count == 2)
        #expect(try site.verify().findings == [])
        await #expect(throws: RepositoryError.self) {
            try await site.open().publish(
                [site.build("1.3.0"), site.build("1.3.0", content: 2)],
                waves: .open
            )
        }
    }

    @Test func metadataThatNoHostReadsAreNotWritten() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        let whole = try site.files()
        let repository = try site.open()
        let contents = try repository.open()
        var targets = contents.targets.signed
        for number in 0..<40_000 {
            targets.targets["some/longer/name/of/a/file/of/a/release/\(number)/root.erofs"] = TargetFile(
                length: 1,
                sha256: SHA256Digest(hashing: "\(number)")
            )
        }
        let error = await #expect(throws: RepositoryError.self) {
            try await repository.commit(targets, replacing: contents, files: [])
        }
        #expect("\(String(describing: error))".contains("targets.json"))
        #expect(try site.files() == whole)
    }

    @Test func filesThatNothingRefersToAreNamedAndRemoved() async throws {
        let site = try await Site.make()
        let storage = try FolderStorage(site.repository, forWriting: false)
        let leftovers = [
            "metadata/2.snapshot.json", "metadata/9.targets.json",
            "metadata/timestamp.json.\(UUID().uuidString).new",
            "targets/vm/amd64/2.0.0/\(String(repeating: "0a", count: 32)).root.erofs",
        ]
        for name in leftovers { try storage.write([1], to: name) }
        #expect(Set(try site.verify().findings.map(\.subject)) == Set(leftovers))
        #expect(try site.verify().isUsable)
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        #expect(try site.verify().findings == [])
    }

    @Test func twoWritersAtOnceAreNotLetIn() async throws {
        let site = try await Site.make()
        let first = try site.open()
        #expect(throws: RepositoryError.locked(path: site.repository)) { try site.open() }
        withExtendedLifetime(first) {}
    }

    @Test func anotherKeyRingIsRefused() async throws {
        let site = try await Site.make()
        let other = site.folder.file("other")
        _ = try await KeyCeremony(now: Site.origin).initialize(other)
        let repository = try Repository(
            FolderStorage(site.repository, forWriting: true),
            keys: KeyRing(reading: other),
            now: Site.origin
        )
        await #expect(
            throws: RepositoryError.otherRoot(version: 1, ring: other, repository: site.repository)
        ) { try await repository.refresh() }
    }

    @Test func aBuildThatIsNotWhatItSaysIsRefused() async throws {
        let site = try Site()
        for name in ["root.erofs", "vm_1.0.0.efi", "release.json"] {
            for damage in [Data([1, 2, 3]), nil] {
                let path = try site.buildFolder("1.0.0")
                let file = URL(filePath: "\(path)/\(name)")
                if let damage {
                    try damage.write(to: file)
                } else {
                    try FileManager.default.removeItem(at: file)
                }
                #expect {
                    _ = try ReleaseFolder(reading: path)
                } throws: { error in
                    guard case .badBuild(let place, _) = error as? RepositoryError else { return false }
                    return place.hasPrefix(path)
                }
            }
        }
    }
}
