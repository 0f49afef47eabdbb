import FileTree
import Foundation
import Hashing
import JSON
import SBOM
import TestSupport
import Testing
import VariantManifest

@testable import ImageBuilder

/// Containers from packages: what independent tools make of their images.
@Suite struct ContainerBuildTests {
    private func json(_ text: String) throws -> JSONValue {
        try JSONValue(parsing: Array(text.utf8))
    }

    /// What skopeo says about a build's archive.
    private func inspect(_ outcome: ContainerBuild.Outcome, _ options: String...) throws -> JSONValue {
        let image = "oci-archive:\(outcome.folder)/image.tar"
        let (status, output) = try runTool("skopeo", ["inspect"] + options + [image])
        try #require(status == 0, "\(output)")
        return try json(output)
    }

    private func layers(_ outcome: ContainerBuild.Outcome) throws -> [String] {
        try inspect(outcome)["Layers"]?.elements?.compactMap(\.string) ?? []
    }

    @Test func skopeoReadsWhatTheManifestSays() async throws {
        let site = try ContainerSite()
        let outcome = try await site.run()
        let image = try inspect(outcome)
        #expect(image["Digest"]?.string == "sha256:\(outcome.digest.hex)")
        #expect(image["Architecture"]?.string == "amd64")
        #expect(image["Created"]?.string == "2023-11-14T22:13:20Z")
        let config = try inspect(outcome, "--config")
        #expect(config["config"]?["Entrypoint"] == ["/bin/tool", "-x"])
        #expect(config["config"]?["Env"] == ["A=b"])
        #expect(config["config"]?["User"] == "7:8")
        #expect(config["config"]?["Cmd"] == nil)
        #expect(config["rootfs"]?["diff_ids"]?.elements?.count == 3)
        let digest = try String(contentsOfFile: "\(outcome.folder)/digest", encoding: .utf8)
        #expect(digest == "sha256:\(outcome.digest.hex)\n")
        // The archive is the layout, file by file.
        let unpacked = site.directory.file("unpacked")
        try FileSystem.makeDirectory(unpacked)
        let archive = "\(outcome.folder)/image.tar"
        #expect(try runTool("tar", "--extract", "--file", archive, "--directory", unpacked).status == 0)
        let comparison = try runTool("diff", "--recursive", unpacked, "\(outcome.folder)/layout")
        #expect(comparison.status == 0, "\(comparison.output)")
    }

    @Test func umociUnpacksTheFilesOfThePackagesAndTheOverlay() async throws {
        let site = try ContainerSite()
        try site.write("rootfs/usr/lib/liba.so.1", "other")
        let observer = RecordingObserver()
        let outcome = try await site.run(observer)
        let place = site.directory.file("bundle")
        defer { withExtendedLifetime(site) {} }
        let (status, output) = try runTool(
            "umoci",
            "unpack",
            "--rootless",
            "--image",
            "\(outcome.folder)/layout:latest",
            place
        )
        try #require(status == 0, "\(output)")
        func look(_ path: String) throws -> stat {
            var status = stat()
            try #require(lstat("\(place)/rootfs\(path)", &status) == 0, "\(path)")
            return status
        }
        let tool = try look("/usr/bin/tool")
        // Without the setuid bit of the package, and with both of its names.
        #expect(tool.st_mode & 0o7777 == 0o755 && tool.st_nlink == 2)
        #expect(try look("/usr/bin/twin").st_ino == tool.st_ino)
        #expect(observer.notes.contains { $0.contains("cleared: /usr/bin/tool") })
        #expect(try look("/var/lib/tool/state").st_mode & 0o7777 == 0o600)
        #expect(try look("/tmp").st_mode & 0o7777 == 0o1777)
        #expect(try look("/root").st_mode & 0o7777 == 0o700)
        #expect(tool.st_mtim.tv_sec == ContainerSite.time)
        let files = FileManager.default
        #expect(try files.destinationOfSymbolicLink(atPath: "\(place)/rootfs/bin") == "usr/bin")
        #expect(try files.destinationOfSymbolicLink(atPath: "\(place)/rootfs/usr/lib/liba.so") == "liba.so.1")
        // The overlay wins, and what was dropped or filtered is not there.
        #expect(try String(contentsOfFile: "\(place)/rootfs/usr/lib/liba.so.1", encoding: .utf8) == "other")
        #expect(try String(contentsOfFile: "\(place)/rootfs/etc/motd", encoding: .utf8) == "hello\n")
        #expect(!files.fileExists(atPath: "\(place)/rootfs/usr/bin/setup"))
        #expect(!files.fileExists(atPath: "\(place)/rootfs/usr/share"))
    }

    @Test func equalInputsGiveEqualBytesFromAnyFolder() async throws {
        let sites = try [ContainerSite(), ContainerSite(in: "another/and/longer folder")]
        let first = try await sites[0].run()
        let second = try await sites[1].run()
        #expect(first.outputs == second.outputs)
        let comparison = try runTool("diff", "--recursive", first.folder, second.folder)
        #expect(comparison.status == 0, "\(comparison.output)")
        withExtendedLifetime(sites) {}
    }

