import Foundation
import NIOCore
import OCI
import TestSupport
import Testing

@testable import ContainerImages

/// An image as a folder in the OCI's layout, made by our own writers: three layers of one file each.
final class TestImage: Sendable {
    let place: TemporaryDirectory
    let manifest: Descriptor
    let layers: [Descriptor]
    /// What the files big, small and empty have.
    let contents: [[UInt8]]

    var folder: String { place.path }

    /// - Parameter size: of the largest file, in bytes.
    init(size: Int = 400_000, platform: Platform = .current) throws {
        place = try TemporaryDirectory()
        var state: UInt32 = 4711
        let big = (0..<size).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
        contents = [big, Array("small\n".utf8), []]
        var layers: [Descriptor] = []
        for (name, bytes) in zip(["big", "small", "empty"], contents) {
            let size = Int64(bytes.count)
            let tar = TarHeader.file(name, size: size) + bytes + TarHeader.padding(size: size) + TarHeader.end
            layers.append(try Self.add(tar, MediaType.layer, to: place))
        }
        self.layers = layers
        let config = ImageConfig(
            platform: platform,
            entrypoint: ["/small"],
            labels: ["made-by": "a test"],
            diffIDs: layers.map(\.digest)
        )
        manifest = try Self.add(
            ImageManifest(
                config: try Self.add(config.json, MediaType.configuration, to: place),
                layers: layers
            ).json,
            MediaType.manifest,
            to: place
        )
        var named = manifest
        named.annotations = [ImageLayout.tagAnnotation: "1"]
        try Data(ImageLayout.marker).write(to: place.url.appending(path: "oci-layout"))
        try Data(ImageIndex(manifests: [named]).json).write(to: place.url.appending(path: "index.json"))
    }

    /// Adds content to the folder.
    func add(_ bytes: [UInt8], _ type: String) throws -> Descriptor { try Self.add(bytes, type, to: place) }

    private static func add(_ bytes: [UInt8], _ type: String, to place: TemporaryDirectory) throws
        -> Descriptor
    {
        let descriptor = Descriptor(mediaType: type, of: bytes)
        let blobs = place.url.appending(path: "blobs/sha256")
        try FileManager.default.createDirectory(at: blobs, withIntermediateDirectories: true)
        try Data(bytes).write(to: blobs.appending(path: descriptor.digest.hex))
        return descriptor
    }

    func path(of descriptor: Descriptor) -> String { place.file(ImageLayout.name(of: descriptor.digest)) }

    /// Whether the layers of an archive that was unpacked are this image's.
    func isIn(_ archive: ReadArchive) throws -> Bool {
        // The folder goes away with the last use of the value.
        defer { withExtendedLifetime(archive) {} }
        return try (layers + [manifest]).allSatisfy { descriptor in
            let path = "\(archive.folder)/\(ImageLayout.name(of: descriptor.digest))"
            return try ContentDigest(of: Array(Data(contentsOf: URL(filePath: path)))) == descriptor.digest
        }
    }
}

/// An archive that was read to its end, as a file and unpacked by tar(1).
final class ReadArchive {
    let place: TemporaryDirectory
    var file: String { place.file("archive.tar") }
    var folder: String { place.file("unpacked") }
    /// The names in the archive, in its order.
    let names: [String]
    /// The longest piece that came.
    private(set) var longest = 0

    init(_ archive: ImageArchive) async throws {
        place = try TemporaryDirectory()
        let path = place.file("archive.tar")
        try Data().write(to: URL(filePath: path))
        let handle = try #require(FileHandle(forWritingAtPath: path))
        var longest = 0
        for try await buffer in archive {
            longest = max(longest, buffer.readableBytes)
            try handle.write(contentsOf: Data(buffer.readableBytesView))
        }
        try handle.close()
        self.longest = longest
        try FileManager.default.createDirectory(
            atPath: place.file("unpacked"),
            withIntermediateDirectories: true
        )
        let list = try runTool("tar", "-tf", path)
        #expect(list.status == 0, "\(list.output)")
        names = list.output.split(separator: "\n").map(String.init)
        let unpacked = try runTool("tar", "-xf", path, "-C", place.file("unpacked"))
        #expect(unpacked.status == 0 && unpacked.output.isEmpty, "\(unpacked.output)")
    }
}

/// The error of pulling an image and reading its archive to the end; nil where there is none.
func failure(_ operation: () async throws -> Void) async -> ContainerImagesError? {
    do {
        try await operation()
        return nil
    } catch {
        #expect(error is ContainerImagesError, "\(error)")
        return error as? ContainerImagesError
    }
}
