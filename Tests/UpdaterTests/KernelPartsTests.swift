import Bytes
import Foundation
import Hashing
import HTTPFetch
import ReleaseManifest
import Synchronization
import TestSupport
import Testing
import UpdateBlocks

@testable import UpdateFixtures
@testable import Updater

@Suite("The kernel image, part by part") struct KernelPartsTests {
    private static let name = "vm_3.0.0.efi"
    private static let kernel = SampleKernel(seed: 500, archives: [300_000, 200_001, 100_002, 5000])

    /// A host that runs one kernel, and a release with another.
    private func make(
        hasRanges: Bool = true,
        old: [(name: String, bytes: [UInt8])] = Self.kernel.sections,
        new: SampleKernel
    ) async throws -> (site: Site, host: TestHost, release: SampleRelease) {
        let site = try await Site(hasRanges: hasRanges)
        let running = try SampleRelease(version: "1.0.0", seed: 1, sections: old)
        let release = try SampleRelease(version: "3.0.0", seed: 3, sharing: running, sections: new.sections)
        try await site.publish(release)
        return (site, try TestHost(site, sample: SampleHost(running: running), releases: [release]), release)
    }

    /// Looks for the release and prepares it; returns how many bytes of its kernel image the server sent.
    private func prepare(_ host: TestHost) async throws -> Int {
        let before = host.site.server.bytes(Self.name)
        let updater = try host.updater()
        _ = try await updater.refresh()
        try await updater.prepare()
        // It writes down a request when it has ended.
        try await Task.sleep(for: .milliseconds(100))
        return host.site.server.bytes(Self.name) - before
    }

    /// What any other release differs in: headers, names and command line.
    private static let small = 8192
    /// What may be between the ranges of an answer.
    private static let gaps = 2000

    @Test("One archive was replaced: it is fetched, and with it what is small")
    func oneArchive() async throws {
        var kernel = Self.kernel
        kernel.archives[1] = sampleBytes(count: 210_000, seed: 77)
        let (site, host, release) = try await make(new: kernel)
        let planned = Mutex<(bytes: UInt64, requests: Int)?>(nil)
        host.once({ if case .plan = $0 { true } else { false } }) {
            guard case .plan(let bytes, _)? = host.events.last else { return }
            planned.withLock { $0 = (bytes, site.server.requests(Self.name).count) }
        }
        let bytes = try await prepare(host)
        #expect(bytes >= 210_000 && bytes < 210_000 + Self.small + Self.gaps, "\(bytes)")
        #expect(try host.espFile("EFI/bulkhead/\(Self.name)") == release.kernel)
        #expect(try host.verifies(slot: 1, release))
        // It is in the plan, which was told before.
        let plan = try #require(planned.withLock { $0 })
        #expect(plan.requests == 0)
        let root = try await makeRootOnly(host)
        #expect(plan.bytes >= root + 210_000 && plan.bytes < root + 210_000 + UInt64(Self.small + Self.gaps))
        // The staged copy is as good as any other: nothing of it is fetched again.
        #expect(try await prepare(host) == 0)
        // Nor was more than once a part of it.
        #expect(site.server.requests(Self.name).allSatisfy { $0 == 206 })
    }

    /// The plan for the same host when it has all of the kernel image.
    private func makeRootOnly(_ host: TestHost) async throws -> UInt64 {
        let other = try TestHost(host.site, sample: host.sample, releases: host.releases)
        let release = try #require(host.releases.last { $0.version == "3.0.0" })
        let work = other.folder.file("work/\(SHA256Digest(hashing: release.kernel).hex).efi")
        try Data(release.kernel).write(to: URL(filePath: work))
        let updater = try other.updater()
        _ = try await updater.refresh()
        try await updater.prepare()
        return try #require(await updater.plan).bytes
    }

