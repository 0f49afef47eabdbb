import Foundation
import TestSupport
import Testing
import VariantManifest

@testable import ImageBuilder

@Suite struct LoaderGuardTests {
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    /// What it does is seen where it can be: Tests/Machine starts it with an entry that can't be started.
    @Test(arguments: [(Architecture.amd64, "x86-64", "X64.EFI"), (.arm64, "Aarch64", "AA64.EFI")])
    func isAnEFIProgramWithoutAnyTraceOfItsBuild(
        _ architecture: Architecture,
        _ name: String,
        _ suffix: String
    ) async throws {
        let first = try TemporaryDirectory()
        let second = try TemporaryDirectory()
        let cache = StageCache(cache: first.path)
        let (made, cached) = try await LoaderGuard.prepare(
            repository: Self.repository,
            architecture: architecture,
            cache: cache
        )
        #expect(!cached)
        let (again, cachedAgain) = try await LoaderGuard.prepare(
            repository: Self.repository,
            architecture: architecture,
            cache: cache
        )
        #expect(cachedAgain && again.bytes == made.bytes)
        // From another place, which has another length.
        let copy = second.file("a/longer/path/than/the/other")
        try FileManager.default.createDirectory(
            atPath: copy + "/image/boot",
            withIntermediateDirectories: true
        )
        for name in ["image/boot/guard.c", ".swift-version"] {
            try FileManager.default.copyItem(atPath: "\(Self.repository)/\(name)", toPath: "\(copy)/\(name)")
        }
        let (elsewhere, _) = try await LoaderGuard.prepare(
            repository: copy,
            architecture: architecture,
            cache: StageCache(cache: copy + "/cache")
        )
        #expect(elsewhere.bytes == made.bytes)

        let path = first.file("guard.efi")
        try Data(made.bytes).write(to: URL(filePath: path))
        let (status, output) = try runTool("file", "--brief", path)
        #expect(status == 0 && output.contains("(EFI application)") && output.contains(name), "\(output)")
        // Of the loader it starts: the one of its own architecture.
        let loader = "systemd-boot" + suffix.dropLast(4).lowercased() + ".efi"
        let text = loader.utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
        #expect(Data(made.bytes).range(of: Data(text)) != nil)
        #expect(made.bytes.count < 8192)
    }

    @Test func anErrorInItsSourceIsTheCompilers() async throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: directory.file("image/boot"),
            withIntermediateDirectories: true
        )
        try Data("int efi_main(void) { return }".utf8).write(
            to: directory.url.appending(path: "image/boot/guard.c")
        )
        try FileManager.default.copyItem(
            atPath: "\(Self.repository)/.swift-version",
            toPath: directory.file(".swift-version")
        )
        let error = await #expect(throws: (any Error).self) {
            try await LoaderGuard.prepare(
                repository: directory.path,
                architecture: .amd64,
                cache: StageCache(cache: directory.file("cache"))
            )
        }
        #expect(error.map { "\($0)".contains("expected expression") } == true)
    }
}
