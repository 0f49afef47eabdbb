import Foundation
import HostAPI
import TestSupport
import Testing

@testable import UpdateFixtures
@testable import Updater

@Suite("Copies of a repository") struct MirrorTests {
    /// A copy of a repository behind a server of its own, as it is at that moment.
    private struct Mirror {
        let folder: TemporaryDirectory
        let server: MeteredServer

        init(of site: Site) throws {
            folder = try TemporaryDirectory()
            try FileManager.default.copyItem(atPath: site.repository, toPath: folder.file("copy"))
            server = try MeteredServer(folder.file("copy"))
        }
    }

    /// Makes the second half of a file wrong, so that its own header is right.
    private func spoil(_ path: String) throws {
        let url = URL(filePath: path)
        var bytes = try Data(contentsOf: url)
        for index in bytes.indices.dropFirst(bytes.count / 2) { bytes[index] ^= 0x55 }
        try bytes.write(to: url)
    }

    @Test("Without its server a host is updated from a mirror, and says who is away where there is none")
    func mainIsGone() async throws {
        let site = try await Site()
        let mirror = try Mirror(of: site)
        let host = try TestHost(site)
        let updater = try host.updater()
        site.server.line.cut(after: 0)
        let error = await #expect(throws: UpdaterError.self) { try await updater.refresh() }
        #expect(error?.description.contains(site.server.url) == true)
        // The first is away as well.
        host.change {
            $0.configuration.mirrors = ["http://127.0.0.1:1", mirror.server.url + "/"]
        }
        #expect(try await updater.refresh() == nil)
        try await updater.prepare()
        #expect(try host.verifies(slot: 1, site.world.releases[1]))
        #expect(site.server.requests("").isEmpty)
    }

    @Test("A mirror that is behind hides no news, and is not asked as long as the repository answers")
    func behind() async throws {
        let site = try await Site()
        let mirror = try Mirror(of: site)
        try await site.publish(site.world.releases[2])
        let host = try TestHost(site)
        host.change { $0.configuration.mirrors = [mirror.server.url] }
        let updater = try host.updater()
        #expect(try await updater.refresh() == nil)
        #expect(await updater.status?.chosenUpdate?.version == "3.0.0")
        try await updater.prepare()
        #expect(try host.verifies(slot: 1, site.world.releases[2]))
        #expect(mirror.server.requests("").isEmpty)
        // What is known from the repository is not taken back by a mirror.
        site.server.line.cut(after: 0)
        let error = await #expect(throws: UpdaterError.self) { try await updater.refresh() }
        #expect(error?.description.contains(mirror.server.url) == true)
        #expect(await updater.status?.state == .staged)
    }

    @Test("Metadata that can't be trusted come from a mirror")
    func wrongMetadata() async throws {
        let site = try await Site()
        let mirror = try Mirror(of: site)
        try spoil(site.repository + "/metadata/timestamp.json")
        let host = try TestHost(site)
        host.change { $0.configuration.mirrors = [mirror.server.url] }
        let updater = try host.updater()
        #expect(try await updater.refresh() == nil)
        #expect(await updater.status?.chosenUpdate?.version == "2.0.0")
    }

    @Test(
        "Where one server sends wrong bytes, another one is asked in the same run",
        arguments: ["release.json", "vm_3.0.0.efi", "root.zst", "root.index", "from-1.0.0.pack"]
    )
    func wrongBytes(name: String) async throws {
        let site = try await Site()
        let third = site.world.releases[2]
        try await site.publish(third, packs: name.hasSuffix(".pack") ? 3 : 0)
        let mirror = try Mirror(of: site)
        try spoil(site.path(name, of: third))
        let host = try TestHost(site)
        host.change { $0.configuration.mirrors = [mirror.server.url] }
        let updater = try host.updater()
        _ = try await updater.refresh()
        try await updater.prepare()
        #expect(try host.verifies(slot: 1, third))
        #expect(try host.espFile("EFI/bulkhead/vm_3.0.0.efi") == third.kernel)
        #expect(mirror.server.requests(name).isEmpty == false)
        guard name != "release.json" else { return }
        #expect(host.warnings.count == 1 && host.warnings.allSatisfy { $0.contains(site.server.url) })
    }

    @Test("Where all of them send wrong bytes, the last one is named")
    func allWrong() async throws {
        let site = try await Site()
        let third = site.world.releases[2]
        try await site.publish(third, packs: 0)
        try spoil(site.path("root.zst", of: third))
        let mirror = try Mirror(of: site)
        let host = try TestHost(site)
        host.change { $0.configuration.mirrors = [mirror.server.url] }
        let updater = try host.updater()
        _ = try await updater.refresh()
        let before = try host.untouched()
        let error = await #expect(throws: UpdaterError.self) { try await updater.prepare() }
        #expect(error?.description.contains(mirror.server.url) == true, "\(String(describing: error))")
        #expect(try host.untouched() == before)
    }

    @Test("An update takes no more of the network than it may")
    func bandwidth() async throws {
        let site = try await Site()
        site.server.line.mend()
        let (free, bound) = (try TestHost(site).updater(), try TestHost(site))
        _ = try await free.refresh()
        try await free.prepare()
        let bytes = site.server.line.count
        bound.change { $0.configuration.bandwidth = bytes / 2 }
        let updater = try bound.updater()
        let start = ContinuousClock.now
        _ = try await updater.refresh()
        try await updater.prepare()
        // About two seconds, less what may come at once; without the limit there is no such least time.
        #expect(ContinuousClock.now - start > .seconds(1))
    }
}
