import Foundation
import TestSupport
import Testing

@testable import ImageBuilder

@Suite struct OutputFolderTests {
    @Test func anOlderResultStaysWhenTheNewOneCannotTakeItsPlace() async throws {
        let directory = try TemporaryDirectory()
        let folder = try OutputFolder(path: directory.file("image"))
        try await folder.replace { try FileSystem.write([1], to: $0 + "/f") }
        await #expect(throws: BuildError.self) {
            // What is to be renamed is not there.
            try await folder.replace { FileSystem.remove($0) }
        }
        #expect(try FileSystem.read(folder.path + "/f") == [1])
        try await folder.replace { try FileSystem.write([2], to: $0 + "/f") }
        #expect(try FileSystem.read(folder.path + "/f") == [2])
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        #expect(names == [".image.lock", "image"])
    }

    @Test func onlyOneBuildWritesAFolder() throws {
        let directory = try TemporaryDirectory()
        let folder = try OutputFolder(path: directory.file("image"))
        #expect(throws: BuildError.self) { try OutputFolder(path: directory.file("image")) }
        withExtendedLifetime(folder) {}
    }
}
