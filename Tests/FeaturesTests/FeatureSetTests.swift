import Features
import Foundation
import SettingsModel
import TestSupport
import Testing

@Suite struct FeatureSetTests {
    private func feature(_ name: String, _ text: String) throws -> Feature {
        try Feature(parsing: "description = \"d\"\n\(text)", name: name)
    }

    private func fault(_ features: [Feature]) -> String {
        do {
            _ = try FeatureSet(features)
            return ""
        } catch {
            return error.description
        }
    }

    @Test func featuresAreJoined() throws {
        let motd = try feature(
            "motd",
            """
            [defaults]
            motd = "hi"
            [services.login]
            settings = ["motd"]
            files = ["hostname"]
            """
        )
        let hostname = try Feature(parsing: hostnameFeature, name: "hostname")
        let set = try FeatureSet([motd, hostname])
        #expect(set.features.map(\.name) == ["hostname", "motd"])
        #expect(set.defaults.values.count == 2)
        #expect(set.services.keys.sorted() == ["hostname", "login"])
        #expect(set.files.keys.sorted() == ["hostname"])
        #expect(set.generators.count == 1)
    }

    @Test func keysHaveTheServicesThatFollowThem() throws {
        let set = try FeatureSet([
            feature("a", "[services.a]\nsettings = [\"network\"]\nrestart = [\"restart a.service\"]"),
            feature(
                "b",
                "[services.b]\nsettings = [\"network.hostname\"]\nrestart = [\"restart b.service\"]"
            ),
        ])
        let hostname = SettingKey(["network", "hostname"])
        let network = SettingKey(["network"])
        let motd = SettingKey(["motd"])
        let affected = set.affectedServices(of: [hostname, network, motd])
        #expect(affected == [hostname: ["a", "b"], network: ["a", "b"]])
    }

    @Test func namesAreClaimedOnce() throws {
        let file = "[files.f]\npath = \"/etc/f\"\ntemplate = \"f\"\n"
        let service = "[services.s]\nsettings = [\"motd\"]\nfiles = [\"f\"]\n"
        let generator = "[generators]\nmotd = {command = [\"/a\"]}\n"
        let fallback = "[defaults]\nmotd = \"x\"\n"
        for (text, other, claim) in [
            (fallback, fallback, "default of 'settings.motd'"),
            (generator, generator, "generator of 'settings.motd'"),
            (file + service, file, "file 'f'"),
            (
                file + service, "[services.s]\nsettings = [\"motd\"]\nrestart = [\"start a.service\"]",
                "service 's'"
            ),
            (file + service, "[files.g]\npath = \"/etc/f\"\ntemplate = \"f\"", "path '/etc/f'"),
        ] {
            let message = try fault([feature("one", text), feature("two", other)])
            #expect(message.hasPrefix("two.toml: the \(claim) is claimed by one.toml"), "\(message)")
        }
        #expect(try fault([feature("one", ""), feature("one", "")]).contains("feature 'one'"))
    }

    @Test func filesAndServicesBelongTogether() throws {
        let lost = try feature("x", "[services.s]\nsettings = [\"motd\"]\nfiles = [\"f\"]")
        #expect(fault([lost]) == "x.toml: services.s.files: no feature has a file 'f'; add [files.f]")
        let unused = try feature("x", "[files.f]\npath = \"/etc/f\"\ntemplate = \"f\"")
        #expect(fault([unused]).hasPrefix("x.toml: files.f: no service uses it"))
    }

    @Test func aFileIsNoFolderOfAnother() throws {
        let text = """
            [services.s]
            settings = ["motd"]
            files = ["f", "g"]
            [files.f]
            path = "/etc/f"
            template = "f"
            [files.g]
            path = "/etc/f/g/h"
            template = "f"
            """
        #expect(try fault([feature("x", text)]).contains("'/etc/f/g/h' is inside of '/etc/f'"))
    }

    @Test func foldersAreLoaded() throws {
        let folder = try TemporaryDirectory()
        try Data(hostnameFeature.utf8).write(to: folder.url.appending(path: "hostname.toml"))
        try Data("description = \"d\"".utf8).write(to: folder.url.appending(path: "other.toml"))
        try Data("no feature".utf8).write(to: folder.url.appending(path: "README.md"))
        try Data("no feature".utf8).write(to: folder.url.appending(path: ".hidden.toml"))
        let set = try FeatureSet.load(directory: folder.path)
        #expect(set.features.map(\.name) == ["hostname", "other"])
    }

    @Test func foldersThatCannotBeLoadedSayWhy() throws {
        func fault(_ path: String) -> String {
            do {
                _ = try FeatureSet.load(directory: path)
                return ""
            } catch {
                return error.description
            }
        }
        let folder = try TemporaryDirectory()
        #expect(fault(folder.file("none")).contains("can't be listed: No such file"))
        let file = folder.url.appending(path: "x.toml")
        try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
        #expect(fault(folder.path) == "\(file.path): is not a regular file")
        try FileManager.default.removeItem(at: file)
        try #require(runTool("mkfifo", file.path).status == 0)
        #expect(fault(folder.path) == "\(file.path): is not a regular file")
        try FileManager.default.removeItem(at: file)
        try Data([0xff]).write(to: file)
        #expect(fault(folder.path).contains("is not UTF-8"))
        try Data(repeating: 0x0a, count: Feature.maximumLength + 1).write(to: file)
        #expect(fault(folder.path).contains("is longer than"))
        try Data("description = 1".utf8).write(to: file)
        #expect(fault(folder.path) == "x.toml: description: must be a text that is not empty")
    }
}
