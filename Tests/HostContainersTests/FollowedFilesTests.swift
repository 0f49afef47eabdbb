import Foundation
import Glibc
import TestSupport
import Testing

@testable import HostContainers

@Suite struct FollowedFilesTests {
    private func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    /// Waits until a file has a content: how long an event takes is not ours to say.
    private func expect(_ path: String, has content: String) async throws {
        for _ in 0..<400 where text(path) != content { try await Task.sleep(for: .milliseconds(25)) }
        #expect(text(path) == content)
    }

    private func number(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int)
    }

    @Test func aCopyStaysOneFileAndFollows() async throws {
        let folder = try TemporaryDirectory()
        let original = folder.url.appending(path: "hosts")
        let copies = folder.url.appending(path: "copies").path
        try FileManager.default.createDirectory(atPath: copies, withIntermediateDirectories: true)
        try Data("first, and longer\n".utf8).write(to: original)
        // What an earlier process left, and a link to somewhere.
        try FileManager.default.createSymbolicLink(
            atPath: "\(copies)/hosts",
            withDestinationPath: folder.file("elsewhere")
        )
        let files = try FollowedFiles([original.path], in: copies) { _ in }
        let copy = try #require(files.copies[original.path])
        #expect(copy == "\(copies)/hosts" && text(copy) == "first, and longer\n")
        #expect(text(folder.file("elsewhere")) == nil)
        let mode = try FileManager.default.attributesOfItem(atPath: copy)[.posixPermissions] as? Int
        #expect(mode == 0o644, "whoever the container's user is")
        let first = try number(copy)
        try Data("second\n".utf8).write(to: original, options: .atomic)
        try await expect(copy, has: "second\n")
        // Written in place, too.
        try Data("third\n".utf8).write(to: original)
        try await expect(copy, has: "third\n")
        // While there is none, the last one counts.
        try FileManager.default.removeItem(at: original)
        try Data("fourth\n".utf8).write(to: original, options: .atomic)
        try await expect(copy, has: "fourth\n")
        #expect(try number(copy) == first)
        files.stop()
    }

    /// As at a boot: a link into a folder that its owner makes later.
    @Test func whatComesLaterIsFound() async throws {
        let folder = try TemporaryDirectory()
        let link = folder.file("etc/resolv.conf")
        for path in ["etc", "run", "copies"] {
            try FileManager.default.createDirectory(
                atPath: folder.file(path),
                withIntermediateDirectories: true
            )
        }
        try FileManager.default.createSymbolicLink(
            atPath: link,
            withDestinationPath: "../run/systemd/resolve/resolv.conf"
        )
        let files = try FollowedFiles([link], in: folder.file("copies")) { _ in }
        let copy = try #require(files.copies[link])
        #expect(text(copy) == "", "there is something to mount")
        for content in ["nameserver 192.0.2.1\n", "nameserver 192.0.2.2\n"] {
            // The second time in place of a folder that went away.
            try? FileManager.default.removeItem(atPath: folder.file("run/systemd"))
            try FileManager.default.createDirectory(
                atPath: folder.file("run/systemd/resolve"),
                withIntermediateDirectories: true
            )
            try Data(content.utf8).write(
                to: folder.url.appending(path: "run/systemd/resolve/resolv.conf"),
                options: .atomic
            )
            try await expect(copy, has: content)
        }
        files.stop()
    }

    @Test func aFolderThatIsNotThereIsNamed() throws {
        let folder = try TemporaryDirectory()
        let error = try #require(throws: HostContainersError.self) {
            _ = try FollowedFiles(["/etc/hosts"], in: folder.file("none")) { _ in }
        }
        #expect("\(error)".contains(folder.file("none/hosts")))
    }
}
