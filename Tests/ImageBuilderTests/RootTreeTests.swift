import FileTree
import TestSupport
import Testing
import VariantManifest

@testable import ImageBuilder

@Suite struct RootTreeTests {
    /// A variant with a few lines of TOML added.
    private func variant(_ lines: String = "") throws -> ResolvedVariant {
        let directory = try TemporaryDirectory()
        try FileSystem.makeDirectory(directory.file("variants/v"))
        let text = """
            description = "d"
            version = "1"
            architectures = ["amd64"]
            [packages]
            include = ["systemd"]
            [kernel]
            package = "linux-image-amd64"
            \(lines)
            """
        try FileSystem.write(Array(text.utf8), to: directory.file("variants/v/variant.toml"))
        return try Variant.load("v", repository: directory.path).resolved(for: .amd64)
    }

    @Test func theAuditOfTheInitrdNamesIt() throws {
        var tree = FileTree()
        try tree.insert(.file("x", mode: 0o755, origin: "image/initrd"), at: "/usr/bin/sh")
        let error = #expect(throws: BuildError.self) {
            try ImageAudit.run(tree, variant: variant(), place: "initrd:")
        }
        #expect(error?.description.contains("shell: 'initrd:/usr/bin/sh' from 'image/initrd'") == true)
        let allowed = try variant("[[audit.allow]]\npath = \"/usr/bin/*\"\nreason = \"a test\"")
        #expect(try ImageAudit.run(tree, variant: allowed).isEmpty)
        #expect(try ImageAudit.run(FileTree(), variant: allowed).map(\.reason) == ["a test"])
    }

    @Test func linksIntoMountsAreNotDangling() throws {
        var tree = FileTree()
        try tree.insert(.symlink(to: "../run/systemd/resolv.conf", origin: "o"), at: "/etc/resolv.conf")
        try tree.insert(.symlink(to: "/usr/bin/gone", origin: "p"), at: "/usr/bin/link")
        #expect(try ImageAudit.danglingSymlinks(of: tree, mountPoints: ["/run"]) == ["/usr/bin/link"])
    }

    @Test func pathsOfTheFilterThatAreNowhereAreNamed() throws {
        var tree = FileTree()
        try tree.insert(.file("x", origin: "p"), at: "/usr/bin/a")
        try tree.insert(.file("x", origin: "p"), at: "/usr/bin/b")
        let filter = try variant(
            """
            [filter]
            remove = ["/usr/bin/a", "/usr/bin/typo", "/usr/share/none/**"]
            keep = ["/usr/bin/bb"]
            """
        ).filter
        var notes: [String] = []
        try RootTree.filter(&tree, filter) { notes.append($0) }
        #expect(
            notes == [
                "filter.remove names what no package has: /usr/bin/typo",
                "filter.keep names what no package has: /usr/bin/bb",
            ]
        )
        #expect(!tree.contains("/usr/bin/a") && tree.contains("/usr/bin/b"))
    }

    @Test(arguments: ["enable", "disable", "mask"])
    func aUnitThatIsNowhereIsRefused(_ key: String) throws {
        var tree = FileTree()
        try tree.insert(.file("", origin: "p"), at: "/usr/lib/systemd/system/getty@.service")
        try tree.insert(.file("", origin: "p"), at: "/usr/lib/systemd/system/a.service")
        let good = try variant("[units]\n\(key) = [\"a.service\", \"getty@tty1.service\"]").units
        #expect(try Units.check(good, of: tree).isEmpty)
        let bad = try variant("[units]\n\(key) = [\"b.service\"]").units
        let error = #expect(throws: BuildError.self) { try Units.check(bad, of: tree) }
        #expect(error?.description.contains("'b.service' of units.\(key)") == true)
    }

    @Test func aMaskedUnitMayComeFromAGenerator() throws {
        let units = try variant("[units]\nmask = [\"boot.automount\", \"systemd-cryptsetup@x.service\"]")
            .units
        #expect(
            try Units.check(units, of: FileTree()) == ["boot.automount", "systemd-cryptsetup@x.service"]
        )
    }
}
