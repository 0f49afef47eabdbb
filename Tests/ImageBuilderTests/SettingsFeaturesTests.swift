import FileTree
import TestSupport
import Testing

@testable import ImageBuilder

@Suite struct SettingsFeaturesTests {
    private func repository() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        try FileSystem.makeDirectory(directory.file("image/features"))
        try FileSystem.makeDirectory(directory.file("image/templates"))
        let feature = """
            description = "The message of the day."
            [defaults]
            motd = "hello"
            [services.motd]
            settings = ["motd"]
            files = ["motd"]
            restart = []
            [files.motd]
            path = "/etc/issue.d/motd"
            template = "motd"
            mode = "0644"
            """
        try FileSystem.write(Array(feature.utf8), to: directory.file("image/features/motd.toml"))
        try FileSystem.write(Array("{{settings.motd}}\n".utf8), to: directory.file("image/templates/motd"))
        return directory
    }

    @Test func aFeatureBringsItsFileItsTemplatesAndLinks() throws {
        let directory = try repository()
        var tree = FileTree()
        try SettingsFeatures.add(["motd"], to: &tree, repository: directory.path)
        #expect(tree.contains("/usr/share/bulkhead/features/motd.toml"))
        #expect(tree.contains("/usr/share/bulkhead/templates/motd"))
        #expect(tree["/etc/issue.d/motd"]?.kind == .symlink(target: "../../run/bulkhead/etc/issue.d/motd"))
    }

    @Test func whatIsMissingOrWrongIsNamed() throws {
        let directory = try repository()
        var tree = FileTree()
        #expect(throws: BuildError.self) {
            try SettingsFeatures.add(["typo"], to: &tree, repository: directory.path)
        }
        FileSystem.remove(directory.file("image/templates/motd"))
        let error = #expect(throws: BuildError.self) {
            try SettingsFeatures.add(["motd"], to: &tree, repository: directory.path)
        }
        #expect(error?.description.contains("image/templates/motd") == true)
    }

    @Test func aChangedTemplateIsAnotherInput() throws {
        let directory = try repository()
        let before = try SettingsFeatures.digest(["motd"], repository: directory.path)
        try FileSystem.write(Array("x".utf8), to: directory.file("image/templates/motd"))
        #expect(try SettingsFeatures.digest(["motd"], repository: directory.path) != before)
    }
}
