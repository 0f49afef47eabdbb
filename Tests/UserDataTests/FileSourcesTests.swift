import Foundation
import Glibc
import TestSupport
import Testing

@testable import UserData

@Suite struct FileSourcesTests {
    @Test func theImagesFileIsReadWhereThereIsOne() async throws {
        let root = try TemporaryDirectory()
        #expect(try await ImageFileSource(root: root.path).read() == nil)
        let folder = root.url.appending(path: "usr/share/bulkhead")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data("motd = 'x'".utf8).write(to: folder.appending(path: "user-data.toml"))
        let content = try await ImageFileSource(root: root.path).read()
        #expect(content?.bytes == Array("motd = 'x'".utf8))
    }

    @Test func theCredentialIsReadWhereThereIsOne() async throws {
        #expect(try await CredentialSource(directory: nil).read() == nil)
        let folder = try TemporaryDirectory()
        #expect(try await CredentialSource(directory: folder.path).read() == nil)
        try Data("motd = 'x'".utf8).write(to: folder.url.appending(path: "bulkhead.user-data"))
        #expect(try await CredentialSource(directory: folder.path).read()?.bytes == Array("motd = 'x'".utf8))
    }

    @Test func whatIsNoSmallFileIsRefused() async throws {
        let folder = try TemporaryDirectory()
        try #require(mkfifo(folder.file("fifo"), 0o600) == 0)
        #expect(throws: UserDataError.self) { try UserDataFile.read(folder.file("fifo")) }
        #expect(throws: UserDataError.self) { try UserDataFile.read(folder.path) }
        #expect(throws: UserDataError.self) { try UserDataFile.read("/dev/zero") }
        try Data(count: UserDataLimits.bytes + 1).write(to: folder.url.appending(path: "large"))
        #expect(throws: UserDataError.tooLarge(place: folder.file("large"))) {
            try UserDataFile.read(folder.file("large"))
        }
        try Data(count: UserDataLimits.bytes).write(to: folder.url.appending(path: "just"))
        #expect(try UserDataFile.read(folder.file("just"))?.count == UserDataLimits.bytes)
    }

    @Test func aVolumeThatIsNotThereIsNotWaitedFor() async throws {
        let folder = try TemporaryDirectory()
        let source = VolumeSource(
            device: folder.file("missing"),
            udevQueue: folder.file("queue"),
            mountParent: folder.path,
            patience: .seconds(600)
        )
        #expect(try await source.read() == nil)
    }

    @Test func aVolumeAppearsWhileUdevIsBusy() async throws {
        let folder = try TemporaryDirectory()
        try Data().write(to: folder.url.appending(path: "queue"))
        let source = VolumeSource(
            device: folder.file("device"),
            udevQueue: folder.file("queue"),
            mountParent: folder.path,
            patience: .seconds(600)
        )
        let result = Task { try await source.read() }
        try await Task.sleep(for: .milliseconds(100))
        // Something appears that can't be mounted: that it is tried is enough here.
        try Data("x".utf8).write(to: folder.url.appending(path: "device"))
        await #expect(throws: UserDataError.self) { _ = try await result.value }
        // No directory of a mount is left.
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["device", "queue"]
        )
    }

    @Test(arguments: ["ext4", "vfat"])
    func aVolumeIsMountedAndRead(_ type: String) async throws {
        guard geteuid() == 0, let loop = try LoopDevice(type: type, file: "[settings]\nmotd = 'volume'\n")
        else {
            print("SKIPPED: reading a \(type) volume needs root, loop devices and the kernel's \(type)")
            return
        }
        defer { loop.detach() }
        let folder = try TemporaryDirectory()
        let source = VolumeSource(device: loop.path, mountParent: folder.path)
        let content = try await source.read()
        #expect(content?.bytes == Array("[settings]\nmotd = 'volume'\n".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        // Nothing was written to the volume, not even a time of access or a count of mounts.
        #expect(loop.isUnchanged)
    }
}

/// A file system in a file, as a block device.
private struct LoopDevice {
    let path: String
    private let folder: TemporaryDirectory
    private let before: Data

    /// nil where this machine can't have one.
    init?(type: String, file: String) throws {
        folder = try TemporaryDirectory()
        let image = folder.file("image")
        try Data(file.utf8).write(to: folder.url.appending(path: "user-data.toml"))
        guard try runTool("truncate", "-s", "4M", image).status == 0 else { return nil }
        if type == "ext4" {
            let tree = folder.file("tree")
            try FileManager.default.createDirectory(atPath: tree, withIntermediateDirectories: true)
            try Data(file.utf8).write(to: URL(filePath: tree + "/user-data.toml"))
            try #require(
                try runTool("mkfs.ext4", "-q", "-L", "user-data", "-d", tree, image).status == 0
            )
        } else {
            guard try String(contentsOfFile: "/proc/filesystems", encoding: .utf8).contains(type) else {
                return nil
            }
            try #require(try runTool("mkfs.vfat", "-n", "USER-DATA", image).status == 0)
            try #require(
                try runTool("mcopy", "-i", image, folder.file("user-data.toml"), "::user-data.toml").status
                    == 0
            )
        }
        before = try Data(contentsOf: URL(filePath: image))
        let result = try runTool("losetup", "--find", "--show", image)
        guard result.status == 0 else { return nil }
        path = result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    var isUnchanged: Bool { (try? Data(contentsOf: folder.url.appending(path: "image"))) == before }

    func detach() { _ = try? runTool("losetup", "--detach", path) }
}
