import Foundation
import Hashing
import Processes
import VariantManifest

/// The program that firmware starts: it starts systemd-boot, and restarts the machine when the entry on trial could
/// not be started (docs/decisions/0009).
///
/// It is compiled by the clang and linked by the lld that come with Swift, for either architecture on either.
struct LoaderGuard: Sendable {
    /// The program, in PE format.
    let bytes: [UInt8]

    /// Where its source is in the repository.
    private static let source = "image/boot/guard.c"
    private static let program = "guard.efi"
    private static let limit: UInt64 = 64 << 10

    /// Compiles it, unless source and compiler are those of an earlier build.
    ///
    /// - Throws: `BuildError`; `ProcessError` with the compiler's words.
    static func prepare(repository: String, architecture: Architecture, cache: StageCache) async throws
        -> (LoaderGuard, cached: Bool)
    {
        let toolchain = try await Toolchain.find(repository: repository)
        let source = try FileSystem.read("\(repository)/\(Self.source)", limit: limit)
        let compiler = try await Toolchain.command(toolchain.compiler, ["--version"]).run().text
        var key = StageKey("guard", version: 1)
        // Without its second and later lines, which name where it is installed.
        key.add("compiler", compiler.split(separator: "\n").first.map(String.init) ?? compiler)
        key.add("arguments", arguments(architecture))
        key.add("source", SHA256Digest(hashing: source))
        if let directory = cache.lookUp("guard", key) { return (try load(directory), true) }
        let directory = try await cache.fill("guard", key) { directory in
            let work = try WorkDirectory(cache: cache)
            try FileSystem.write(source, to: work.file("guard.c"))
            try await Toolchain.command(
                toolchain.compiler,
                arguments(architecture) + ["-o", work.file(program), work.file("guard.c")],
                remedy: "install Swift anew: its clang and lld-link are needed"
            ).run()
            try FileSystem.write(
                try FileSystem.read(work.file(program), limit: limit),
                to: "\(directory)/\(program)"
            )
        }
        return (try load(directory), false)
    }

    /// The digest of its source, for who must know whether anything changed.
    static func sourceDigest(repository: String) throws -> SHA256Digest {
        SHA256Digest(hashing: try FileSystem.read("\(repository)/\(source)", limit: limit))
    }

    private static func load(_ directory: String) throws -> LoaderGuard {
        LoaderGuard(bytes: try FileSystem.read("\(directory)/\(program)", limit: limit))
    }

    /// What clang is told besides the files; none of it, and no path, gets into the program.
    private static func arguments(_ architecture: Architecture) -> [String] {
        let processor =
            switch architecture {
            case .amd64: "x86_64"
            case .arm64: "aarch64"
            }
        return [
            "--target=\(processor)-unknown-windows", "-std=c17", "-Os", "-ffreestanding",
            "-fno-stack-protector",
            "-Wall", "-Wextra", "-Werror", "-nostdlib", "-fuse-ld=lld",
            // Time stamp and id are made from the content.
            "-Wl,/subsystem:efi_application,/entry:efi_main,/Brepro",
        ]
    }
}
