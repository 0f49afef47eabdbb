import Foundation
import JSON
import SettingsApply
import TestSupport
import Testing

@Suite struct TemplateFolderTests {
    private func rendered(_ text: String, _ settings: JSONValue = [:], os: JSONValue? = nil) throws -> String
    {
        let folder = try TemporaryDirectory()
        try Data(text.utf8).write(to: folder.url.appending(path: "t"))
        do {
            return try TemplateFolder(path: folder.path, os: os).render(template: "t", settings: settings)
        } catch {
            return "error: \(error)"
        }
    }

    @Test func settingsAndSystemAreInTheContext() throws {
        let text = "{{settings.motd}} on {{os.version_id}}"
        #expect(try rendered(text, ["motd": "hi"], os: ["version_id": "1.2.3"]) == "hi on 1.2.3")
        #expect(try rendered(text, ["motd": "hi"]).contains("'os.version_id' is not set"))
    }

    @Test func filesOfTheImageCanBeTakenIn() throws {
        let release = try String(contentsOfFile: "/usr/lib/os-release", encoding: .utf8)
        #expect(try rendered("{{file_contents \"/usr/lib/os-release\"}}") == release)
        #expect(try rendered("{{file_contents \"/etc/os-release\"}}").contains("must be a path below /usr"))
        #expect(
            try rendered("{{file_contents \"/usr/../etc/passwd\"}}").contains("must be a path below /usr")
        )
        #expect(try rendered("{{file_contents \"/usr/none\"}}").contains("No such file"))
        #expect(try rendered("{{file_contents \"/usr/lib\"}}").contains("is not a regular file"))
    }

    /// Debian's /usr/lib/ssl/openssl.cnf is a link into /etc.
    @Test func linksOutOfTheImageAreRefused() throws {
        let path = "/usr/lib/ssl/openssl.cnf"
        try #require(FileManager.default.fileExists(atPath: path), "the test needs the package openssl")
        #expect(
            try rendered("{{file_contents \"\(path)\"}}").contains(
                "is not below /usr: '/etc/ssl/openssl.cnf'"
            )
        )
    }

    @Test func templatesThatCannotBeReadAreNamed() throws {
        let folder = try TemporaryDirectory()
        let templates = TemplateFolder(path: folder.path)
        func fault(_ name: String) -> String {
            do {
                return try templates.render(template: name, settings: [:])
            } catch {
                return error.description
            }
        }
        #expect(fault("none") == "template 'none' can't be read: No such file or directory")
        try Data([0xff]).write(to: folder.url.appending(path: "latin"))
        #expect(fault("latin").contains("is not UTF-8"))
        try Data(repeating: 0x20, count: 300 << 10).write(to: folder.url.appending(path: "long"))
        #expect(fault("long").contains("is longer than"))
        try Data("{{#if x}}".utf8).write(to: folder.url.appending(path: "open"))
        #expect(fault("open").contains("template open, line 1"))
    }
}
