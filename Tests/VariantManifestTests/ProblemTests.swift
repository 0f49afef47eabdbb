import Foundation
import TestSupport
import Testing

@testable import VariantManifest

@Suite("Manifests that are wrong")
struct ProblemTests {
    private typealias Kind = ManifestProblem.Kind

    /// The head has three lines, so line 1 of the text is line 4 of the file.
    @Test(
        "One wrong value is one problem with its line, the value and a remedy",
        arguments: [
            (
                "[packages]\ninclud = []", Kind.unknownKey, 5,
                "unknown key 'includ' in 'packages'; did you mean 'include'?"
            ),
            ("[pakages]\ninclude = []", .unknownKey, 4, "did you mean 'packages'?"),
            ("[features]\nlist = []", .unknownKey, 4, "known are "),
            (
                "[arch.mips]\npackages = []", .unknownKey, 4,
                "unknown key 'mips' in 'arch'; known are amd64, arm64"
            ),
            ("[arch.amd64]\n\npackage = [\"x\"]", .unknownKey, 6, "did you mean 'packages'?"),
            ("packages = []", .wrongType, 4, "packages is an array; it must be a table"),
            ("[packages]\ninclude = \"x\"", .wrongType, 5, "packages.include is a string 'x'"),
            (
                "[packages]\ninclude = [\n  \"good\",\n  7,\n]", .wrongType, 7,
                "packages.include is an integer '7'"
            ),
            ("[image]\nsector-size = \"512\"", .wrongType, 5, "it must be an integer"),
            ("[image]\nsector-size = 1024", .badValue, 5, "image.sector-size = 1024"),
            ("[image]\nsector-size = -1", .badValue, 5, "512 or 4096"),
            ("[image]\nformats = [\"qcow\"]", .badValue, 5, "did you mean 'qcow2'?"),
            ("[packages]\ninclude = [\"Systemd\"]", .badValue, 5, "'Systemd'"),
            ("[packages]\ninclude = [\"a=1\"]", .badValue, 5, "packages.lock"),
            ("[packages]\ninclude = [\"aa\", \"bb\", \"aa\"]", .duplicate, 5, "variants/v/variant.toml:5"),
            (
                "[packages]\ninclude = [\"aa\"]\n[arch.amd64]\npackages = [\"aa\"]", .duplicate, 7,
                "variant.toml:5"
            ),
            (
                "[packages]\ninclude = [\"aa\"]\ndrop = [\"aa\"]", .contradiction, 6,
                "both asked for and dropped"
            ),
            ("[packages]\ninclude = [\"kernel\"]", .duplicate, 5, "is the kernel already"),
            (
                "[units]\nenable = [\"a.service\"]\nmask = [\"a.service\"]", .contradiction, 6,
                "enabled and masked"
            ),
            ("[units]\nenable = [\"a\"]", .badValue, 5, "'.service'"),
            ("[units]\ndefault-target = \"a.service\"", .badValue, 5, ".target"),
            ("[kernel]\ncommand-line = [\"a b\"]", .badValue, 5, "without spaces"),
            ("[kernel]\ncommand-line = [\"roothash=00\"]", .badValue, 5, "the build sets 'roothash'"),
            ("[kernel]\nmodules = [\"/lib/**\"]", .badValue, 5, "relative to"),
            ("[initrd]\nmodules = [\"dm_mod\", \"dm-mod\"]", .duplicate, 5, "'dm-mod'"),
            ("[initrd]\nmodules = [\"ext4.ko.xz\"]", .badValue, 5, "without folder and suffix"),
            ("[initrd]\nfiles = [\"usr/bin/x\"]", .badValue, 5, "beginning with '/'"),
            ("[filter]\nremove = [\"/usr/../etc\"]", .badValue, 5, "'..'"),
            ("[filter]\nremove = [\"/usr/**x\"]", .badValue, 5, "'**' must stand alone"),
            ("[filter]\nremove = [\"/usr/[a\"]", .badValue, 5, "not closed"),
            ("[layout]\nesp-size = \"1GB\"", .badValue, 5, "whole number of MiB"),
            ("[layout]\nesp-size = \"1MiB\"", .badValue, 5, "260MiB...16GiB"),
            ("[layout]\nesp-size = \"99999999999999999999GiB\"", .badValue, 5, "whole number"),
            ("[layout]\nesp-size = \"18446744073709551615GiB\"", .badValue, 5, "whole number"),
            ("[layout]\nroot-size = \"8GiB\"", .badValue, 5, "hash tree of a root of 8GiB needs 65MiB"),
            ("[erofs]\ncompression = \"lz4\"", .badValue, 5, "lz4hc"),
            ("[erofs]\ncompression = \"none\"\ncompression-level = 3", .badValue, 6, "takes no level"),
            ("[erofs]\ncluster-size = 65535", .badValue, 5, "power of two"),
            ("[audit]\nallow = [{ path = \"/x\" }]", .missingKey, 5, "'reason'"),
            ("[audit]\nallow = [{ path = \"/x\", reason = \" \" }]", .badValue, 5, "say why"),
            (
                "[audit]\nallow = [\n{ path = \"/x\", reason = \"a\" },\n{ path = \"/x\", reason = \"b\" }]",
                .duplicate, 7, "toml:6"
            ),
            ("[alternatives]\n\"/a\" = \"b\"", .badValue, 5, "absolute path"),
            ("[alternatives]\n\"a\" = \"/b\"", .badValue, 5, "the link's place 'a'"),
            ("[alternatives]\n\"/a\" = \"/a\"", .badValue, 5, "point to itself"),
            ("overlays = [\"none\"]", .missingFile, 4, "no such folder"),
            ("overlays = [\"../x\"]", .badValue, 4, "'..'"),
            ("overlays = [\"/etc\"]", .badValue, 4, "relative to the repository"),
            ("extends = [\"none\"]", .missingFile, 4, "variants/fragments/none.toml"),
            ("extends = [\"../v\"]", .badValue, 4, "lower-case"),
            ("[packages]\ninclude = [\"a\",,]", .syntax, 5, "is not TOML"),
            ("description = \"again\"", .syntax, 4, "is not TOML"),
            ("[packages]\ninclude = [\"a\\u0000\"]", .syntax, 5, "NUL"),
        ]
    )
    func single(_ text: String, _ kind: ManifestProblem.Kind, _ line: Int, _ part: String) throws {
        let kernel = "\n[kernel]\npackage = \"kernel\"\n"
        let full = text.contains("[kernel]\n") ? text + "\npackage = \"kernel\"" : text + kernel
        let problems = try Repository.variant(full).problems()
        try #require(problems.count == 1, "\(problems)")
        #expect(problems[0].kind == kind)
        #expect(problems[0].location == SourceLocation(file: "variants/v/variant.toml", line: line))
        #expect(problems[0].message.contains(part), "\(problems[0])")
    }

