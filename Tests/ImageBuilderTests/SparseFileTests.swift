import TestSupport
import Testing

@testable import ImageBuilder

@Suite struct SparseFileTests {
    @Test func aCopyEndsWhenItsTaskIsCancelled() async throws {
        let directory = try TemporaryDirectory()
        try FileSystem.write([UInt8](repeating: 1, count: 4 << 20), to: directory.file("source"))
        let copying = Task {
            while !Task.isCancelled { await Task.yield() }
            #expect(throws: CancellationError.self) {
                try SparseFile.copy(directory.file("source"), to: directory.file("copy"))
            }
        }
        copying.cancel()
        await copying.value
        try SparseFile.copy(directory.file("source"), to: directory.file("whole"))
        #expect(try FileSystem.read(directory.file("whole")) == FileSystem.read(directory.file("source")))
    }
}
