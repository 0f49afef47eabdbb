import FileTree
import Hashing
import VariantManifest

/// The program that is `apiclient` in containers: it starts the host's own, with the host's loader and libraries.
///
/// The host's program needs the host's C library, and images of others may have another one or none. The launcher
/// needs nothing, so it works in every image.
struct ClientLauncher: Sendable {
    /// Where it lies in the image.
    static let place = "/usr/lib/bulkhead/container-apiclient"
    private static let program = FreestandingProgram(
        stage: "launcher",
        source: "image/host/launcher.c",
        target: "unknown-linux-gnu",
        arguments: [
            "-fno-asynchronous-unwind-tables", "-fomit-frame-pointer", "-static", "-Wl,--build-id=none",
            "-Wl,-z,noexecstack", "-s",
        ],
        linker: "ld.lld"
    )

    /// The program, in ELF format.
    let bytes: [UInt8]

    /// Compiles it, unless source and compiler are those of an earlier build.
    ///
    /// - Throws: `BuildError`; `ProcessError` with the compiler's words.
    static func prepare(repository: String, architecture: Architecture, cache: StageCache) async throws
        -> (ClientLauncher, cached: Bool)
    {
        let made = try await program.prepare(repository: repository, architecture: architecture, cache: cache)
        return (ClientLauncher(bytes: made.bytes), made.cached)
    }

    /// The digest of its source, for who must know whether anything changed.
    static func sourceDigest(repository: String) throws -> SHA256Digest {
        try program.sourceDigest(repository: repository)
    }

    /// Puts it where the host finds it, to mount it into containers.
    func add(to tree: inout FileTree) throws {
        try tree.insert(.file(bytes, mode: 0o755, origin: "launcher"), at: Self.place)
    }
}