    @Test("What is damaged in the running image is fetched", arguments: [true, false])
    func damaged(isHeader: Bool) async throws {
        // One bit of the kernel, or the first frame's magic number, without which no archive is told from another.
        var old = Self.kernel.sections
        if isHeader { old[1].bytes[0] ^= 1 } else { old[0].bytes[200_000] ^= 1 }
        let (_, host, release) = try await make(old: old, new: Self.kernel)
        let bytes = try await prepare(host)
        let expected = isHeader ? 605_000 : 400_000
        #expect(bytes >= expected && bytes < expected + Self.small + Self.gaps, "\(bytes)")
        #expect(try host.espFile("EFI/bulkhead/\(Self.name)") == release.kernel)
    }

    @Test("A server without ranges sends all of it")
    func withoutRanges() async throws {
        var kernel = Self.kernel
        kernel.archives[0][5] ^= 1
        let (site, host, release) = try await make(hasRanges: false, new: kernel)
        let bytes = try await prepare(host)
        #expect(bytes >= release.kernel.count)
        #expect(try host.espFile("EFI/bulkhead/\(Self.name)") == release.kernel)
        #expect(site.server.requests(Self.name).allSatisfy { $0 == 200 })
    }

    @Test("Wrong bytes of a part are named, and nothing is staged")
    func wrongBytes() async throws {
        var kernel = Self.kernel
        kernel.archives[1] = sampleBytes(count: 210_000, seed: 77)
        let (site, host, release) = try await make(new: kernel)
        let url = URL(filePath: try site.path(Self.name, of: release))
        let original = try Data(contentsOf: url)
        var bytes = original
        // In the archive that was replaced.
        bytes[bytes.count - 150_000] ^= 1
        try bytes.write(to: url)
        let before = try host.untouched()
        let error = await #expect(throws: UpdaterError.self) { try await prepare(host) }
        guard case .fetch(let text)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(
            text.contains(Self.name) && text.contains(site.server.url) && text.contains("repair the server")
        )
        #expect(try host.entryNames("EFI/bulkhead") == [] && host.untouched() == before)
        // In what this host has it makes no difference.
        bytes = original
        bytes[bytes.count - 400_000] ^= 1
        try bytes.write(to: url)
        _ = try await prepare(host)
        #expect(try host.espFile("EFI/bulkhead/\(Self.name)") == release.kernel)
    }

    @Test("Broken off in the middle, it goes on where it was")
    func brokenOff() async throws {
        let (site, host, release) = try await make(new: SampleKernel(seed: 900, archives: [600_000]))
        let line = site.server.line
        host.once({ if case .plan = $0 { true } else { false } }) { line.cut(after: 700_000) }
        await #expect(throws: UpdaterError.self) { _ = try await prepare(host) }
        line.mend()
        _ = try await prepare(host)
        // Of the kernel image 300,000 bytes are left, and what was on its way when it broke; the root has 200,000, and
        // metadata and index come again. Without what was kept it would be 1,250,000.
        #expect(line.count < 950_000, "\(line.count)")
        #expect(try host.espFile("EFI/bulkhead/\(Self.name)") == release.kernel)
    }

    // MARK: By itself

    /// A release's description as a file of its own, with or without parts, and the file.
    private func describe(
        _ kernel: SampleKernel,
        in folder: TemporaryDirectory,
        change: (inout Release.Transports) -> Void = { _ in }
    ) throws -> (release: Release, remote: HTTPFetch.RemoteFile, bytes: [UInt8]) {
        let sample = try SampleRelease(version: "3.0.0", seed: 3, blocks: 4, sections: kernel.sections)
        let build = try sample.writeBuild(in: folder)
        var release = try Release(decoding: Array(Data(contentsOf: URL(filePath: "\(build)/release.json"))))
        let file = Release.File(file: "root.zst", size: 1, sha256: release.uki.sha256)
        var transports = Release.Transports(frames: file, index: file, packs: [])
        transports.kernel = try KernelParts.table(of: ByteSource(bytes: sample.kernel))
        change(&transports)
        release.transports = transports
        let remote = try HTTPFetcher().file(
            urls: ["file://\(build)/\(release.uki.file)"],
            size: release.uki.size
        )
        return (release, remote, sample.kernel)
    }

    private func content(_ source: ByteSource) throws -> [UInt8] {
        try source.read(at: 0, count: Int(source.size))
    }

