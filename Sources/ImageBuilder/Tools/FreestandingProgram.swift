import Foundation
import Hashing
import Processes
import VariantManifest

/// A small C program that needs no library, compiled by the clang and linked by the lld that come with Swift: for either
/// architecture on either.
struct FreestandingProgram: Sendable {
    /// What the stage that makes it is called.
    let stage: String
    /// Where its source is in the repository.
    let source: String
    /// The target in clang's words, behind the processor: `unknown-linux-gnu`.
    let target: String
    /// What clang is told besides what all are told; no path may be among it.
    let arguments: [String]
    /// The linker that is needed, in the words of an error.
    let linker: String

    private static let limit: UInt64 = 64 << 10

    /// Compiles it, unless source and compiler are those of an earlier build.
    ///
    /// - Throws: `BuildError`; `ProcessError` with the compiler's words.
    func prepare(
        repository: String,
        architecture: Architecture,
        cache: StageCache
    ) async throws -> (bytes: [UInt8], cached: Bool) {
        let toolchain = try await Toolchain.find(repository: repository)
        let source = try FileSystem.read("\(repository)/\(self.source)", limit: Self.limit)
        let compiler = try await Toolchain.command(toolchain.compiler, ["--version"]).run().text
        let arguments = arguments(architecture)
        var key = StageKey(stage, version: 2)
        // Without its second and later lines, which name where it is installed.
        key.add("compiler", compiler.split(separator: "\n").first.map(String.init) ?? compiler)
        key.add("arguments", arguments)
        key.add("source", SHA256Digest(hashing: source))
        if let directory = cache.lookUp(stage, key) { return (try load(directory), true) }
        let directory = try await cache.fill(stage, key) { directory in
            let work = try WorkDirectory(cache: cache)
            try FileSystem.write(source, to: work.file("program.c"))
            try await Toolchain.command(
                toolchain.compiler,
                arguments + ["-o", work.file("program"), work.file("program.c")],
                remedy: "install Swift anew: its clang and \(linker) are needed"
            ).run()
            try FileSystem.write(
                try FileSystem.read(work.file("program"), limit: Self.limit),
                to: "\(directory)/program"
            )
        }
        return (try load(directory), false)
    }

    /// The digest of its source, for who must know whether anything changed.
    func sourceDigest(repository: String) throws -> SHA256Digest {
        SHA256Digest(hashing: try FileSystem.read("\(repository)/\(source)", limit: Self.limit))
    }

    private func load(_ directory: String) throws -> [UInt8] {
        try FileSystem.read("\(directory)/program", limit: Self.limit)
    }

    private func arguments(_ architecture: Architecture) -> [String] {
        let processor =
            switch architecture {
            case .amd64: "x86_64"
            case .arm64: "aarch64"
            }
        return [
            "--target=\(processor)-\(target)", "-std=c17", "-Os", "-ffreestanding", "-fno-stack-protector",
            "-Wall", "-Wextra", "-Werror", "-nostdlib", "-fuse-ld=lld",
        ] + arguments
    }
}
