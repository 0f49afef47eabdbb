import Hashing
import VariantManifest

/// The program that firmware starts: it starts systemd-boot, and restarts the machine when the entry on trial could
/// not be started (docs/decisions/0009).
struct LoaderGuard: Sendable {
    /// The program, in PE format.
    let bytes: [UInt8]

    private static let program = FreestandingProgram(
        stage: "guard",
        source: "image/boot/guard.c",
        target: "unknown-windows",
        // Time stamp and id are made from the content.
        arguments: ["-Wl,/subsystem:efi_application,/entry:efi_main,/Brepro"],
        linker: "lld-link"
    )

    /// Compiles it, unless source and compiler are those of an earlier build.
    ///
    /// - Throws: `BuildError`; `ProcessError` with the compiler's words.
    static func prepare(repository: String, architecture: Architecture, cache: StageCache) async throws
        -> (LoaderGuard, cached: Bool)
    {
        let made = try await program.prepare(repository: repository, architecture: architecture, cache: cache)
        return (LoaderGuard(bytes: made.bytes), made.cached)
    }

    /// The digest of its source, for who must know whether anything changed.
    static func sourceDigest(repository: String) throws -> SHA256Digest {
        try program.sourceDigest(repository: repository)
    }
}
