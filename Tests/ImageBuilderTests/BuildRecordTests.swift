import Foundation
import Hashing
import TestSupport
import Testing

@testable import ImageBuilder

@Suite struct BuildRecordTests {
    private let inputs = SHA256Digest(hashing: "inputs")
    private let output = BuildOutput(name: "f", size: 1, sha256: SHA256Digest(hashing: [1]))

    @Test func aBuildIsRememberedAsLongAsItsFilesAreUntouched() throws {
        let directory = try TemporaryDirectory()
        let cache = StageCache(cache: directory.path)
        let folder = directory.file("folder")
        try FileSystem.makeDirectory(folder)
        try FileSystem.write([1], to: folder + "/f")
        try BuildRecord.save(folder: folder, inputs: inputs, outputs: [output], stages: [], cache: cache)
        #expect(BuildRecord.lookUp(folder: folder, inputs: inputs, cache: cache)?.outputs == [output])
        #expect(
            BuildRecord.lookUp(folder: folder, inputs: SHA256Digest(hashing: ""), cache: cache) == nil
        )
        BuildRecord.sweep(cache: cache)
        #expect(BuildRecord.lookUp(folder: folder, inputs: inputs, cache: cache) != nil)
        try FileSystem.write([1], to: folder + "/f")
        #expect(BuildRecord.lookUp(folder: folder, inputs: inputs, cache: cache) == nil)
    }

    @Test func anOutputThatIsNotThereIsNoBuild() throws {
        let directory = try TemporaryDirectory()
        let cache = StageCache(cache: directory.path)
        #expect(throws: BuildError.self) {
            try BuildRecord.save(
                folder: directory.path,
                inputs: inputs,
                outputs: [output],
                stages: [],
                cache: cache
            )
        }
        #expect(BuildRecord.lookUp(folder: directory.path, inputs: inputs, cache: cache) == nil)
    }

    @Test func recordsOfFoldersThatAreGoneAreSwept() throws {
        let directory = try TemporaryDirectory()
        let cache = StageCache(cache: directory.path)
        let folder = directory.file("folder")
        try FileSystem.makeDirectory(folder)
        try BuildRecord.save(folder: folder, inputs: inputs, outputs: [], stages: [], cache: cache)
        try FileSystem.write(Array("no record".utf8), to: directory.file("builds/x.json"))
        FileSystem.remove(folder)
        BuildRecord.sweep(cache: cache)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.file("builds")).isEmpty)
    }
}
