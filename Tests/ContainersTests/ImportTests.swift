import Containers
import OCI
import Synchronization
import TestSupport
import Testing

@Suite(.enabled(if: Containerd.isAvailable, Comment(rawValue: Containerd.skipReason)))
struct ImportTests {
    private let name = "localhost/image:1"

    @Test func storesAndUnpacksAnImage() async throws {
        let harness = try await Harness()
        let archive = try TestImages.busybox.get()
        let sent = Mutex<Int64>(0)
        let events = Mutex<Set<String>>([])
        let image = try await harness.runtime.importImage(
            Pieces(archive.bytes),
            as: name,
            manifest: try ContentDigest(parsing: archive.manifest)
        ) { progress in
            if progress.event == "sent" { sent.withLock { $0 = progress.done } }
            events.withLock { _ = $0.insert(progress.event) }
        }
        #expect(image.name == name)
        #expect(try await harness.runtime.image(name) == image)
        #expect("\(try await harness.runtime.manifest(of: image).digest)" == archive.manifest)
        #expect(try await harness.runtime.configuration(of: image).cmd == ["/bin/sh"])
        #expect(sent.withLock { $0 } > 1 << 20)
        #expect(events.withLock { $0.count } > 1, "containerd reported nothing")
        let list = try harness.containerd.ctr(harness.namespace, "images", "ls", "-q")
        #expect(list.output.contains(name))
        #expect(try harness.leftOvers().filter { $0.hasPrefix("leases") } == [])
        try await harness.runtime.removeImage(name)
        try await harness.runtime.removeImage(name)
        #expect(try await harness.runtime.image(name) == nil)
        #expect(try harness.leftOvers() == [])
        #expect(try harness.containerd.ctr(harness.namespace, "content", "ls", "-q").output == "")
    }

    @Test func refusesWhatIsNoImage() async throws {
        let error = try await importing([UInt8](repeating: 120, count: 4096))
        guard case .notAnImage? = error else { throw Unexpected(error) }
    }

    @Test func refusesAnEmptyArchive() async throws {
        let error = try await importing([])
        guard case .notAnImage? = error else { throw Unexpected(error) }
    }

    @Test func refusesACutArchive() async throws {
        let bytes = try TestImages.busybox.get().bytes
        let error = try await importing(Array(bytes.prefix(bytes.count / 2)))
        guard case .damagedImage? = error else { throw Unexpected(error) }
    }

    @Test func refusesALayerWithOtherBytes() async throws {
        var bytes = try TestImages.busybox.get().bytes
        let start = try #require(bytes.indices.first { bytes[$0...].starts(with: [0x7f, 0x45, 0x4c, 0x46]) })
        bytes[start + 5000] ^= 1
        let error = try await importing(bytes)
        guard case .damagedImage? = error else { throw Unexpected(error) }
    }

    @Test func refusesAnImageForAnotherProcessor() async throws {
        let other = ContainerArchive.architecture == "amd64" ? "arm64" : "amd64"
        let error = try await importing(try ContainerArchive(architecture: other).bytes)
        guard case .otherArchitecture? = error else { throw Unexpected(error) }
    }

    @Test func refusesAnotherImageThanWasAskedFor() async throws {
        let wanted = ContentDigest(of: Array("another".utf8))
        let archive = try TestImages.busybox.get()
        let error = try await importing(archive.bytes, manifest: wanted)
        let found = try ContentDigest(parsing: archive.manifest)
        #expect(error == .otherImage(name, wanted: wanted, found: found))
    }

    @Test func passesOnWhyASourceFails() async throws {
        struct Torn: Error {}
        let harness = try await Harness()
        let archive = Pieces(try TestImages.large.get().bytes, at: 8 << 20) { throw Torn() }
        let error = await failure { _ = try await harness.runtime.importImage(archive, as: name) }
        #expect(error == .source(name, reason: "Torn()"))
        try await expectNothing(harness)
    }

    @Test func endsWithTheTaskThatAskedForIt() async throws {
        let harness = try await Harness()
        let isHalfWay = AsyncStream.makeStream(of: Void.self)
        let archive = Pieces(try TestImages.large.get().bytes, at: 8 << 20) {
            isHalfWay.continuation.yield()
            try await Task.sleep(for: .seconds(60))
        }
        let task = Task { await failure { _ = try await harness.runtime.importImage(archive, as: "a") } }
        for await _ in isHalfWay.stream { break }
        task.cancel()
        #expect(await task.value != nil)
        try await expectNothing(harness)
    }

    @Test func saysThatTheDiskIsFullAndFreesIt() async throws {
        let harness = try await Harness(try Containerd(disk: 30 << 20))
        let archive = Pieces(try TestImages.large.get().bytes)
        let error = await failure { _ = try await harness.runtime.importImage(archive, as: name) }
        guard case .diskFull? = error else { throw Unexpected(error) }
        try await expectNothing(harness)
        _ = try await harness.image()
    }

    @Test func saysThatContainerdWentAwayAndCleansUpWhenItIsBack() async throws {
        let containerd = try Containerd()
        let harness = try await Harness(containerd)
        let archive = Pieces(try TestImages.large.get().bytes, at: 8 << 20) {
            guard containerd.process != nil else { return }
            containerd.kill()
            Task.detached {
                try await Task.sleep(for: .milliseconds(300))
                try containerd.start()
            }
        }
        let error = await failure { _ = try await harness.runtime.importImage(archive, as: name) }
        guard case .unavailable? = error else { throw Unexpected(error) }
        try await expectNothing(harness)
        _ = try await harness.image()
    }

    /// The error of an import that must leave nothing.
    private func importing(_ bytes: [UInt8], manifest: ContentDigest? = nil) async throws -> ContainerError? {
        let harness = try await Harness()
        let error = await failure {
            _ = try await harness.runtime.importImage(Pieces(bytes), as: name, manifest: manifest)
        }
        try await expectNothing(harness)
        return error
    }

    private func expectNothing(_ harness: Harness) async throws {
        #expect(try harness.leftOvers() == [])
        #expect(try harness.containerd.ctr(harness.namespace, "content", "ls", "-q").output == "")
        let ingests = try harness.containerd.ctr(harness.namespace, "content", "active").output
        #expect(ingests.split(separator: "\n").count <= 1, "\(ingests)")
    }
}

/// Another outcome than a test wants.
struct Unexpected: Error, CustomStringConvertible {
    let description: String

    init(_ outcome: ContainerError?) { description = "got \(outcome.map { "\($0)" } ?? "no error")" }
}
