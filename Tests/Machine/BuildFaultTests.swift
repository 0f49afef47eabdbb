import Foundation
import ReleaseManifest
import TestSupport
import Testing

/// A build that cannot be done ends in one clear message and exit status 1, leaves nothing half-written under a final
/// name, and leaves a cache with which the next build gives the right bytes.
@Suite(.ownThreads, .enabled(if: BuiltImage.isExpected, BuiltImage.skipComment), .serialized)
struct BuildFaultTests {
    /// A place for one test's build: a copy of the repository that may be changed, and an output folder.
    private struct Site {
        let place: TemporaryDirectory
        let image: BuiltImage
        var repository: String { place.file("repository") }
        var output: String { place.file("output") }

        init() throws {
            place = try TemporaryDirectory()
            image = try BuiltImage()
            try BuildTool.copyRepository(to: place.file("repository"))
        }

        /// The finished folder.
        var folder: String { "\(output)/\(URL(filePath: image.folder).lastPathComponent)" }

        func arguments(cache: String = BuildTool.sharedCache, _ more: String...) -> [String] {
            [
                image.release.variant, "--version", image.release.version, "--repository", repository,
                "--cache", cache, "--output", output,
            ] + more
        }

        /// Replaces text in a file of the repository; the text must be there.
        func edit(_ name: String, _ old: String, _ new: String) throws {
            let path = "\(repository)/\(name)"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try #require(text.contains(old), "'\(old)' is not in \(name)")
            try text.replacing(old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
        }

        /// Nothing but locks may lie in the output folder.
        func expectNoOutput(_ location: SourceLocation = #_sourceLocation) {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: output)) ?? []
            #expect(names.allSatisfy { $0.hasSuffix(".lock") }, "\(names)", sourceLocation: location)
        }
    }

    @Test func twoBuildsOfTheSameImageAtOnce() async throws {
        let site = try Site()
        try FileManager.default.createDirectory(atPath: site.output, withIntermediateDirectories: true)
        let name = URL(filePath: site.folder).lastPathComponent
        let (status, output) = try await BuildRun.finish(
            site.arguments(),
            wrapper: ["flock", "\(site.output)/.\(name).lock"]
        )
        #expect(status == 1)
        #expect(output.contains("another build is writing '\(site.folder)'"), "\(output)")
        site.expectNoOutput()
    }

    @Test func theLockDoesNotMatchTheManifest() async throws {
        let site = try Site()
        try site.edit(
            "variants/fragments/base.toml",
            "\"ca-certificates\",",
            "\"ca-certificates\", \"nano\","
        )
        let (status, output) = try await BuildRun.finish(site.arguments())
        #expect(status == 1)
        #expect(output.contains("nano") && output.contains("bulkhead lock"), "\(output)")
        site.expectNoOutput()
    }

    @Test func theRootIsTooLargeForItsSlot() async throws {
        let site = try Site()
        try site.edit("variants/fragments/base.toml", "root-size = \"2GiB\"", "root-size = \"64MiB\"")
        let (status, output) = try await BuildRun.finish(site.arguments())
        #expect(status == 1)
        #expect(output.contains("the root file system is") && output.contains("67108864"), "\(output)")
        site.expectNoOutput()
    }

    @Test func aForbiddenFileIsNamedWithItsOrigin() async throws {
        let site = try Site()
        let script = "\(site.repository)/image/rootfs/usr/bin/tool"
        try FileManager.default.createDirectory(
            atPath: URL(filePath: script).deletingLastPathComponent().path,
            withIntermediateDirectories: true
        )
        try "#!/bin/sh\n".write(toFile: script, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
        let (status, output) = try await BuildRun.finish(site.arguments())
        #expect(status == 1)
        #expect(output.contains("'/usr/bin/tool' from 'image/rootfs'"), "\(output)")
        site.expectNoOutput()
    }

    @Test func theMirrorDoesNotAnswer() async throws {
        let site = try Site()
        // Nobody listens on the discard port.
        let mirror = ["--mirror", "http://127.0.0.1:9/debian"]
        let cache = site.place.file("empty cache")
        let (status, output) = try await BuildRun.finish(site.arguments(cache: cache) + mirror)
        #expect(status == 1)
        #expect(output.contains("http://127.0.0.1:9/debian") && output.contains("--mirror"), "\(output)")
        site.expectNoOutput()
    }

    @Test func offlineWithoutPackages() async throws {
        let site = try Site()
        let cache = site.place.file("empty cache")
        let (status, output) = try await BuildRun.finish(site.arguments(cache: cache, "--offline"))
        #expect(status == 1)
        #expect(output.contains("--offline forbids fetching"), "\(output)")
        site.expectNoOutput()
    }

    @Test func aPackageFileOfTheCacheIsDamaged() async throws {
        let site = try Site()
        let cache = site.place.file("cache")
        try BuildTool.seed(cache: cache)
        let (found, list) = try runTool("find", "\(cache)/sha256", "-name", "*.deb", "-size", "+1M")
        try #require(found == 0)
        let victim = try #require(list.split(separator: "\n").sorted().first.map(String.init))
        // A copy: the seed is a link to the shared cache's file.
        try #require(try runTool("cp", victim, victim + ".copy").status == 0)
        try #require(try runTool("mv", "-f", victim + ".copy", victim).status == 0)
        try flipBit(of: victim, at: 500_000)
        let (status, output) = try await BuildRun.finish(site.arguments(cache: cache, "--offline"))
        #expect(status == 1)
        #expect(output.contains(URL(filePath: victim).lastPathComponent), "\(output)")
        site.expectNoOutput()
        #expect(
            !FileManager.default.fileExists(atPath: victim),
            "the damaged file is gone, so that the next build fetches it again"
        )
    }

