import Foundation
import ReleaseManifest
import TestSupport
import Testing

/// The same inputs give the same bytes, whoever builds them where and when, and however often the build was stopped
/// before (DESIGN.md, law 1).
///
/// Programs are compiled once, at another path than those of the image under test; that takes the most time by far.
@Suite(.ownThreads, .enabled(if: BuiltImage.isExpected, BuiltImage.skipComment))
struct ReproducibilityTests {
    @Test(.timeLimit(.minutes(40)))
    func anotherBuildGivesTheSameBytes() async throws {
        let place = try TemporaryDirectory()
        let image = try BuiltImage()
        try BuildTool.copyRepository(to: place.file("elsewhere/copy of the source"))

        let stopped = try OtherBuild(image, place, cache: place.file("cache"), output: place.file("stopped"))
        for stage in OtherBuild.stages {
            try await stopped.stop(at: stage, by: SIGKILL)
            try await stopped.stop(at: stage, by: SIGINT)
        }
        try await stopped.finish(OtherBuild.surroundings)
        try stopped.compare(with: image)
        let left = try FileManager.default.contentsOfDirectory(atPath: "\(stopped.cache)/stages")
        #expect(!left.contains { $0.hasPrefix(".") }, "leftovers of killed builds were swept: \(left)")

        let later = try OtherBuild(
            image,
            place,
            cache: place.file("empty cache"),
            output: place.file("later")
        )
        try later.takePrograms(of: stopped)
        try await later.finish(["taskset", "-c", "0", "faketime", "-f", "+3d"] + OtherBuild.surroundings)
        try later.compare(with: image)
    }
}

/// A build from a copy of the repository at another path, with a cache and an output folder of its own.
private struct OtherBuild {
    let cache: String
    private let output: String
    private let folder: String
    private var arguments: [String]

    static let stages = [
        "fetch", "tools", "programs", "unpack", "modules", "root", "erofs", "verity", "initrd", "uki", "esp",
        "disk", "outputs",
    ]
    /// Another umask, locale and time zone; the command becomes the build, so signals reach it.
    static let surroundings = [
        "bash", "-c",
        """
        umask 077
        export TZ=Asia/Kathmandu LC_ALL=tr_TR.UTF-8 LANG=tr_TR.UTF-8 FAKETIME_DONT_FAKE_MONOTONIC=1
        unset SOURCE_DATE_EPOCH
        exec "$@"
        """,
        "build",
    ]

    init(_ image: BuiltImage, _ place: TemporaryDirectory, cache: String, output: String) throws {
        self.cache = cache
        self.output = output
        folder = "\(output)/\(URL(filePath: image.folder).lastPathComponent)"
        arguments = [
            image.release.variant, "--version", image.release.version, "--repository",
            place.file("elsewhere/copy of the source"), "--cache", cache, "--output", output, "--offline",
            "--format", image.release.images.keys.sorted().joined(separator: ","),
        ]
        if let keys = ProcessInfo.processInfo.environment["BULKHEAD_TEST_KEYS"] {
            arguments += ["--update-root", UpdateReleases.root(of: keys)]
        }
        try BuildTool.seed(cache: cache)
    }

    /// Takes the compiled programs of another build, and nothing else.
    func takePrograms(of other: OtherBuild) throws {
        let stages = try FileManager.default.contentsOfDirectory(atPath: "\(other.cache)/stages")
        let programs = try #require(stages.first { $0.hasPrefix("programs-") })
        try FileManager.default.createDirectory(atPath: "\(cache)/stages", withIntermediateDirectories: true)
        let copy = try runTool("cp", "-a", "\(other.cache)/stages/\(programs)", "\(cache)/stages/")
        try #require(copy.status == 0, "\(copy.output)")
    }

    /// Begins the build and sends it a signal when it comes to a stage; a build that is faster is begun anew.
    func stop(at stage: String, by signal: Int32) async throws {
        let run = try BuildRun(arguments, wrapper: Self.surroundings)
        try await run.wait(forLine: "\(stage) ...")
        try #require(run.isRunning, "the build never came to '\(stage)':\n\(run.output)")
        run.send(signal)
        let status = try await run.status()
        guard signal == SIGINT else {
            #expect(status == -SIGKILL)
            return
        }
        if status == 0 {
            // The last stage was done before the signal arrived; the next run has something to do again.
            try FileManager.default.removeItem(atPath: folder)
            return
        }
        #expect(status == 1, "\(stage): \(run.output)")
        #expect(run.output.contains("bulkhead: stopped by a signal; nothing changed in"))
        #expect(run.output.split(separator: "\n").filter { $0.hasPrefix("bulkhead:") }.count == 1)
        let names = try FileManager.default.contentsOfDirectory(atPath: output)
        #expect(!names.contains { !$0.hasPrefix(".") }, "\(stage): \(names)")
    }

    func finish(_ wrapper: [String]) async throws {
        let (status, text) = try await BuildRun.finish(arguments, wrapper: wrapper)
        try #require(status == 0, "\(text)")
    }

    func compare(with image: BuiltImage) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: image.folder).sorted()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == names)
        #expect(names.contains("disk.qcow2") && names.contains("disk.vmdk"), "the test wants all formats")
        var different: [String] = []
        for name in names {
            let (status, text) = try runTool("cmp", image.path(name), "\(folder)/\(name)")
            if status != 0 { different.append("\(name): \(text)") }
        }
        guard !different.isEmpty else { return }
        // Which files of the root differ is what leads to the cause.
        let (_, files) = try runTool(try BuildTool().program, "diff", image.folder, folder)
        Issue.record("\(different.joined(separator: "\n"))\n\(files)")
    }
}
