import Foundation
import Glibc
import TestSupport
import Testing

@testable import HostContainers

@Suite struct ContainerOutputTests {
    @Test func linesArriveWhole() throws {
        let folder = try TemporaryDirectory()
        let (output, error) = (Pipe(), Pipe())
        let carrier = try ContainerOutput(
            in: folder.path,
            to: [output.fileHandleForWriting.fileDescriptor, error.fileHandleForWriting.fileDescriptor]
        )
        carrier.start()
        // As a shim has it: a writing end for each stream.
        let writers = [open(carrier.paths.output, O_WRONLY), open(carrier.paths.error, O_WRONLY)]
        carrier.containerIsConnected()
        func write(_ text: String, _ index: Int) { _ = Glibc.write(writers[index], text, text.utf8.count) }
        write("first half, ", 0)
        write("an error\n", 1)
        write("second half\nand a rest", 0)
        for writer in writers { close(writer) }
        carrier.finish()
        try output.fileHandleForWriting.close()
        try error.fileHandleForWriting.close()
        let lines = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(lines == "first half, second half\nand a rest\n")
        let errors = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(errors == "an error\n")
        #expect(!FileManager.default.fileExists(atPath: carrier.paths.output))
    }

    @Test func aPipeThatStaysOpenIsGivenUp() throws {
        let folder = try TemporaryDirectory()
        let carrier = try ContainerOutput(in: folder.path)
        carrier.start()
        let writer = open(carrier.paths.output, O_WRONLY)
        defer { close(writer) }
        // Comes back although a process that was left behind has the pipe open.
        carrier.finish()
        #expect(!FileManager.default.fileExists(atPath: carrier.paths.output))
    }

    @Test func aLockIsHeldByOne() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("lock")
        func take() async throws -> Bool { try await FileLock.take(path, within: .milliseconds(250)) != nil }
        let first = try await FileLock.take(path, within: .seconds(1))
        #expect(try await take() == false)
        _ = consume first
        #expect(try await take())
    }
}