    @Test func theSameBuildAgainTakesTheCache() async throws {
        let site = try ContainerSite()
        let first = try await site.run()
        let again = try await site.run()
        #expect(again.outputs == first.outputs)
        #expect(again.stages.filter { !$0.cached }.map(\.name) == ["outputs"])
        try site.write("rootfs/etc/motd", "changed\n")
        #expect(try await site.run().digest != first.digest)
    }

    @Test func aChangeOfOneFileChangesItsLayerOnly() async throws {
        let site = try ContainerSite()
        let before = try await layers(site.run())
        try site.write("rootfs/etc/new", "new\n")
        let after = try await layers(site.run())
        try #require(before.count == 3 && after.count == 3)
        #expect(before[0] == after[0] && before[1] == after[1] && before[2] != after[2])
    }

    private static func manifest(include: String, entrypoint: String) -> String {
        """
        description = "d"
        [packages]
        include = \(include)
        [config]
        entrypoint = ["\(entrypoint)"]
        """
    }

    private static let both = "[\"tool\", \"library\"]"

    /// A file of the container, its content, and a part of what is said about it.
    private static let wrong: [(String, String, String)] = [
        ("rootfs/usr/bin/.wh.tool", "", "whiteout: '/usr/bin/.wh.tool'"),
        (
            "container.toml", manifest(include: both, entrypoint: "/bin/toll"),
            "the program '/bin/toll' of config.entrypoint is missing"
        ),
        ("container.toml", manifest(include: both, entrypoint: "/etc/motd"), "name an executable file"),
        ("container.toml", manifest(include: "[\"tool\"]", entrypoint: "/bin/tool"), "library"),
        ("packages.lock", "{", "packages.lock"),
    ]

    @Test(arguments: wrong)
    func aWrongContainerIsRefused(_ path: String, _ text: String, _ part: String) async throws {
        let site = try ContainerSite()
        try site.write(path, text)
        let refusal = await site.refusal()
        #expect(refusal.contains(part), "\(refusal)")
        #expect(!FileSystem.exists("\(site.workspace.output)/containers/c-amd64"))
    }

    @Test func whatCannotBeHadIsSaid() async throws {
        let site = try ContainerSite()
        try FileManager.default.removeItem(atPath: "\(site.workspace.cache)/sha256")
        #expect(await site.refusal().contains("tool"))
        try FileManager.default.removeItem(atPath: site.workspace.lockFile(ofContainer: "c"))
        #expect(await site.refusal().contains("bulkhead lock c"))
    }

    @Test func thePackagesAreListed() async throws {
        let site = try ContainerSite()
        let outcome = try await site.run()
        let inventory = try PackageInventory(decoding: FileSystem.read("\(outcome.folder)/packages.json"))
        #expect(inventory.packages.map(\.name) == ["library", "tool"])
        #expect(inventory.files.first { $0.path == "/usr/bin/tool" }?.package == "tool")
        let bill = try json(String(contentsOfFile: "\(outcome.folder)/sbom.spdx.json", encoding: .utf8))
        let names = bill["packages"]?.elements?.compactMap { $0["name"]?.string } ?? []
        #expect(Set(names).isSuperset(of: ["c-amd64", "library", "tool"]) && !names.contains("setup"))
        #expect(bill["packages"]?.elements?.first?["primaryPackagePurpose"] == "CONTAINER")
        withExtendedLifetime(site) {}
    }

    @Test func anImageEmbedsALayoutAndAnIndex() async throws {
        let site = try ContainerSite()
        defer { withExtendedLifetime(site) {} }
        let log = StageLog(observer: RecordingObserver())
        let built = try await site.build().prepare(log, archives: { throw CancellationError() })
        var tree = FileTree()
        let launcher = ClientLauncher(bytes: Array("launcher".utf8))
        try EmbeddedContainers(built: [built], launcher: launcher).add(to: &tree)
        let place = "/usr/share/bulkhead/containers"
        let bytes = try #require(tree.content(at: "\(place)/index.json")).bytes(limit: 1 << 20)
        let entry = try #require(try JSONValue(parsing: bytes)["containers"]?.elements?.first)
        #expect(entry["name"] == "c" && entry["reference"] == "localhost/c")
        #expect(entry["digest"]?.string == "sha256:\(built.digest.hex)")
        let files = tree.paths(under: "\(place)/c").filter { tree[$0]?.content != nil }
        #expect(files.count == 7, "a manifest, a configuration, three layers, the index and the version")
        #expect(files.contains("\(place)/c/blobs/sha256/\(built.digest.hex)"))
        #expect(entry["size"]?.integer == files.reduce(0) { $0 + (tree[$1]?.content?.size ?? 0) })
        #expect(tree["/usr/lib/bulkhead/container-apiclient"]?.mode == 0o755)
        // Nothing of a container is a program of the image.
        #expect(try tree.audit(AuditRule.standard).findings.isEmpty)
        let listed = try PackageFacts.inventory(of: tree, packages: [], containers: [built])
        #expect(listed.packages.map(\.name) == ["containers/c/library", "containers/c/tool"])
        #expect(try built.entries().map(\.container) == ["c", "c"])
    }
}