    @Test(arguments: ["output", "cache"])
    func theDiskIsFull(_ place: String) async throws {
        let site = try Site()
        let full = site.place.file("full")
        try FileManager.default.createDirectory(atPath: full, withIntermediateDirectories: true)
        // A file system of its own in a mount namespace of its own; the packages lie elsewhere.
        let script = """
            mount -t tmpfs -o size=150m none "$1" || exit 77
            test "$2" = output || ln -s "$3/sha256" "$1/sha256" || exit 78
            shift 3
            "$@"
            status=$?
            find "$FULL" -name '*.raw' -o -name 'SHA256SUMS'
            exit $status
            """
        var arguments = site.arguments(cache: place == "cache" ? full : BuildTool.sharedCache, "--offline")
        if place == "output", let index = arguments.firstIndex(of: "--output") { arguments[index + 1] = full }
        let (status, output) = try await BuildRun.finish(
            arguments,
            wrapper: [
                "FULL=\(full)", "unshare", "--user", "--map-root-user", "--mount", "bash", "-c", script,
                "full",
                full, place, BuildTool.sharedCache,
            ]
        )
        try #require(status != 77 && status != 78, "the test could not make its full disk: \(output)")
        #expect(status == 1, "\(output)")
        #expect(output.localizedCaseInsensitiveContains("no space"), "\(output)")
        let messages = output.split(separator: "\n").filter { $0.hasPrefix("bulkhead:") }
        #expect(messages.count == 1, "\(output)")
        #expect(!output.contains("\(full)/\(URL(filePath: site.folder).lastPathComponent)/"), "\(output)")
    }

    @Test func aVersionThatVanishedIsChosenAgainUnlessLocked() async throws {
        let site = try Site()
        // A version that no archive has: the file of another name, with another hash.
        let lockFile = "variants/\(site.image.release.variant)/packages.lock"
        let text = try String(contentsOfFile: "\(site.repository)/\(lockFile)", encoding: .utf8)
        let zeros = String(repeating: "0", count: 64)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for (index, line) in lines.enumerated() where line.contains("\"name\": \"netbase\"") {
            lines[index] = line.replacing(/"version": "[^"]*"/, with: "\"version\": \"1.0\"")
                .replacing(/netbase_[^_"]*_all/, with: "netbase_1.0_all")
                .replacing(/"sha256": "[^"]*"/, with: "\"sha256\": \"\(zeros)\"")
        }
        let changed = lines.joined(separator: "\n")
        try changed.write(
            toFile: "\(site.repository)/\(lockFile)",
            atomically: true,
            encoding: .utf8
        )

        let (refused, message) = try await BuildRun.finish(site.arguments() + ["--locked"])
        #expect(refused == 1)
        #expect(message.contains("the mirror no longer has netbase 1.0"), "\(message)")
        site.expectNoOutput()

        let (status, output) = try await BuildRun.finish(site.arguments())
        try #require(status == 0, "\(output)")
        #expect(output.contains("~ netbase 1.0 -> "), "\(output)")
        let json = try Data(contentsOf: URL(filePath: "\(site.folder)/release.json"))
        let release = try Release(decoding: [UInt8](json))
        #expect(release.lock.changed)
        #expect(Set(release.lock.differences.map(\.package)) == ["netbase"])
        #expect(release.lock.differences.first?.locked == "1.0")
        let unchanged = try Data(contentsOf: URL(filePath: "\(site.repository)/\(lockFile)"))
        #expect(unchanged == Data(changed.utf8), "the lock itself is not touched")
    }
}
