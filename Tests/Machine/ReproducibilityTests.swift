import Foundation
import ReleaseManifest
import TestSupport
import Testing

/// The same inputs give the same bytes, whoever builds them where and when (DESIGN.md, law 1).
@Suite(.enabled(if: BuiltImage.isExpected, BuiltImage.skipComment))
struct ReproducibilityTests {
    /// Builds the image under test once more: from a copy of the repository at another path, with an empty cache,
    /// into another folder, three days later, on one processor, with another umask, locale and time zone.
    @Test(.timeLimit(.minutes(30)))
    func anotherBuildGivesTheSameBytes() throws {
        let image = try BuiltImage()
        let place = try TemporaryDirectory()
        let repository = place.file("elsewhere/copy of the source")
        try BuildTool.copyRepository(to: repository)
        try BuildTool.seed(cache: place.file("cache"))
        let formats = image.release.images.keys.sorted().joined(separator: ",")
        let command = """
            umask 077
            export TZ=Asia/Kathmandu LC_ALL=tr_TR.UTF-8 LANG=tr_TR.UTF-8 FAKETIME_DONT_FAKE_MONOTONIC=1
            unset SOURCE_DATE_EPOCH
            exec taskset -c 0 faketime -f +3d "$@"
            """
        let (status, output) = try runTool(
            "bash",
            "-c",
            command,
            "build",
            try BuildTool().program,
            "build",
            image.release.variant,
            "--version",
            image.release.version,
            "--repository",
            repository,
            "--cache",
            place.file("cache"),
            "--output",
            place.file("output"),
            "--format",
            formats
        )
        try #require(status == 0, "\(output)")

        let other = place.file("output/\(URL(filePath: image.folder).lastPathComponent)")
        let names = try FileManager.default.contentsOfDirectory(atPath: image.folder).sorted()
        #expect(try FileManager.default.contentsOfDirectory(atPath: other).sorted() == names)
        #expect(names.contains("disk.qcow2") && names.contains("disk.vmdk"), "the test wants all formats")
        for name in names {
            let (difference, text) = try runTool("cmp", image.path(name), "\(other)/\(name)")
            #expect(difference == 0, "\(name): \(text)")
        }
    }
}
