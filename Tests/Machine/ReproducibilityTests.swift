import Foundation
import ReleaseManifest
import TestSupport
import Testing

/// The same inputs give the same bytes, whoever builds them where and when, and however often the build was stopped
/// before (DESIGN.md, law 1).
@Suite(.enabled(if: BuiltImage.isExpected, BuiltImage.skipComment))
struct ReproducibilityTests {
    /// Builds the image under test once more: from a copy of the repository at another path, with an empty cache,
    /// into another folder, three days later, with another umask, locale and time zone, stopped twice at every stage,
    /// and what follows the compiler on one processor.
    @Test(.timeLimit(.minutes(40)))
    func anotherBuildGivesTheSameBytes() async throws {
        let image = try BuiltImage()
        let place = try TemporaryDirectory()
        let repository = place.file("elsewhere/copy of the source")
        let cache = place.file("cache")
        try BuildTool.copyRepository(to: repository)
        try BuildTool.seed(cache: cache)
        let build = OtherBuild(
            arguments: [
                image.release.variant, "--version", image.release.version, "--repository", repository,
                "--cache", cache, "--output", place.file("output"), "--offline",
                "--format", image.release.images.keys.sorted().joined(separator: ","),
            ],
            output: place.file("output"),
            folder: place.file("output/\(URL(filePath: image.folder).lastPathComponent)")
        )
        for stage in OtherBuild.stages {
            try await build.stop(at: stage, by: SIGKILL)
            try await build.stop(at: stage, by: SIGINT)
        }
        let clock = try OtherClock(ahead: "+3d")
        let (status, output) = try await BuildRun.finish(
            build.arguments,
            wrapper: OtherBuild.circumstances(clock, command: "taskset -c 0")
        )
        withExtendedLifetime(clock) {}
        try #require(status == 0, "\(output)")

        let names = try FileManager.default.contentsOfDirectory(atPath: image.folder).sorted()
        #expect(try FileManager.default.contentsOfDirectory(atPath: build.folder).sorted() == names)
        #expect(names.contains("disk.qcow2") && names.contains("disk.vmdk"), "the test wants all formats")
        for name in names {
            let (difference, text) = try runTool("cmp", image.path(name), "\(build.folder)/\(name)")
            #expect(difference == 0, "\(name): \(text)")
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: "\(cache)/stages")
        #expect(!left.contains { $0.hasPrefix(".") }, "leftovers of killed builds were swept: \(left)")
    }
}

/// A clock that is ahead, for programs that get its variables; faketime(1) keeps it while this lives.
private final class OtherClock {
    /// `NAME=VALUE` for env(1).
    let variables: [String]
    private let process = Process()
    private let input = Pipe()

    init(ahead: String) throws {
        let names = ["LD_PRELOAD", "FAKETIME", "FAKETIME_SHARED"]
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "faketime", "-f", ahead, "sh", "-c", "printenv \(names.joined(separator: " ")); read -r end",
        ]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var text = Data()
        while text.count(where: { $0 == UInt8(ascii: "\n") }) < names.count {
            let more = output.fileHandleForReading.availableData
            try #require(!more.isEmpty, "faketime did not start")
            text += more
        }
        let values = String(decoding: text, as: UTF8.self).split(separator: "\n")
        variables = zip(names, values).map { "\($0)=\($1)" } + ["FAKETIME_DONT_FAKE_MONOTONIC=1"]
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}

/// A build under other circumstances than that of the image under test.
private struct OtherBuild {
    let arguments: [String]
    /// Where builds put their folders, and the folder of this one.
    let output: String
    let folder: String

    static let stages = [
        "fetch", "tools", "programs", "unpack", "modules", "root", "erofs", "verity", "initrd", "uki", "esp",
        "disk", "outputs",
    ]

    /// The command under which the build runs; it becomes the build, so signals reach it.
    static func circumstances(_ clock: OtherClock, command: String = "") -> [String] {
        let script = """
            umask 077
            export TZ=Asia/Kathmandu LC_ALL=tr_TR.UTF-8 LANG=tr_TR.UTF-8
            unset SOURCE_DATE_EPOCH
            exec env "${@:1:\(clock.variables.count)}" \(command) "${@:\(clock.variables.count + 1)}"
            """
        return ["bash", "-c", script, "build"] + clock.variables
    }

    /// Begins the build and sends it a signal when it comes to a stage; a build that is faster is begun anew.
    func stop(at stage: String, by signal: Int32) async throws {
        // One a run: a killed build may leave the clock's semaphore locked.
        let clock = try OtherClock(ahead: "+3d")
        defer { withExtendedLifetime(clock) {} }
        let run = try BuildRun(arguments, wrapper: Self.circumstances(clock))
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
}
