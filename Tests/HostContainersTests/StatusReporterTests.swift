import Foundation
import HostAPI
import TestSupport
import Testing

@testable import HostContainers

@Suite struct StatusReporterTests {
    /// What a registry says, however long: the file is there, and can be read.
    @Test func aLongErrorIsCut() throws {
        let folder = try TemporaryDirectory()
        let paths = HostContainerPaths(root: folder.path)
        let definition = HostContainerDefinition(
            kind: .host,
            name: "admin",
            source: "localhost/admin",
            desired: .running,
            isSuperpowered: false,
            command: []
        )
        let files = ContainerFiles(paths: paths)
        try FileManager.default.createDirectory(
            atPath: paths.folder(definition.id),
            withIntermediateDirectories: true
        )
        let lines = Lines()
        let reporter = StatusReporter(definition, files) { lines.add($0) }
        reporter.fail("it says \u{1b}[2J" + String(repeating: "no, no, ", count: 100_000))
        #expect(lines.all == [])
        let error = try #require(files.status(definition.id)?.lastError)
        #expect(error.hasPrefix("it says \\u{1b}[2Jno, no") && error.hasSuffix("(cut, of 800012 bytes)"))
        #expect(error.utf8.count <= HostContainerStatus.maximumErrorLength)
    }
}
