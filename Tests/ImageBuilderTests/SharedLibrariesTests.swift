import ELF
import FileTree
import TestSupport
import Testing
import VariantManifest

@testable import ImageBuilder

@Suite struct SharedLibrariesTests {
    private static let directory = "/usr/lib/x86_64-linux-gnu"

    private func find(_ tree: FileTree) throws -> String? {
        let program = try ELFFile(FileSystem.read(builtProgram("bulkhead-host")))
        return SharedLibraries.find(
            "libfoo.so.1",
            neededBy: program,
            at: "/usr/bin/program",
            in: tree,
            architecture: .amd64
        )
    }

    @Test func aLinkCountsAsFarAsItLeads() throws {
        var tree = FileTree()
        #expect(try find(tree) == nil)
        try tree.insert(.symlink(to: "libfoo.so.1.2.3", origin: "p"), at: "\(Self.directory)/libfoo.so.1")
        #expect(try find(tree) == nil)
        try tree.insert(.file("x", origin: "p"), at: "\(Self.directory)/libfoo.so.1.2.3")
        #expect(try find(tree) == "\(Self.directory)/libfoo.so.1")
    }

    @Test func aFileCounts() throws {
        var tree = FileTree()
        try tree.insert(.file("x", origin: "p"), at: "\(Self.directory)/libfoo.so.1")
        #expect(try find(tree) == "\(Self.directory)/libfoo.so.1")
    }
}
