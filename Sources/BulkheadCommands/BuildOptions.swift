import ArgumentParser
import Debian
import ImageBuilder
import VariantManifest

/// What a build of an image and one of a container are told alike.
struct BuildOptions: ParsableArguments {
    @Option(name: .customLong("arch"), help: "The architecture: amd64 or arm64; this machine's by default.")
    private var architectureName: String?

    @Flag(help: "Fail when the archive no longer has a locked version.")
    var locked = false

    @Flag(help: "Fetch no packages: all of them must be in the cache.")
    var offline = false

    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var place: PlaceOptions

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        _ = try architecture()
        if offline && mirror.mirror != nil {
            throw ValidationError("--mirror cannot be used together with --offline")
        }
    }

    /// The architecture to build for; nil for this machine's.
    func architecture() throws -> Architecture? {
        try architectureName.map { name in
            guard let architecture = Architecture(rawValue: name) else {
                throw ValidationError("'\(name)' is no architecture; it is amd64 or arm64")
            }
            return architecture
        }
    }

    /// Runs a build that the user sees going on and may stop.
    ///
    /// - Parameters:
    ///   - folder: what the build makes, and leaves as it was when it is stopped.
    ///   - build: the build, with the archives that packages come from.
    func run<Outcome: Sendable>(
        _ folder: String,
        _ build:
            @escaping @Sendable (
                _ archives: @escaping @Sendable () async throws -> AptArchives,
                _ observer: any BuildObserver
            ) async throws -> Outcome
    ) async throws -> Outcome {
        let mirror = mirror
        let progress = BuildProgress()
        defer { progress.end() }
        return try await Interruption.stopping(
            "nothing changed in '\(folder)', and the stages that ended are kept"
        ) {
            try await build({ try await mirror.archives() }, progress)
        }
    }
}
