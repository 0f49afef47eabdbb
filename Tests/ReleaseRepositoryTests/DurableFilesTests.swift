import Foundation
import TestSupport
import Testing

@testable import ReleaseRepository

@Suite struct DurableFilesTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test func aFileThatIsThereIsReplacedOnlyOnDemand() throws {
        let path = folder.file("file")
        try DurableFiles.write([1], to: path, mode: 0o600, mayReplace: false)
        #expect {
            try DurableFiles.write([2], to: path, mayReplace: false)
        } throws: {
            "\($0)".contains("'\(path)'")
        }
        #expect(try DurableFiles.read(path, limit: 10) == [1])
        try DurableFiles.write([3], to: path)
        #expect(try DurableFiles.read(path, limit: 10) == [3])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
    }

    @Test(arguments: ["a", "a/b/c", "a//b/", "./a/b"])
    func foldersAreMadeWithThoseAboveThem(_ name: String) throws {
        let path = folder.file(name)
        for _ in 1...2 { try DurableFiles.makeFolder(path, mode: 0o700) }
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
        #expect(attributes[.type] as? FileAttributeType == .typeDirectory)
    }

    @Test func aFolderThatCannotBeMadeIsNamed() throws {
        let file = folder.file("file")
        try DurableFiles.write([1], to: file)
        for path in [file, "\(file)/below", "/proc/nowhere/below", ""] {
            #expect {
                try DurableFiles.makeFolder(path)
            } throws: {
                guard case .file(_, let found, _) = $0 as? RepositoryError else { return false }
                return path.hasPrefix(found)
            }
        }
        // One that is there is left as it is.
        try DurableFiles.makeFolder("/")
        try DurableFiles.makeFolder(".")
    }
}
