import FileTree
import Foundation
import TestSupport
import Testing

@testable import ImageBuilder

@Suite struct KernelModulesTests {
    private static let base = "/usr/lib/modules/6.12"

    @Test func modulesKeepThePackageThatBroughtThem() async throws {
        let directory = try TemporaryDirectory()
        try Data("module".utf8).write(to: URL(filePath: directory.file("a.ko")))
        try #require(try runTool("xz", "--check=crc32", directory.file("a.ko")).status == 0)
        let compressed = try FileSystem.read(directory.file("a.ko.xz"))
        var packages = FileTree()
        try packages.insert(.file(compressed, origin: "linux-image"), at: "\(Self.base)/kernel/a.ko.xz")
        try packages.insert(.file("order", origin: "linux-image"), at: "\(Self.base)/modules.order")

        let tree = try await KernelModules.uncompressed(
            ["\(Self.base)/kernel/a.ko.xz", "\(Self.base)/modules.order"],
            of: packages
        )
        #expect(tree["\(Self.base)/kernel/a.ko"]?.origin == "linux-image")
        #expect(try tree.content(at: "\(Self.base)/kernel/a.ko")?.bytes(limit: 100) == Array("module".utf8))

        // The way through the cache loses nothing.
        try FileSystem.makeDirectory(directory.file("kept"))
        try BlobIndex.save(tree, directory: directory.file("kept"))
        let loaded = try BlobIndex.load(directory: directory.file("kept"), origin: "unknown")
        #expect(loaded["\(Self.base)/kernel/a.ko"]?.origin == "linux-image")
        #expect(loaded.digest() != FileTree().digest())
    }

    @Test func anIndexOfAnOlderBuildTakesTheGivenOrigin() throws {
        let directory = try TemporaryDirectory()
        var tree = FileTree()
        try tree.insert(.file("x", origin: "linux-image"), at: "/x")
        try BlobIndex.save(tree, directory: directory.path)
        let index = String(decoding: try FileSystem.read(directory.file("index.json")), as: UTF8.self)
        let older = index.replacing(#","origin":"linux-image""#, with: "")
            .replacing(#""origin":"linux-image","#, with: "")
        #expect(older != index)
        try FileSystem.write(Array(older.utf8), to: directory.file("index.json"))
        #expect(try BlobIndex.load(directory: directory.path, origin: "programs")["/x"]?.origin == "programs")
    }

    @Test func onlyWhatDepmodWroteIsItsOwn() throws {
        let directory = try TemporaryDirectory()
        var tree = FileTree()
        try tree.insert(.file("order", origin: "linux-image"), at: "\(Self.base)/modules.order")
        var root = tree
        try root.insert(.file("dep", origin: "depmod"), at: "\(Self.base)/modules.dep")
        try root.materialise(["/"], to: directory.file("root"))
        try KernelModules.addIndices(from: directory.file("root"), release: "6.12", to: &tree)
        #expect(tree["\(Self.base)/modules.order"]?.origin == "linux-image")
        #expect(tree["\(Self.base)/modules.dep"]?.origin == "depmod")
    }
}
