import Foundation
import Hashing
import TestSupport
import Testing

@testable import SBOM

/// The SPDX validator of spdx-tools: in the virtual environment of the Makefile, or in PATH.
private let validator: String? = {
    let environment = ProcessInfo.processInfo.environment
    var folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
    if let venv = environment["BULKHEAD_VENV"] { folders.insert("\(venv)/bin", at: 0) }
    return folders.map { "\($0)/pyspdxtools" }.first { FileManager.default.isExecutableFile(atPath: $0) }
}()

@Suite("SPDX document")
struct SPDXDocumentTests {
    static let image = SBOMImage(
        name: "vm-containerd-amd64",
        version: "0.1.0~rc1",
        distribution: "trixie",
        identity: .operatingSystem(rootHash: SHA256Digest(hashing: "root")),
        sourceDateEpoch: 1_700_000_000,
        toolVersion: "0.1.0"
    )

    static let copyright = """
        Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
        Upstream-Name: example

        Files: *
        Copyright: 2020 A
        License: GPL-2+ and (strange)

        Files: a/*
        Copyright: 2020 B
        License: LGPL-2.1+ or Expat

        Files: b/*
        Copyright: 2020 C
        License: Fancy-1
         First line.
         .
         Second "paragraph"	with a tab & <markup>.
        """

    static let packages = [
        SBOMPackage(
            kind: .imagePackage,
            name: "libstdc++6",
            version: "14.2.0-19",
            architecture: "amd64",
            sourceName: "gcc-14",
            archive: "trixie",
            filename: "pool/main/g/gcc-14/libstdc++6_14.2.0-19_amd64.deb",
            sha256: SHA256Digest(hashing: "1"),
            size: 714_000,
            maintainer: "Debian GCC Maintainers <debian-gcc@lists.debian.org>",
            homepage: "https://gcc.gnu.org/"
        ),
        SBOMPackage(
            kind: .imagePackage,
            name: "libgcc-s1",
            version: "14.2.0-19",
            architecture: "amd64",
            sourceName: "gcc-14",
            sha256: SHA256Digest(hashing: "2"),
            maintainer: "Some (One) <x>",
            homepage: "not a page",
            copyright: Array("just text".utf8)
        ),
        SBOMPackage(
            kind: .imagePackage,
            name: "dbus",
            version: "1:1.16.2+dfsg~1-2",
            architecture: "amd64",
            sourceVersion: "1",
            sha256: SHA256Digest(hashing: "3"),
            copyright: Array(copyright.utf8)
        ),
        SBOMPackage(
            kind: .buildTool,
            name: "dbus",
            version: "1:1.16.2+dfsg~1-2",
            architecture: "amd64",
            sourceName: "dbus",
            sha256: SHA256Digest(hashing: "3"),
            copyright: Array(copyright.utf8)
        ),
        SBOMPackage(kind: .ownProgram, name: "hostd", version: "0.1.0", architecture: "amd64"),
        SBOMPackage(
            kind: .linkedPackage,
            name: "swift-nio",
            version: "2.101.2",
            architecture: "amd64",
            homepage: "https://example.org/apple/swift-nio.git"
        ),
        SBOMPackage(
            kind: .runtimeLibrary,
            name: "libswiftCore.so",
            version: "6.3.1",
            architecture: "amd64",
            license: "Apache-2.0 WITH Swift-exception"
        ),
    ]

