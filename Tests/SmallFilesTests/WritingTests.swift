import Foundation
import Glibc
import SmallFiles
import TestSupport
import Testing

@Suite struct WritingTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func mode(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o777 : nil
    }

    private func failure(_ work: () throws -> Void) -> SmallFileWriteError? {
        #expect(throws: SmallFileWriteError.self, performing: work)
    }

    @Test(arguments: [true, false]) func replaces(_ durably: Bool) throws {
        let path = folder.file("file")
        // What a killed writer left, and where a stranger would have it written.
        symlink(folder.file("elsewhere"), path + ".new")
        for (bytes, mode) in [
            ([1, 2, 3], 0o600), ([], 0o644), ([UInt8](repeating: 7, count: 300_000), 0o666),
        ] {
            try replaceSmallFile(path, with: bytes, mode: UInt32(mode), durably: durably)
            #expect(try readSmallFile(path, maximumLength: 300_000) == bytes)
            // Whatever the umask.
            #expect(self.mode(path) == mode_t(mode))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
        // A link is replaced and not followed.
        symlink(path, folder.file("link"))
        try replaceSmallFile(folder.file("link"), with: [9])
        #expect(try readSmallFile(folder.file("link"), maximumLength: 1, followsLink: false) == [9])
        #expect(try readSmallFile(path, maximumLength: 300_000).count == 300_000)
        try replaceSmallFile(path, with: [4], temporary: folder.file(".other"), durably: durably)
        #expect(try readSmallFile(path, maximumLength: 1) == [4])
        #expect(mode(folder.file(".other")) == nil)
    }

    @Test func failuresNameWhatAndWhereAndLeaveTheOldFile() throws {
        let path = folder.file("file")
        try replaceSmallFile(path, with: [1])
        let lost = failure { try replaceSmallFile(folder.file("none/file"), with: []) }
        #expect(
            lost?.operation == .make && lost?.errno == ENOENT && lost?.path == folder.file("none/file.new")
        )
        #expect(lost?.description == "can't be written: No such file or directory")
        mkdir(path + ".new", 0o755)
        let occupied = failure { try replaceSmallFile(path, with: [2]) }
        #expect(
            occupied?.operation == .remove && occupied?.errno == EISDIR && occupied?.path == path + ".new"
        )
        #expect(try readSmallFile(path, maximumLength: 1) == [1])
        // The name is a folder's: the new file goes again.
        mkdir(folder.file("folder"), 0o755)
        let folderName = failure { try replaceSmallFile(folder.file("folder"), with: [2]) }
        #expect(folderName?.operation == .rename && folderName?.errno == EISDIR)
        #expect(mode(folder.file("folder.new")) == nil)
    }

    @Test func fullMediaAreNamed() throws {
        let descriptor = open("/dev/full", O_WRONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let full = failure { try writeAll([1], to: descriptor, path: "name") }
        #expect(full?.operation == .write && full?.errno == ENOSPC && full?.path == "name")
        try writeAll([], to: descriptor, path: "name")
    }

    /// What is written in part is not taken for written.
    @Test func writesAllOrSaysSo() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        try #require(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
        try writeAll([1, 2, 3], to: ends[1], path: "pipe")
        let full = failure {
            try writeAll([UInt8](repeating: 7, count: 1 << 20), to: ends[1], path: "pipe")
        }
        #expect(full?.operation == .write && full?.errno == EAGAIN && full?.path == "pipe")
    }

    @Test func foldersAndRemoval() throws {
        let path = folder.file("folder")
        for _ in 0..<2 { try makeDurableFolder(path, mode: 0o700) }
        #expect(mode(path) == 0o700)
        let lost = failure { try makeDurableFolder(folder.file("none/folder")) }
        #expect(lost?.operation == .makeFolder && lost?.errno == ENOENT)
        try replaceSmallFile(path + "/file", with: [])
        for _ in 0..<2 { try removeSmallFile(path + "/file") }
        try removeSmallFile(folder.file("none/file"))
        #expect(mode(path + "/file") == nil)
        #expect(failure { try removeSmallFile(path) }?.operation == .remove)
        try synchronizeFolder(path)
        #expect(failure { try synchronizeFolder(folder.file("none")) }?.operation == .open)
    }
}
