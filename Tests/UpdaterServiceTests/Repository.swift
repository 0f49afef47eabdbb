import Foundation
import ReleaseRepository
import Rollout
import TUF
import TestSupport

@testable import UpdateFixtures

/// What all tests begin with: the releases 1.0.0, 2.0.0 and 3.0.0, a repository with the first two, a disk with the first.
final class SampleRepository: Sendable {
    static let shared = Task { try await SampleRepository() }

    let releases: [SampleRelease]
    let disk: SampleHost
    let folder: TemporaryDirectory
    var path: String { folder.file("repository") }

    private init() async throws {
        folder = try TemporaryDirectory()
        // A shared value never goes away by itself.
        LeftOvers.add(path: folder.path)
        let first = try SampleRelease(version: "1.0.0", seed: 1)
        releases = [
            first,
            try SampleRelease(version: "2.0.0", seed: 2, sharing: first),
            try SampleRelease(version: "3.0.0", seed: 3, sharing: first),
        ]
        disk = try SampleHost(running: first)
        let now = MetadataTime(seconds: Int64(time(nil)))
        _ = try await KeyCeremony(now: now).initialize(folder.file("keys"))
        let place = folder.file("repository")
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        _ = try await open(place).initialize()
        for release in releases.prefix(2) { try await publish(release, in: place) }
    }

    func publish(_ release: SampleRelease, in place: String) async throws {
        let build = try release.writeBuild(in: folder)
        _ = try await open(place).publish([ReleaseFolder(reading: build)], waves: .open)
    }

    private func open(_ place: String) throws -> Repository<FolderStorage> {
        try Repository(
            FolderStorage(place, forWriting: true),
            keys: KeyRing(reading: folder.file("keys")),
            now: MetadataTime(seconds: Int64(time(nil)))
        )
    }
}
