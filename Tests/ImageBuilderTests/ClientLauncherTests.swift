import Foundation
import TestSupport
import Testing
import VariantManifest

@testable import ImageBuilder

@Suite struct ClientLauncherTests {
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    private func launcher(_ architecture: Architecture, in cache: String) async throws -> ClientLauncher {
        try await ClientLauncher.prepare(
            repository: Self.repository,
            architecture: architecture,
            cache: StageCache(cache: cache)
        ).0
    }

    @Test(arguments: [(Architecture.amd64, "x86-64"), (.arm64, "ARM aarch64")])
    func needsNothingAndHasNoTraceOfItsBuild(_ architecture: Architecture, _ name: String) async throws {
        let first = try TemporaryDirectory()
        let second = try TemporaryDirectory()
        let made = try await launcher(architecture, in: first.path)
        #expect(try await launcher(architecture, in: second.file("a/longer/path")).bytes == made.bytes)
        #expect(made.bytes.count < 4096)
        try Data(made.bytes).write(to: URL(filePath: first.file("launcher")))
        let (status, output) = try runTool("file", "--brief", first.file("launcher"))
        #expect(status == 0 && output.contains(name), "\(output)")
        #expect(output.contains("statically linked") && output.contains("stripped"), "\(output)")
        let headers = try runTool("readelf", "--wide", "--segments", first.file("launcher")).output
        #expect(!headers.contains("INTERP") && !headers.contains("DYNAMIC"), "\(headers)")
        #expect(!headers.contains(" RWE "), "\(headers)")
    }

    /// In a root that has nothing but what the host mounts, where printf(1) stands for the host's program.
    @Test(.enabled(if: BuildMachine.architecture == .amd64, "the libraries' folder is that of amd64"))
    func startsTheHostsProgramWithItsLoaderAndLibraries() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("launcher")
        try FileSystem.write(try await launcher(.amd64, in: directory.path).bytes, to: path)
        #expect(chmod(path, 0o755) == 0)
        let libraries = "/.bulkhead/usr/lib/x86_64-linux-gnu"
        let root = [
            "--unshare-all", "--tmpfs", "/", "--ro-bind", path, "/apiclient",
        ]
        let host = [
            "--ro-bind", "/usr/lib/x86_64-linux-gnu", libraries,
            "--ro-bind", "/usr/bin/printf", "/.bulkhead/usr/lib/bulkhead/bulkhead-host",
        ]
        let (status, output) = try runTool("bwrap", root + host + ["/apiclient", "%s|", "a", "b c", ""])
        #expect(status == 0 && output == "a|b c||", "\(status) \(output)")
        // It goes by the name that tells the host's program what to be.
        let usage = try runTool("bwrap", root + host + ["/apiclient"])
        #expect(usage.status == 1 && usage.output.hasPrefix("apiclient: missing operand"), "\(usage.output)")
        let outside = try runTool("bwrap", root + ["/apiclient", "get"])
        #expect(outside.status == 127 && outside.output.contains("not started as a host container"))
    }
}
