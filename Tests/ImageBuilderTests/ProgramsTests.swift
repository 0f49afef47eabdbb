import ELF
import Foundation
import TestSupport
import Testing

@testable import ImageBuilder

/// What is compiled is what was hashed, with nothing of the caller's that the hash does not know.
@Suite struct ProgramsTests {
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    private func makeRepository(_ directory: TemporaryDirectory) throws {
        try FileSystem.makeDirectory(directory.file("Sources/p"))
        try FileSystem.write(Array("1".utf8), to: directory.file("Sources/p/main.swift"))
        try FileSystem.write([], to: directory.file("Package.swift"))
        try FileSystem.write(Array("2.1.0".utf8), to: directory.file("Package.resolved"))
    }

    @Test func sourcesThatAreEditedWhileTheyAreCompiledAreAnError() async throws {
        let directory = try TemporaryDirectory()
        try makeRepository(directory)
        let sources = try Programs.sourceDigest(repository: directory.path)
        #expect(try await Programs.unchanged(sources, repository: directory.path) { 1 } == 1)
        let error = await #expect(throws: BuildError.self) {
            try await Programs.unchanged(sources, repository: directory.path) {
                try FileSystem.write(Array("2".utf8), to: directory.file("Sources/p/main.swift"))
            }
        }
        #expect(error?.description.hasSuffix("changed during the build; build again") == true)
    }

    @Test func otherVersionsOfPackagesAreOtherPrograms() throws {
        let directory = try TemporaryDirectory()
        try makeRepository(directory)
        let before = try Programs.sourceDigest(repository: directory.path)
        try FileSystem.write(Array("2.1.1".utf8), to: directory.file("Package.resolved"))
        #expect(try Programs.sourceDigest(repository: directory.path) != before)
        FileSystem.remove(directory.file("Package.resolved"))
        let error = #expect(throws: BuildError.self) {
            try Programs.sourceDigest(repository: directory.path)
        }
        #expect(error?.description.contains("swift package resolve") == true)
    }

    /// What the linker takes from the build machine is part of the key that says which programs can be used again.
    @Test func everyLibraryThatTheProgramNeedsIsKnown() throws {
        let program = try ELFFile(FileSystem.read(builtProgram("bulkhead-host")))
        let runtime = [
            "libswift", "lib_", "libFoundation", "libBlocksRuntime", "libdispatch", "lib_Foundation",
        ]
        let toolchain = ["ld-linux", "libgcc_s"]
        for library in program.needed where !(runtime + toolchain).contains(where: { library.hasPrefix($0) })
        {
            let stem = library.prefix { $0 != "." } + ".so"
            #expect(Toolchain.linkInputs.contains { $0 == stem || $0.hasPrefix(stem + ".") }, "\(library)")
        }
    }

    @Test func nothingOfTheCallersEnvironmentChangesWhatIsCompiled() {
        let environment = Toolchain.environment(from: [
            "PATH": "/p", "HOME": "/h", "CPATH": "/c", "LIBRARY_PATH": "/l", "LC_ALL": "tr_TR.UTF-8",
            "SDKROOT": "/s", "https_proxy": "http://proxy", "SSL_CERT_FILE": "/f",
        ])
        #expect(
            environment == [
                "PATH": "/p", "HOME": "/h", "LC_ALL": "C.UTF-8", "https_proxy": "http://proxy",
                "SSL_CERT_FILE": "/f",
            ]
        )
    }

    @Test func theToolchainOfThisMachineIsFound() async throws {
        let found = try await Toolchain.find(repository: Self.repository)
        #expect(FileSystem.exists(found.runtime + "/libswiftCore.so"))
        #expect(try await Toolchain.find(repository: Self.repository).digest == found.digest)
        let stamp = Toolchain.stamp(repository: Self.repository)
        #expect(stamp.contains("swift-frontend") && !stamp.contains("none"), "\(stamp)")
    }

    @Test func anotherVersionOfSwiftIsAnError() async throws {
        let directory = try TemporaryDirectory()
        try FileSystem.write(Array("5.1\n".utf8), to: directory.file(".swift-version"))
        let error = await #expect(throws: BuildError.self) {
            _ = try await Toolchain.find(repository: directory.path)
        }
        #expect(error?.description.contains("compiled with Swift 5.1 ") == true)
        #expect(
            Toolchain.stamp(repository: directory.path) != Toolchain.stamp(repository: Self.repository)
        )
    }

    @Test func oneBuildCompilesARepositoryAtATime() async throws {
        let directory = try TemporaryDirectory()
        let cache = StageCache(cache: directory.file("cache"))
        let observer = RecordingObserver()
        @Sendable func take(_ name: String) async throws -> CompilerScratch {
            try FileSystem.makeDirectory(directory.file(name))
            return try await CompilerScratch.take(
                repository: directory.file(name),
                cache: cache,
                observer: observer
            )
        }
        let one = try await take("one")
        let two = try await take("two")
        #expect(one.path != two.path)
        #expect(observer.notes.isEmpty)
        let waiting = Task {
            await #expect(throws: CancellationError.self) { _ = try await take("one") }
        }
        while observer.notes.isEmpty { await Task.yield() }
        waiting.cancel()
        _ = await waiting.value
        #expect(observer.notes.count == 1 && observer.notes[0].contains("waiting"), "\(observer.notes)")
        withExtendedLifetime((one, two)) {}
    }

    @Test func theScratchOfARepositoryThatIsGoneIsRemoved() async throws {
        let directory = try TemporaryDirectory()
        let cache = StageCache(cache: directory.file("cache"))
        let observer = RecordingObserver()
        let gone = directory.file("gone")
        try FileSystem.makeDirectory(gone)
        var first: CompilerScratch? = try await .take(repository: gone, cache: cache, observer: observer)
        let path = try #require(first?.path)
        FileSystem.remove(gone)
        _ = try await CompilerScratch.take(repository: directory.path, cache: cache, observer: observer)
        #expect(FileSystem.exists(path), "a build still uses it")
        first = nil
        _ = try await CompilerScratch.take(repository: directory.path, cache: cache, observer: observer)
        #expect(!FileSystem.exists(path))
    }
}