    @Test("All problems of one load are told at once, by file and line")
    func collected() throws {
        let repository = try Repository([
            "variants/v/variant.toml": """
            version = "1_0"
            extends = ["f", "gone"]
            kernal = "x"
            """,
            "variants/fragments/f.toml": """
            version = "2"
            [packages]
            include = ["A", "b"]
            """,
        ])
        let found = repository.problems()
        #expect(
            found.map { "\($0.location) \($0.kind.rawValue)" } == [
                "variants/fragments/f.toml:1 unknownKey",
                "variants/fragments/f.toml:3 badValue",
                "variants/fragments/f.toml:3 badValue",
                "variants/v/variant.toml missingKey",
                "variants/v/variant.toml missingKey",
                "variants/v/variant.toml:1 badValue",
                "variants/v/variant.toml:2 missingFile",
                "variants/v/variant.toml:3 unknownKey",
            ]
        )
        let description = ManifestError.invalid(variant: "v", problems: found).description
        #expect(description.split(separator: "\n").count == found.count)
    }

    @Test("A cycle is told with its chain")
    func cycle() throws {
        let repository = try Repository([
            "variants/v/variant.toml": Repository.head + "extends = [\"a\"]\nkernel.package = \"kernel\"\n",
            "variants/fragments/a.toml": "extends = [\"b\"]",
            "variants/fragments/b.toml": "\nextends = [\"c\"]",
            "variants/fragments/c.toml": "extends = [\n\"a\"]",
        ])
        let problems = repository.problems()
        try #require(problems.count == 1)
        #expect(problems[0].kind == .cycle)
        #expect(problems[0].location.description == "variants/fragments/c.toml:2")
        #expect(problems[0].message.contains("a -> b -> c -> a"))
    }

    @Test("A package in two fragments names both places")
    func duplicateAcrossFiles() throws {
        let repository = try Repository([
            "variants/v/variant.toml": Repository.head
                + "extends = [\"a\", \"b\"]\nkernel.package = \"kernel\"\n",
            "variants/fragments/a.toml": "[packages]\ninclude = [\"systemd\"]",
            "variants/fragments/b.toml": "[packages]\ninclude = [\n\n\"systemd\"]",
        ])
        let problems = repository.problems()
        try #require(problems.count == 1)
        #expect(problems[0].kind == .duplicate)
        #expect(problems[0].location.description == "variants/fragments/b.toml:4")
        #expect(problems[0].message.contains("variants/fragments/a.toml:2"))
    }

    @Test("Two fragments that disagree need the variant's word")
    func conflict() throws {
        var files = [
            "variants/v/variant.toml": Repository.head
                + "extends = [\"a\", \"b\"]\nkernel.package = \"kernel\"\n",
            "variants/fragments/a.toml": "[image]\nsector-size = 512\n[alternatives]\n\"/a\" = \"/b\"\n",
            "variants/fragments/b.toml": "[image]\nsector-size = 4096\n[alternatives]\n\"/a\" = \"/c\"\n",
        ]
        let problems = try Repository(files).problems()
        try #require(problems.map(\.kind) == [.conflict, .conflict])
        #expect(problems[0].location.description == "variants/fragments/b.toml:2")
        #expect(problems[0].message.contains("512 at variants/fragments/a.toml:2"))
        #expect(problems[1].message.contains("'alternatives./a' is '/c' here, but '/b'"))
        files["variants/v/variant.toml"]? += "image.sector-size = 4096\n[alternatives]\n\"/a\" = \"/d\"\n"
        let value = try Repository(files).load().resolved(for: .amd64)
        #expect(value.image.sectorSize == 4096)
        #expect(value.alternatives.map(\.target) == ["/d"])
    }

    @Test("A variant without a kernel for one of its architectures says for which")
    func kernelMissing() throws {
        let head = Repository.head.replacing("[\"amd64\"]", with: "[\"amd64\", \"arm64\"]")
        let text = head + "[arch.amd64]\nkernel-package = \"linux-image-amd64\"\n"
        let problems = try Repository(["variants/v/variant.toml": text]).problems()
        try #require(problems.count == 1)
        #expect(problems[0].kind == .missingKey)
        #expect(problems[0].message.contains("no kernel for arm64"))
    }

    @Test("Files that are no manifests are refused: too large, not UTF-8, not regular")
    func strangeFiles() throws {
        let path = "variants/v/variant.toml"
        let large = try Repository([path: Repository.head + String(repeating: "#\n", count: 1 << 19)])
        #expect(large.problems().map(\.kind) == [.unreadableFile])
        let binary = try Repository([:])
        try binary.write(Data([0x61, 0xFF, 0xFE]), to: path)
        #expect(binary.problems().map(\.kind) == [.syntax])
        let nul = try Repository([path: "a = 1\n\0"])
        #expect(nul.problems().first?.location.line == 2)
        let folder = try Repository([:], folders: [path])
        #expect(folder.problems().map(\.kind) == [.unreadableFile])
        let pipe = try Repository([:], folders: ["variants/v"])
        #expect(mkfifo(pipe.root + "/" + path, 0o600) == 0)
        #expect(pipe.problems().map(\.kind) == [.unreadableFile])
    }

    @Test("Deep nesting is refused before the parser sees it")
    func deepNesting() throws {
        let texts = [
            String(repeating: "a.", count: 200_000) + "a = 1\n",
            "[" + String(repeating: "a.", count: 200_000) + "a]\n",
            "a = " + String(repeating: "[", count: 500_000) + "\n",
            "a = " + String(repeating: "{a=", count: 200_000) + "\n",
        ]
        for text in texts {
            let problems = try Repository(["variants/v/variant.toml": text]).problems()
            try #require(problems.map(\.kind) == [.syntax])
            #expect(problems[0].message.contains("deeper"))
        }
    }

    @Test("An overlay may not leave the repository through a link")
    func overlayLink() throws {
        let repository = try Repository.variant("overlays = [\"out\"]\nkernel.package = \"kernel\"\n")
        try FileManager.default.createSymbolicLink(
            atPath: repository.root + "/out",
            withDestinationPath: "/usr"
        )
        let problems = repository.problems()
        #expect(problems.map(\.kind) == [.badValue])
    }

    @Test("A file full of mistakes is told only so far, and in time")
    func manyProblems() throws {
        let list = String(repeating: "7,\n", count: 200_000)
        let keys = (0..<20_000).map { "k\($0) = 1\n" }.joined()
        let same = (0..<50_000).map { _ in "\"aa\",\n" }.joined()
        for text in ["overlays = [\(list)]\n", keys, "packages.include = [\(same)]\n"] {
            let problems = try Repository.variant(text).problems()
            try #require(problems.count == ProblemList.limit, "\(problems.prefix(3))")
            #expect(problems.contains { $0.message.hasSuffix("mend these first") })
        }
    }

    @Test("Cut and damaged manifests end in problems, never in a crash")
    func hostile() throws {
        let text =
            Repository.head
                + """
                extends = ["f"]
                "quoted\\"key" = '''
                long'''
                [packages]
                include = ["a1", 'b2', \"\"\"c3\"\"\"] # comment
                [[audit.allow]]
                path = "/x"
                reason = "y"
                [arch.amd64]
                kernel-package = "k1"
                """
        let bytes = Array(text.utf8)
        let repository = try Repository(["variants/fragments/f.toml": ""])
        var good = 0
        for length in stride(from: 0, through: bytes.count, by: 1) {
            try repository.write(Data(bytes[..<length]), to: "variants/v/variant.toml")
            if repository.problems().isEmpty { good += 1 }
        }
        #expect(good == 0)
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= UInt8(1 << (position % 8))
            try repository.write(Data(damaged), to: "variants/v/variant.toml")
            _ = repository.problems()
        }
    }
}
