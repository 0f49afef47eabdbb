import FileTree
import Foundation
import Hashing
import Signatures
import TUF
import TestSupport
import Testing

@testable import ImageBuilder

/// The root metadata that hosts trust updates by.
@Suite struct UpdateRootTests {
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    /// Root metadata with two root keys that must both sign.
    private func root(signedBy count: Int) throws -> [UInt8] {
        let keys = try (0..<2).map { _ in try PrivateKey.generate(.ed25519) }
        var root = Root(expires: MetadataTime(seconds: 1))
        for key in keys { _ = root.add(try Key(key.publicKey), to: "root") }
        for role in Root.topLevelRoles.dropFirst() { _ = root.add(try Key(keys[0].publicKey), to: role) }
        root.roles["root"]?.threshold = 2
        var metadata = try Metadata(root)
        for key in keys.prefix(count) { try metadata.sign(with: key) }
        return metadata.encoded()
    }

    @Test func aRootThatItsOwnKeysSignedIsPutWhereHostsFindIt() throws {
        let place = try TemporaryDirectory()
        let bytes = try root(signedBy: 2)
        try FileSystem.write(bytes, to: place.file("1.root.json"))
        let root = try UpdateRoot(reading: place.file("1.root.json"))
        #expect(root.digest == SHA256Digest(hashing: bytes))
        var tree = FileTree()
        try root.add(to: &tree)
        let content = try #require(tree.content(at: "/usr/share/bulkhead/update-root.json"))
        #expect(try content.bytes(limit: 1 << 20) == bytes)
    }

    @Test func whatNoHostCouldTrustIsRefused() throws {
        let place = try TemporaryDirectory()
        let path = place.file("root.json")
        func refusal() -> String {
            let error = #expect(throws: BuildError.self) { try UpdateRoot(reading: path) }
            return error?.description ?? ""
        }
        #expect(refusal().contains("keys init"))
        try FileSystem.write(try root(signedBy: 1), to: path)
        #expect(refusal().contains("name the newest N.root.json"))
        try FileSystem.write(Array("{}".utf8), to: path)
        #expect(refusal().contains(path))
    }

    @Test func theRootOfTheCommandLineOrOfTheManifestIsAnInputOfTheBuild() throws {
        let place = try TemporaryDirectory()
        for name in ["Package.swift", "Package.resolved", ".swift-version", "image", "variants"] {
            try FileManager.default.copyItem(
                atPath: "\(Self.repository)/\(name)",
                toPath: place.file(name)
            )
        }
        try FileSystem.makeDirectory(place.file("Sources"))
        try FileSystem.write(try root(signedBy: 2), to: place.file("1.root.json"))
        try FileSystem.write(try root(signedBy: 2), to: place.file("2.root.json"))
        let workspace = try Workspace(repository: place.path, cache: place.file("cache"))
        func inputs(_ root: String?) throws -> SHA256Digest {
            var options = ImageBuild.Options()
            options.updateRoot = root.map(place.file)
            return try ImageBuild(variant: "vm-containerd", options: options, workspace: workspace).inputs()
        }
        let named = try inputs("1.root.json")
        let none = try inputs(nil)
        #expect(try Set([none, named, inputs("2.root.json")]).count == 3)
        let manifest = place.file("variants/vm-containerd/variant.toml")
        let text = try String(contentsOfFile: manifest, encoding: .utf8)
        try Data("\(text)\n[updates]\nroot = \"1.root.json\"\n".utf8).write(to: URL(filePath: manifest))
        #expect(try inputs(nil) != none)
    }
}
