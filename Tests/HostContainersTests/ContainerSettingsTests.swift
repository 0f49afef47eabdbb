import Foundation
import HostAPI
import JSON
import SettingsModel
import TestSupport
import Testing

@testable import HostContainers

@Suite struct ContainerSettingsTests {
    private func read(_ text: String) throws -> ContainerSettings {
        try ContainerSettings(json: try JSONValue(parsing: text), path: "/etc/x.json")
    }

    @Test func nothingIsConfigured() throws {
        let folder = try TemporaryDirectory()
        let none = try ContainerSettings(reading: folder.file("none.json"))
        #expect(none.hostContainers.isEmpty && none.bootstrapCommands.isEmpty)
        let empty = try read(
            #"{"host-containers": null, "bootstrap-containers": null, "bootstrap-commands": null}"#
        )
        #expect(empty.bootstrapContainers.isEmpty)
    }

    @Test func everythingIsRead() throws {
        let settings = try read(
            #"""
            {"host-containers": {"admin": {"source": "localhost/admin", "enabled": true, "superpowered": true,
               "user-data": "aGk=", "command": ["/bin/x", "a b"]}, "off": {"source": "a/b"}},
             "bootstrap-containers": {"disks": {"source": "a.example/disks:1", "mode": "once", "essential": true}},
             "bootstrap-commands": {"10-a": {"commands": [["apiclient", "get", "os"]], "mode": "always"}}}
            """#
        )
        let admin = try settings.hostContainer("admin", #require(settings.hostContainers["admin"]))
        #expect(admin.userData == Array("hi".utf8))
        #expect(admin.definition.desired == .running && admin.definition.isSuperpowered)
        #expect(admin.definition.command == ["/bin/x", "a b"])
        #expect(!admin.definition.json.description.contains("aGk="), "user data is a secret")
        let off = try settings.hostContainer("off", #require(settings.hostContainers["off"]))
        #expect(off.definition.desired == .stopped && off.userData == nil)
        let disks = try settings.bootstrapContainer("disks", #require(settings.bootstrapContainers["disks"]))
        #expect(disks.definition.id == "boot.disks" && disks.definition.isEssential)
        #expect(disks.definition.unit == "bootstrap-container@disks.service")
        #expect(
            settings.bootstrapCommands["10-a"]?.commands?.first?.words.map(\.text) == [
                "apiclient", "get", "os",
            ]
        )
    }

    @Test(arguments: [
        "[]", #"{"host-containers": []}"#, #"{"host-containers": {"a/../b": {}}}"#,
        #"{"host-containers": {"a.b": {}}}"#, #"{"host-containers": {"a": {"source": "A B"}}}"#,
        #"{"host-containers": {"a": {"user-data": "secret!"}}}"#,
        #"{"bootstrap-commands": {"a": {"commands": [["sh", "-c", "x"]]}}}"#,
        #"{"bootstrap-containers": {"a": {"mode": "twice"}}}"#,
    ])
    func whatNoTemplateWritesIsRefused(_ text: String) throws {
        let error = try #require(throws: HostContainersError.self) { try read(text) }
        #expect("\(error)".contains("/etc/x.json"))
        #expect(!"\(error)".contains("secret!"))
    }

    @Test func aFileThatIsNotJSONIsNamed() throws {
        let folder = try TemporaryDirectory()
        try Data(#"{"host-containers""#.utf8).write(to: folder.url.appending(path: "x.json"))
        let error = try #require(throws: HostContainersError.self) {
            try ContainerSettings(reading: folder.file("x.json"))
        }
        #expect("\(error)".contains(folder.file("x.json")) && "\(error)".contains("hostd apply"))
    }

    @Test func aContainerWithoutAnImageIsNamed() throws {
        let settings = try read(#"{"host-containers": {"a": {"enabled": true}}}"#)
        #expect(throws: HostContainersError.noSource(name: "a")) {
            try settings.hostContainer("a", #require(settings.hostContainers["a"]))
        }
    }

    @Test func definitionsOutliveTheirFile() throws {
        let folder = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: folder.file("run/bulkhead"),
            withIntermediateDirectories: true
        )
        try FileManager.default.createDirectory(
            atPath: folder.file("var/lib"),
            withIntermediateDirectories: true
        )
        let files = ContainerFiles(paths: HostContainerPaths(root: folder.path))
        var container = DefinedContainer(
            definition: HostContainerDefinition(
                kind: .host,
                name: "a",
                source: "localhost/a",
                desired: .running,
                command: ["/x", "\"\n"],
                userDataDigest: "00"
            ),
            userData: Array("key".utf8)
        )
        try files.write(container)
        #expect(try files.definition("a") == container.definition)
        #expect(files.definedIDs() == ["a"])
        let data = folder.file("var/lib/bulkhead/host-containers/a/user-data")
        #expect(try String(contentsOfFile: data, encoding: .utf8) == "key")
        for (path, mode) in [(data, 0o600), (folder.file("var/lib/bulkhead/host-containers/a"), 0o700)] {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == mode, "\(path)")
        }
        container.userData = nil
        try files.write(container)
        #expect(!FileManager.default.fileExists(atPath: data))
        try files.removeDefinition("a")
        #expect(throws: HostContainersError.self) { try files.definition("a") }
        // The definition of another one under the name.
        try Data(#"{"kind": "host", "name": "b"}"#.utf8).write(
            to: folder.url.appending(path: "run/bulkhead/host-containers/b.json")
        )
        #expect(throws: HostContainersError.self) { try files.definition("b") }
    }
}
