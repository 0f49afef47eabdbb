import Foundation
import Testing

@testable import VariantManifest

@Suite struct ContainerManifestTests {
    private static let path = "image/containers/c/container.toml"
    private static let head = "description = \"A container for tests\"\n"

    private func load(_ text: String, for architecture: Architecture = .amd64) throws -> ContainerManifest {
        let repository = try Repository([Self.path: text])
        return try ContainerManifest.load("c", for: architecture, repository: repository.root)
    }

    /// What is wrong with a manifest, a line a problem.
    private func problems(_ text: String) -> String {
        do {
            _ = try load(text)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test func aManifestIsReadForItsArchitecture() throws {
        let text =
            Self.head + """
                [packages]
                include = ["bash", "jq"]
                drop = ["perl-base"]
                [filter]
                remove = ["/usr/share/doc/**"]
                keep = ["/usr/share/doc/jq/copyright"]
                [alternatives]
                "/usr/bin/sh" = "/usr/bin/bash"
                [config]
                entrypoint = ["/usr/bin/catatonit", "--", "/usr/bin/echo", "a", "a"]
                cmd = ["b"]
                env = ["PATH=/usr/bin", "EMPTY=", "PATH_2=a=b"]
                user = "1000:100"
                [arch.arm64]
                packages = ["strace"]
                """
        let manifest = try load(text)
        #expect(manifest.packages.map(\.name) == ["bash", "jq"])
        #expect(manifest.droppedPackages.map(\.name) == ["perl-base"])
        #expect(manifest.filter.remove == ["/usr/share/doc/**"])
        #expect(manifest.alternatives == [AlternativeLink(link: "/usr/bin/sh", target: "/usr/bin/bash")])
        // Arguments may repeat, unlike names of packages.
        #expect(manifest.process.entrypoint == ["/usr/bin/catatonit", "--", "/usr/bin/echo", "a", "a"])
        #expect(manifest.process.command == ["b"])
        #expect(manifest.process.environment == ["PATH=/usr/bin", "EMPTY=", "PATH_2=a=b"])
        #expect(manifest.process.user == "1000:100")
        #expect(manifest.reference == "localhost/c")
        #expect(manifest.overlay == "image/containers/c/rootfs")
        #expect(try load(text, for: .arm64).packages.map(\.name) == ["bash", "jq", "strace"])
    }

    /// Manifests, with H for the head, and a part of what is said about them.
    private static let wrong: [(String, String)] = [
        ("", "a container needs the key 'description'"),
        ("H", "a container needs 'config.entrypoint'"),
        ("H[config]\nentrypoint = []", "a container needs 'config.entrypoint'"),
        ("H[config]\nentrypoint = [\"\"]", "an argument cannot be empty"),
        ("H[config]\nentrypoint = \"/bin/sh\"", "must be an array of strings"),
        ("H[config]\nentripoint = [\"a\"]", "did you mean 'entrypoint'"),
        ("H[config]\nenv = [\"PATH\"]", "write NAME=VALUE"),
        ("H[config]\nenv = [\"1A=b\"]", "write NAME=VALUE"),
        ("H[config]\nenv = [\"A=1\", \"A=2\"]", "'A=2' is in 'config.env' already"),
        ("H[config]\nuser = \"root\"", "write UID or UID:GID"),
        ("H[config]\nuser = \"0:0:0\"", "write UID or UID:GID"),
        ("H[config]\nuser = \"4294967296\"", "write UID or UID:GID"),
        ("H[packages]\ninclude = [\"Bash\"]", "a Debian package name"),
        ("H[packages]\ninclude = [\"a1\", \"a1\"]", "remove one of the two"),
        ("H[packages]\ninclude = [\"a1\"]\ndrop = [\"a1\"]", "both asked for and dropped"),
        // What only variants have.
        ("Hextends = [\"base\"]", "unknown key 'extends'"),
        ("Hversion = \"1\"", "unknown key 'version'"),
        ("H[kernel]\npackage = \"linux\"", "unknown key 'kernel'"),
        ("H[arch.amd64]\nkernel-package = \"linux\"", "unknown key 'kernel-package'"),
        ("description = ", "is not TOML"),
    ]

    @Test(arguments: wrong)
    func aWrongManifestIsRefusedWithItsPlace(_ text: String, _ part: String) {
        let text = text.hasPrefix("H") ? Self.head + text.dropFirst() : text
        let problems = problems(text)
        #expect(problems.contains(part), "\(problems)")
        #expect(problems.hasPrefix(Self.path), "\(problems)")
    }

    @Test func aContainerThatIsNotThereIsNamedWithThoseThatAre() throws {
        let repository = try Repository([Self.path: Self.head, "image/containers/other/README": ""])
        let error = #expect(throws: ManifestError.self) {
            try ContainerManifest.load("d", for: .amd64, repository: repository.root)
        }
        #expect(error == .unknownContainer(name: "d", known: ["c"]))
        for name in ["../c", "", "c/../c"] {
            #expect(throws: ManifestError.unknownContainer(name: name, known: ["c"])) {
                try ContainerManifest.load(name, for: .amd64, repository: repository.root)
            }
        }
    }

    @Test func aVariantNamesTheContainersThatItEmbeds() throws {
        let repository = try Repository.variant(
            "containers = [\"control\", \"admin\"]\n[kernel]\npackage = \"linux-image-amd64\"\n"
        )
        #expect(try repository.load().resolved(for: .amd64).containers == ["control", "admin"])
        let wrong = try Repository.variant(
            "[config]\nuser = \"0\"\n[kernel]\npackage = \"linux-image-amd64\"\n"
        )
        #expect(wrong.problems().map(\.kind) == [.unknownKey])
    }

    @Test func theContainersOfThisRepositoryAreRead() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        #expect(ContainerManifest.list(repository: root) == ["admin", "control"])
        for name in ContainerManifest.list(repository: root) {
            for architecture in Architecture.allCases {
                _ = try ContainerManifest.load(name, for: architecture, repository: root)
            }
        }
    }
}
