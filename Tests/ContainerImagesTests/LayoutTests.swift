import Foundation
import Glibc
import OCI
import TestSupport
import Testing

@testable import ContainerImages

@Suite struct LayoutTests {
    private func source(_ image: TestImage, _ name: String = "localhost/control") throws -> LayoutSource {
        try LayoutSource(folder: image.folder, reference: try ImageReference(parsing: name))
    }

    @Test func aFolderBecomesAnArchive() async throws {
        let image = try TestImage()
        let source = try source(image)
        #expect(source.manifest.digest == image.manifest.digest)
        #expect(source.reference.description == "localhost/control:latest")
        #expect(source.manifest.annotations["io.containerd.image.name"] == "localhost/control:latest")
        let progress = Progress()
        let archive = source.archive { progress.set($0) }
        let read = try await ReadArchive(archive)
        defer { withExtendedLifetime((image, read)) {} }
        #expect(try image.isIn(read) && progress.value == source.size && archive.failure == nil)
        #expect(read.longest <= 1 << 20)
        let inspected = try runTool("skopeo", "inspect", "oci-archive:\(read.file):latest")
        #expect(inspected.status == 0 && inspected.output.contains(image.manifest.digest.description))
        // A second reading makes the same bytes.
        let again = try await ReadArchive(archive)
        defer { withExtendedLifetime(again) {} }
        #expect(try runTool("cmp", read.file, again.file).status == 0)
        // A digest in the reference is one more thing to be right.
        #expect(try self.source(image, "localhost/control@\(image.manifest.digest)").size == source.size)
        #expect(throws: ContainerImagesError.self) {
            try self.source(image, "localhost/control@\(image.layers[0].digest)")
        }
    }

    @Test func aWrongLayerNeverEnds() async throws {
        let image = try TestImage()
        let path = image.path(of: image.layers[0])
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(filePath: path))
        defer { withExtendedLifetime(image) {} }
        let archive = try source(image).archive { _ in }
        let error = await failure { for try await _ in archive {} }
        #expect(
            error
                == .wrongDigest(
                    what: "a layer",
                    expected: image.layers[0].digest,
                    found: ContentDigest(of: Array(bytes)),
                    source: path
                )
        )
        #expect(archive.failure == error)
        // Cut, gone, and something that would be waited for.
        try bytes.dropLast().write(to: URL(filePath: path))
        guard case .badLayout(path, _)? = await failure({ for try await _ in archive {} }) else {
            Issue.record("a layer that is too short was taken")
            return
        }
        try FileManager.default.removeItem(atPath: path)
        guard case .badLayout(path, _)? = await failure({ for try await _ in archive {} }) else {
            Issue.record("a layer that is not there was taken")
            return
        }
        try #require(mkfifo(path, 0o600) == 0)
        guard case .badLayout(path, _)? = await failure({ for try await _ in archive {} }) else {
            Issue.record("a pipe was taken for a layer")
            return
        }
    }

    @Test func foldersThatAreNone() throws {
        for name in ["oci-layout", "index.json", "manifest"] {
            let image = try TestImage(size: 10)
            defer { withExtendedLifetime(image) {} }
            let path = name == "manifest" ? image.path(of: image.manifest) : image.place.file(name)
            var bytes = try Data(contentsOf: URL(filePath: path))
            bytes[bytes.count - 2] ^= 0x20
            try bytes.write(to: URL(filePath: path))
            #expect(throws: ContainerImagesError.self) { try source(image) }
            try FileManager.default.removeItem(atPath: path)
            #expect(throws: ContainerImagesError.self) { try source(image) }
        }
        let foreign = try TestImage(size: 10, platform: Platform(architecture: "s390x"))
        defer { withExtendedLifetime(foreign) {} }
        #expect {
            try source(foreign)
        } throws: { error in
            guard case .wrongPlatform(_, ["linux/s390x"], _)? = error as? ContainerImagesError else {
                return false
            }
            return true
        }
    }

    /// What GNU tar and Python read of the sizes that ustar has no digits for.
    @Test func sizesBeyondOctalDigits() throws {
        let place = try TemporaryDirectory()
        for size: Int64 in [0, 1, 511, 512, 8_589_934_591, 8_589_934_592, 17_179_869_184] {
            let header = TarHeader.file("blobs/sha256/\(String(repeating: "a", count: 64))", size: size)
            #expect(header.count == 512 && (Int64(TarHeader.padding(size: size).count) + size) % 512 == 0)
            try Data(header).write(to: place.url.appending(path: "header"))
            let program = """
                import sys, tarfile
                info = tarfile.TarInfo.frombuf(open(sys.argv[1], "rb").read(), "utf-8", "strict")
                print(info.size, info.name, info.isreg(), oct(info.mode), info.mtime)
                """
            let read = try runTool("python3", "-c", program, place.file("header"))
            let expected = "\(size) blobs/sha256/\(String(repeating: "a", count: 64)) True 0o644 0\n"
            #expect(read.output == expected)
        }
    }
}
