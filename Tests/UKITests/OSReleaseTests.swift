import Foundation
import TestSupport
import Testing
import UKI

@Suite struct OSReleaseTests {
    private let sample = #"""
        # A comment
        ID=bulkhead
        IMAGE_ID="vm-containerd"

        IMAGE_VERSION='1.2.3'
        PRETTY_NAME="Bulk\"head\" \$1 \\ \`x\` \n 100% 'ok'"
        VARIANT='it is "so" \n'
        MIXED=a"b c"'d e'f\ g
        EMPTY=
        EMPTY_TOO=""
        URL=https://example.org/?a=b#c   
        ID=bulkhead-2
        """#

    @Test func valuesAreThoseOfAShell() throws {
        let release = try OSRelease(parsing: sample)
        let directory = try TemporaryDirectory()
        try sample.write(toFile: directory.file("os-release"), atomically: true, encoding: .utf8)
        #expect(release.fields.count == 9)
        for (key, value) in release.fields {
            let shell = try runTool("sh", "-c", ". '\(directory.file("os-release"))'; printf %s \"$\(key)\"")
            #expect(shell.output == value, "\(key)")
        }
        #expect(release.id == "bulkhead-2")
        #expect(release.imageID == "vm-containerd")
        #expect(release.imageVersion == "1.2.3")
        #expect(release["EMPTY"]?.isEmpty == true)
        #expect(release.versionID == nil)
    }

    @Test func systemdBootsFactsAreTheImagesBeforeTheSystems() throws {
        let image = try OSRelease(
            parsing: "ID=debian\nIMAGE_ID=vm\nIMAGE_VERSION=2\nVERSION_ID=13\nNAME=Debian\n"
        )
        #expect([image.bootSortKey, image.bootVersion] == ["vm", "2"])
        let system = try OSRelease(
            parsing: "ID=debian\nVERSION_ID=13\nVERSION=\"13 (trixie)\"\nNAME=Debian\n"
        )
        #expect(
            [system.bootSortKey, system.bootVersion] == ["debian", "13 (trixie)"]
        )
        let nothing = try OSRelease(parsing: "")
        #expect([nothing.bootSortKey, nothing.bootVersion] == [nil, nil])
    }

    @Test func theMachinesOwnIsRead() throws {
        let release = try OSRelease(parsing: String(contentsOfFile: "/etc/os-release", encoding: .utf8))
        #expect(!release.id.isEmpty)
        #expect(release.prettyName != "Linux")
    }

    @Test(arguments: [
        "ID", "=x", "1D=x", "I-D=x", " = ", "ID=\"x", "ID='x", "ID=x\\", "ID=a b", "ID=$(reboot)",
        "ID=\"$HOME\"",
        "ID=`id`", "ID=a;b", "ÄÖ=x", "ID=\"x\\",
    ])
    func invalidLinesAreNamed(_ line: String) {
        #expect(throws: UKIError.badOSRelease(line: 3, text: line)) {
            try OSRelease(parsing: "# first\nNAME=x\n\(line)\nVERSION=1\n")
        }
    }
}
