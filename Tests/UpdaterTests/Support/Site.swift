import Foundation
import Glibc
import ReleaseRepository
import Rollout
import TUF
import TestSupport

@testable import UpdateFixtures

/// What all tests begin with: keys, a repository with the releases 1.0.0 and 2.0.0, and a host that runs the first.
final class World: Sendable {
    static let shared = Task { try await World() }
    /// 2026-01-01T00:00:00Z.
    static let origin = MetadataTime(seconds: 1_767_225_600)

    /// 1.0.0, 2.0.0, 3.0.0.
    let releases: [SampleRelease]
    let host: SampleHost
    let folder: TemporaryDirectory

    private init() async throws {
        folder = try TemporaryDirectory()
        // A shared value never goes away by itself.
        LeftOvers.add(path: folder.path)
        let first = try SampleRelease(version: "1.0.0", seed: 1)
        let second = try SampleRelease(version: "2.0.0", seed: 2, sharing: first)
        let third = try SampleRelease(version: "3.0.0", seed: 3, sharing: first)
        releases = [first, second, third]
        host = try SampleHost(running: first)
        _ = try await KeyCeremony(now: Self.origin).initialize(folder.file("keys"))
        let repository = folder.file("repository")
        try FileManager.default.createDirectory(atPath: repository, withIntermediateDirectories: true)
        _ = try await open(repository).initialize()
        for release in [first, second] {
            _ = try await open(repository).publish(
                [ReleaseFolder(reading: release.writeBuild(in: folder))],
                waves: .open
            )
        }
    }

    private func open(_ repository: String) throws -> Repository<FolderStorage> {
        try Repository(
            FolderStorage(repository, forWriting: true),
            keys: KeyRing(reading: folder.file("keys")),
            now: Self.origin
        )
    }
}

/// A repository of one test behind a web server; at first it is the world's.
final class Site: Sendable {
    let world: World
    let folder: TemporaryDirectory
    let server: MeteredServer

    var repository: String { folder.file("repository") }

    /// - Parameter hasRanges: whether the server sends parts of files.
    init(hasRanges: Bool = true) async throws {
        world = try await World.shared.value
        folder = try TemporaryDirectory()
        // The keys too: a key ring knows what was published with it.
        for name in ["repository", "keys"] {
            try FileManager.default.copyItem(atPath: world.folder.file(name), toPath: folder.file(name))
        }
        server = try MeteredServer(folder.file("repository"), hasRanges: hasRanges)
    }

    /// Opens the repository for a change.
    func open(now: MetadataTime = World.origin) throws -> Repository<FolderStorage> {
        try Repository(
            FolderStorage(repository, forWriting: true),
            keys: KeyRing(reading: folder.file("keys")),
            now: now
        )
    }

    /// Publishes a release.
    func publish(
        _ release: SampleRelease,
        variant: String = "vm",
        architecture: String = "amd64",
        kernel: [UInt8]? = nil,
        waves: WaveTable = .open,
        packs: Int = 3,
        now: MetadataTime = World.origin
    ) async throws {
        let build = try release.writeBuild(
            in: folder,
            variant: variant,
            architecture: architecture,
            kernel: kernel
        )
        _ = try await open(now: now).publish([ReleaseFolder(reading: build)], waves: waves, packs: packs)
    }

    /// The path of a file of a release in the repository, by the name it has in the release.
    func path(_ name: String, of release: SampleRelease) throws -> String {
        let folder = "\(repository)/targets/vm/amd64/\(release.version)"
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        guard let file = files.first(where: { $0.hasSuffix(".\(name)") }) else {
            throw ToolFailure(text: "\(folder) has no \(name): \(files)")
        }
        return "\(folder)/\(file)"
    }
}
