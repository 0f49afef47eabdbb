import Foundation
import Rollout
import TUF
import TestSupport
import Testing

@testable import ReleaseRepository

/// What is in a repository's folder, or wrong in it, without the writer's doing.
@Suite struct ForeignFilesTests {
    @Test func filesOfOthersAreLeftAlone() async throws {
        let site = try await Site.make()
        let storage = try FolderStorage(site.repository, forWriting: false)
        let digest = String(repeating: "0a", count: 32)
        let foreign = [
            "targets/.well-known/security.txt", "targets/index.html", "targets/delegated/\(digest).file",
            "targets/vm/amd64/index.html", "targets/vm/amd64/2.0.0/notes.txt", "metadata/index.html",
            "targets/notes.new", "targets/site.new/index.html", "targets/vm/amd64/x.1.new",
        ]
        let leftovers = [
            "targets/vm/amd64/2.0.0/\(digest).root.erofs", "targets/vm/amd64/x.\(UUID().uuidString).new",
            "targets/scratch.new/0/root.zst",
        ]
        for name in foreign + leftovers { try storage.write([1], to: name) }
        #expect(Set(try site.verify().findings.map(\.subject)) == Set(leftovers))
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        let files = try site.files()
        for name in foreign where name.hasPrefix("targets/") { #expect(files[name] != nil, "\(name)") }
        for name in leftovers { #expect(files[name] == nil, "\(name)") }
    }

    @Test func aLinkBelowTargetsIsNamedAndStays() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        let path = "\(site.repository)/targets/vm"
        let away = site.folder.file("away")
        try FileManager.default.moveItem(atPath: path, toPath: away)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: away)
        await #expect {
            _ = try await site.open().publish([site.build("1.1.0")], waves: .open)
        } throws: {
            "\($0)".contains("targets/vm'") && "\($0)".contains("link")
        }
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == away)
        // What does not touch targets goes on.
        #expect(try await site.open(now: Site.origin.advanced(by: 60)).refresh() == ["timestamp.json"])
    }

    @Test(arguments: ["root.erofs", "release.json"])
    func anOldReleaseThatIsDamagedStopsNoNewOne(_ name: String) async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0"), site.build("1.1.0")], waves: .open)
        let folder = "\(site.repository)/targets/vm/amd64/1.0.0"
        let file = try #require(
            FileManager.default.contentsOfDirectory(atPath: folder).first { $0.hasSuffix(".\(name)") }
        )
        let path = URL(filePath: "\(folder)/\(file)")
        var bytes = try Data(contentsOf: path)
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: path)
        _ = try await site.open().publish([site.build("1.2.0")], waves: .open)
        let names = try FileManager.default.contentsOfDirectory(
            atPath: "\(site.repository)/targets/vm/amd64/1.2.0"
        )
        #expect(names.filter { $0.hasSuffix(".pack") }.map { $0.dropFirst(65) } == ["from-1.1.0.pack"])
    }

    /// Builds that were not made by `bulkhead build` may have one root file system in two versions.
    @Test func oneRootOfTwoReleasesGetsOnePack() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish(
            [site.build("1.0.0"), site.build("1.1.0", rootOf: "1.0.0")],
            waves: .open
        )
        _ = try await site.open().publish([site.build("1.2.0")], waves: .open)
        #expect(try site.verify().findings == [])
        let names = try FileManager.default.contentsOfDirectory(
            atPath: "\(site.repository)/targets/vm/amd64/1.2.0"
        )
        #expect(names.filter { $0.hasSuffix(".pack") }.map { $0.dropFirst(65) } == ["from-1.1.0.pack"])
    }
}