    @Test("A release without parts is fetched whole, unless the same file is there")
    func withoutParts() async throws {
        let folder = try TemporaryDirectory()
        let (release, remote, bytes) = try describe(Self.kernel, in: folder) { $0.kernel = nil }
        let image = ByteSource(bytes: bytes)
        let kernel = try KernelFile(
            release,
            folder: folder.file("a"),
            images: [ByteSource(bytes: Array(bytes.dropLast()))]
        )
        #expect(kernel.byteCount >= UInt64(bytes.count))
        #expect(try await content(kernel.fetch(remote, warn: { _ in }, progress: { _, _ in })) == bytes)
        // It is one part, which is cut nowhere: the image in the folder is found, the one on the ESP is not.
        #expect(try KernelFile(release, folder: folder.file("a"), images: []).byteCount == 0)
        #expect(try KernelFile(release, folder: folder.file("b"), images: [image]).byteCount > 0)
    }

    @Test("Parts that do not make up the file are the publisher's fault")
    func wrongTable() async throws {
        let folder = try TemporaryDirectory()
        var (release, remote, _) = try describe(Self.kernel, in: folder)
        release.uki.sha256 = release.root.hash
        let kernel = try KernelFile(release, folder: folder.file("a"), images: [])
        let error = await #expect(throws: UpdaterError.self) {
            _ = try await kernel.fetch(remote, warn: { _ in }, progress: { _, _ in })
        }
        guard case .release(let text)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.contains("publish the release again"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("a")).isEmpty)
    }

    @Test("What an attempt has left is used as far as it is right, whatever it is")
    func leftOvers() async throws {
        let folder = try TemporaryDirectory()
        let (release, remote, bytes) = try describe(Self.kernel, in: folder)
        let place = folder.file("work")
        let path = "\(place)/\(release.uki.sha256.hex).efi"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        func left(_ bytesBefore: [UInt8]) async throws -> UInt64 {
            try Data(bytesBefore).write(to: URL(filePath: path))
            try Data([1]).write(to: URL(filePath: "\(place)/other.efi"))
            let kernel = try KernelFile(release, folder: place, images: [])
            #expect(try await content(kernel.fetch(remote, warn: { _ in }, progress: { _, _ in })) == bytes)
            #expect(try FileManager.default.contentsOfDirectory(atPath: place).count == 1)
            return kernel.byteCount
        }
        let all = UInt64(bytes.count)
        #expect(try await left([]) >= all)
        #expect(try await left(bytes) == 0)
        // The beginning, and holes.
        #expect(try await left(Array(bytes.prefix(500_001))) < all - 500_001 + 10_000)
        var holes = bytes
        for start in [100_000, 600_000] {
            holes.replaceSubrange(start..<start + 50_000, with: [UInt8](repeating: 0, count: 50_000))
        }
        let missing = try await left(holes)
        #expect(missing >= 100_000 && missing < 130_000, "\(missing)")
        // Bytes that are wrong, with and without a hole beside them, and a file that is too long.
        for index in [100_000, 99_000, 700_000] { holes[index] ^= 0x55 }
        _ = try await left(holes)
        #expect(try await left(bytes.map { byte in byte ^ 0x55 }) >= all)
        #expect(try await left(bytes + [0]) >= all)
    }

    @Test("A medium that can't be read any more costs bytes, and no more than that")
    func unreadable() async throws {
        let folder = try TemporaryDirectory()
        let (release, remote, bytes) = try describe(Self.kernel, in: folder)
        let isBroken = Mutex(false)
        let image = ByteSource(size: UInt64(bytes.count)) { offset, count in
            if isBroken.withLock({ $0 }) {
                throw ByteSourceError.shortRead(offset: offset, count: count, got: 0)
            }
            return Array(bytes[Int(offset)..<Int(offset) + count])
        }
        let kernel = try KernelFile(release, folder: folder.file("a"), images: [image])
        #expect(kernel.byteCount == 0)
        isBroken.withLock { $0 = true }
        #expect(try await content(kernel.fetch(remote, warn: { _ in }, progress: { _, _ in })) == bytes)
    }
}
