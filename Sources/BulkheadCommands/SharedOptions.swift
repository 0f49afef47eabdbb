import ArgumentParser
import Debian
import ImageBuilder

/// Where packages come from.
struct MirrorOptions: ParsableArguments {
    @Option(help: "Debian archive to use instead of the host's own.")
    var mirror: String?

    @Option(help: "Security archive that goes with --mirror; its sibling '-security' by default.")
    var securityMirror: String?

    func validate() throws {
        if securityMirror != nil && mirror == nil {
            throw ValidationError("--security-mirror needs --mirror")
        }
    }

    /// The archives named on the command line, or those of the host's apt.
    func archives() async throws -> AptArchives {
        guard let mirror else { return try await AptArchives.ofHost() }
        return try AptArchives(mirror: mirror, security: securityMirror)
    }
}

/// Which repository and cache are used.
struct PlaceOptions: ParsableArguments {
    @Option(help: "The repository; found from the current directory by default.")
    var repository: String?

    @Option(help: "The cache; BULKHEAD_CACHE or ~/.cache/bulkhead by default.")
    var cache: String?

    /// The directories to work in.
    func workspace(output: String? = nil) throws -> Workspace {
        try Workspace(repository: repository, cache: cache, output: output)
    }
}