    private func json(_ document: SPDXDocument) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(document.bytes)) as? [String: Any])
    }

    private func element(_ document: SPDXDocument, _ identifier: String) throws -> [String: Any] {
        let packages = try #require(try json(document)["packages"] as? [[String: Any]])
        return try #require(packages.first { $0["SPDXID"] as? String == identifier })
    }

    @Test(
        "pyspdxtools accepts the document",
        .enabled(
            if: validator != nil,
            "SKIPPED: pyspdxtools is neither in $BULKHEAD_VENV/bin nor in PATH; make test installs it"
        )
    )
    func golden() throws {
        let directory = try TemporaryDirectory()
        let file = directory.file("sbom.spdx.json")
        var packages = Self.packages
        // Real copyright files, as many as the machine has.
        let folder = "/usr/share/doc"
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted().prefix(400) {
            guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)/copyright") else {
                continue
            }
            packages.append(
                SBOMPackage(
                    kind: .imagePackage,
                    name: name + "-real",
                    version: "1",
                    architecture: "all",
                    sourceName: name,
                    copyright: Array(data)
                )
            )
        }
        try Data(SPDXDocument(image: Self.image, packages: packages).bytes).write(to: URL(filePath: file))
        let good = try runTool(try #require(validator), "-i", file)
        #expect(good.status == 0, "\(good.output.prefix(3000))")

        // The validator must be able to say no.
        let text = String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self)
        try Data(text.replacing("CONTAINS", with: "HOLDS").utf8).write(to: URL(filePath: file))
        #expect(try runTool(try #require(validator), "-i", file).status != 0)
    }

    @Test("The same facts in any order give the same bytes; other facts another namespace")
    func deterministic() throws {
        let one = try SPDXDocument(image: Self.image, packages: Self.packages)
        let two = try SPDXDocument(image: Self.image, packages: Self.packages.reversed())
        #expect(one.bytes == two.bytes)
        var image = Self.image
        image.identity = .operatingSystem(rootHash: SHA256Digest(hashing: "other"))
        let three = try SPDXDocument(image: image, packages: Self.packages)
        let namespaces = try [one, three].map { try #require(try json($0)["documentNamespace"] as? String) }
        #expect(namespaces[0] != namespaces[1])
        #expect(
            namespaces[0].wholeMatch(
                of: /urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
            ) != nil
        )
    }

    @Test("A container, and what an image has of one beside a package of the same name")
    func containers() throws {
        var image = Self.image
        image.identity = .container(manifest: SHA256Digest(hashing: "manifest"))
        let own = SBOMPackage(kind: .imagePackage, name: "bash", version: "1", architecture: "amd64")
        var inside = own
        inside.container = "admin"
        let document = try SPDXDocument(image: image, packages: [inside, own])
        #expect(document.bytes == (try SPDXDocument(image: image, packages: [own, inside])).bytes)
        #expect(try element(document, "SPDXRef-Image")["primaryPackagePurpose"] as? String == "CONTAINER")
        let found = try element(document, "SPDXRef-Container-admin-Package-bash-amd64")
        #expect(found["comment"] as? String == "in the embedded container 'admin'")
        #expect(try element(document, "SPDXRef-Package-bash-amd64")["comment"] == nil)
        #expect(throws: SBOMError.duplicatePackage(name: "bash", architecture: "amd64")) {
            try SPDXDocument(image: image, packages: [inside, inside])
        }
    }

    @Test("Packages have version, purl, digest, supplier and declared licence")
    func contents() throws {
        let document = try SPDXDocument(image: Self.image, packages: Self.packages)
        let info = try #require(try json(document)["creationInfo"] as? [String: Any])
        #expect(info["created"] as? String == "2023-11-14T22:13:20Z")

        let library = try element(document, "SPDXRef-Package-libstdc--6-amd64")
        #expect(library["name"] as? String == "libstdc++6")
        #expect(library["packageFileName"] as? String == "libstdc++6_14.2.0-19_amd64.deb")
        #expect(
            library["supplier"] as? String
                == "Organization: Debian GCC Maintainers (debian-gcc@lists.debian.org)"
        )
        #expect(library["homepage"] as? String == "https://gcc.gnu.org/")
        #expect(library["primaryPackagePurpose"] as? String == "LIBRARY")
        let checksums = try #require(library["checksums"] as? [[String: String]])
        #expect(checksums == [["algorithm": "SHA256", "checksumValue": SHA256Digest(hashing: "1").hex]])
        let references = try #require(library["externalRefs"] as? [[String: String]])
        #expect(
            references.first?["referenceLocator"]
                == "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=amd64&distro=trixie"
        )
        let plain = try element(document, "SPDXRef-Package-libgcc-s1-amd64")
        #expect(plain["homepage"] == nil)
        #expect(plain["supplier"] as? String == "Person: Some One")
        #expect(plain["licenseDeclared"] as? String == "NOASSERTION")
        let dbus = try element(document, "SPDXRef-Package-dbus-amd64")
        let declared = try #require(dbus["licenseDeclared"] as? String)
        let pattern =
            /\(LGPL-2\.1-or-later OR MIT\) AND LicenseRef-Fancy-1-[0-9a-f]{12} AND LicenseRef-GPL-2--and--strange--[0-9a-f]{12}/
        #expect(declared.wholeMatch(of: pattern) != nil, "\(declared)")
        let runtime = try element(document, "SPDXRef-Runtime-libswiftCore.so-amd64")
        #expect(runtime["licenseDeclared"] as? String == "Apache-2.0 WITH Swift-exception")
        #expect(runtime["versionInfo"] as? String == "6.3.1")
        #expect(runtime["primaryPackagePurpose"] as? String == "LIBRARY")
        let image = try element(document, "SPDXRef-Image")
        #expect((image["comment"] as? String)?.contains(SHA256Digest(hashing: "root").hex) == true)
        let licenses = try #require(try json(document)["hasExtractedLicensingInfos"] as? [[String: String]])
        #expect(licenses.count == 2)
        #expect(
            licenses.first { $0["name"] == "Fancy-1" }?["extractedText"]
                == "First line.\n\nSecond \"paragraph\"\twith a tab & <markup>."
        )
    }

    @Test("Relationships say what holds, made and built what")
    func relationships() throws {
        let document = try SPDXDocument(image: Self.image, packages: Self.packages)
        let found = try #require(try json(document)["relationships"] as? [[String: String]]).map {
            "\($0["spdxElementId"] ?? "") \($0["relationshipType"] ?? "") \($0["relatedSpdxElement"] ?? "")"
        }
        #expect(
            found.map { $0.replacing("SPDXRef-", with: "") } == [
                "DOCUMENT DESCRIBES Image",
                "BuildTool-dbus-amd64 BUILD_TOOL_OF Image",
                "BuildTool-dbus-amd64 GENERATED_FROM Source-dbus-1-1.16.2-dfsg-1-2",
                "Image CONTAINS Package-dbus-amd64",
                "Image CONTAINS Package-libgcc-s1-amd64",
                "Package-libgcc-s1-amd64 GENERATED_FROM Source-gcc-14-14.2.0-19",
                "Image CONTAINS Package-libstdc--6-amd64",
                "Package-libstdc--6-amd64 GENERATED_FROM Source-gcc-14-14.2.0-19",
                "Image CONTAINS Linked-swift-nio-amd64",
                "Image CONTAINS Program-hostd-amd64",
                "Image CONTAINS Runtime-libswiftCore.so-amd64",
                "Program-hostd-amd64 STATIC_LINK Linked-swift-nio-amd64",
                "Program-hostd-amd64 DEPENDS_ON Runtime-libswiftCore.so-amd64",
            ]
        )
    }

    @Test("Packages whose names differ only in what identifiers cannot hold stay apart")
    func identifiers() throws {
        let packages = ["a+b", "a-b", "a--b"].map {
            SBOMPackage(kind: .imagePackage, name: $0, version: "1", architecture: "all")
        }
        let document = try SPDXDocument(image: Self.image, packages: packages)
        let all = try #require(try json(document)["packages"] as? [[String: Any]])
        #expect(Set(all.compactMap { $0["SPDXID"] as? String }).count == 4)
    }

    @Test("Impossible input is refused")
    func refused() {
        var image = Self.image
        image.sourceDateEpoch = 253_402_300_800
        #expect(throws: SBOMError.timestampOutOfRange(seconds: 253_402_300_800)) {
            try SPDXDocument(image: image, packages: [])
        }
        let package = SBOMPackage(kind: .imagePackage, name: "x", version: "1", architecture: "all")
        #expect(throws: SBOMError.duplicatePackage(name: "x", architecture: "all")) {
            try SPDXDocument(image: Self.image, packages: [package, package])
        }
        var nameless = package
        nameless.version = ""
        #expect(throws: SBOMError.incompletePackage(name: "x", version: "")) {
            try SPDXDocument(image: Self.image, packages: [nameless])
        }
    }

    @Test(
        "Times agree with date(1)",
        arguments: [0, 951_782_399, 951_782_400, 951_868_800, 1_709_164_800, 4_107_542_400, 253_402_300_799]
            as [UInt64]
    )
    func times(_ seconds: UInt64) throws {
        let theirs = try runTool("date", "-u", "-d", "@\(seconds)", "+%Y-%m-%dT%H:%M:%SZ")
        #expect(Timestamp.format(seconds).map { $0 + "\n" } == theirs.output)
    }

    @Test("purl leaves colons and unreserved characters, and encodes the rest")
    func packageURL() {
        let url = PackageURL.debian(
            name: "Lib++/é",
            version: "1:2.0~rc1+b 1",
            architecture: "amd64",
            distribution: "trixie"
        )
        #expect(url == "pkg:deb/debian/lib%2B%2B%2F%C3%A9@1:2.0~rc1%2Bb%201?arch=amd64&distro=trixie")
    }
}
