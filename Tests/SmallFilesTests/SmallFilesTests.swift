import Foundation
import Glibc
import SmallFiles
import TestSupport
import Testing

@Suite struct SmallFilesTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func write(_ count: Int, _ name: String) throws -> String {
        try Data(repeating: 7, count: count).write(to: URL(filePath: folder.file(name)))
        return folder.file(name)
    }

    @Test(arguments: [0, 1, 16_383, 16_384, 16_385, 100_000])
    func limit(_ count: Int) throws {
        let path = try write(count, "file")
        #expect(try readSmallFile(path, maximumLength: count) == [UInt8](repeating: 7, count: count))
        #expect(try readSmallFile(path, maximumLength: count + 1).count == count)
        if count > 0 {
            #expect(throws: SmallFileError.tooLong(limit: count - 1)) {
                try readSmallFile(path, maximumLength: count - 1)
            }
        }
    }

    /// Of these the kernel says that they are empty.
    @Test func filesOfTheKernel() throws {
        #expect(
            try readSmallFile("/proc/self/status", maximumLength: 64 << 10).starts(with: Array("Name:".utf8))
        )
        #expect(throws: SmallFileError.tooLong(limit: 5)) {
            try readSmallFile("/proc/self/status", maximumLength: 5)
        }
    }

    @Test func missing() throws {
        let file = try write(1, "file")
        for path in [folder.file("none"), file + "/below"] {
            let error = #expect(throws: SmallFileError.self) { try readSmallFile(path, maximumLength: 10) }
            #expect(error?.isMissing == true)
        }
        #expect(
            SmallFileError.cannotOpen(errno: ENOENT).description == "can't be read: No such file or directory"
        )
        #expect(!SmallFileError.cannotOpen(errno: EACCES).isMissing)
        #expect(!SmallFileError.notRegular.isMissing)
    }

    @Test func links() throws {
        let file = try write(3, "file")
        try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: file)
        #expect(try readSmallFile(folder.file("link"), maximumLength: 3).count == 3)
        #expect(throws: SmallFileError.cannotOpen(errno: ELOOP)) {
            try readSmallFile(folder.file("link"), maximumLength: 3, followsLink: false)
        }
        #expect(try readSmallFile(file, maximumLength: 3, followsLink: false).count == 3)
    }

    /// None of them may hold the reader, or fill its memory.
    @Test func whatIsNoRegularFile() throws {
        try #require(mkfifo(folder.file("fifo"), 0o600) == 0)
        for path in [folder.file("fifo"), folder.path, "/dev/zero", "/dev/null"] {
            #expect(throws: SmallFileError.notRegular) { try readSmallFile(path, maximumLength: 10) }
        }
        #expect(throws: SmallFileError.tooLong(limit: 10)) {
            try readSmallFile("/dev/zero", maximumLength: 10, kind: .any(within: .seconds(60)))
        }
        #expect(try readSmallFile("/dev/null", maximumLength: 10, kind: .any(within: .seconds(60))).isEmpty)
        #expect(throws: SmallFileError.cannotRead(errno: EISDIR)) {
            try readSmallFile(folder.path, maximumLength: 10, kind: .any(within: .seconds(60)))
        }
    }

    /// A writer that comes late is waited for, one that does not end is not.
    @Test func pipes() throws {
        let path = folder.file("fifo")
        try #require(mkfifo(path, 0o600) == 0)
        let writer = Thread {
            usleep(50_000)
            try? Data("late".utf8).write(to: URL(filePath: path))
        }
        writer.start()
        #expect(
            try readSmallFile(path, maximumLength: 10, kind: .any(within: .seconds(60))) == Array("late".utf8)
        )
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        try #require(Glibc.write(ends[1], "x", 1) == 1)
        // A descriptor that blocks, as standard input does.
        #expect(throws: SmallFileError.didNotEnd) {
            try readSmallFile(ends[0], maximumLength: 10, kind: .any(within: .milliseconds(100)))
        }
    }

    /// A writer that always has more does not hold the reader: the time is looked at between reads, too.
    @Test func timeEndsThoughThereIsMore() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let bytes = [UInt8](repeating: 7, count: 60_000)
        try #require(Glibc.write(ends[1], bytes, bytes.count) == bytes.count)
        close(ends[1])
        #expect(throws: SmallFileError.didNotEnd) {
            try readSmallFile(ends[0], maximumLength: 100_000, kind: .any(within: .zero))
        }
        #expect(
            try readSmallFile(ends[0], maximumLength: 100_000, kind: .any(within: .seconds(60))).count
                < 60_000
        )
    }

    @Test func descriptorsStayOpenAndAreReadFromTheirPosition() throws {
        let descriptor = open(try write(10, "file"), O_RDONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        try #require(lseek(descriptor, 8, SEEK_SET) == 8)
        #expect(try readSmallFile(descriptor, maximumLength: 10).count == 2)
        #expect(fcntl(descriptor, F_GETFD) >= 0)
    }
}
