import ArgumentParser
import Debian
import Hashing
import ImageBuilder
import Presentation
import VariantManifest

/// `bulkhead build-container`: makes an OCI image from a container's manifest and lock.
struct BuildContainerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build-container",
        abstract: "Build a container of image/containers as an OCI image.",
        discussion: """
            The result is a folder OUTPUT/containers/NAME-ARCHITECTURE with image.tar (an OCI archive), layout/ (the
            same image as an OCI layout), digest (that of its manifest), packages.json and sbom.spdx.json. Equal inputs
            give equal bytes.

            Packages come from the container's packages.lock. Versions that the archive no longer has are chosen again;
            with --locked that is an error.

            Examples:
              bulkhead build-container control
              bulkhead build-container admin --arch arm64 --output out
            """
    )

    @Argument(help: "The container: a folder below image/containers/.")
    var container: String

    @Option(name: .customLong("arch"), help: "The architecture: amd64 or arm64; this machine's by default.")
    var architecture: String?

    @Option(help: "The folder that gets containers/NAME-ARCHITECTURE; build/ in the repository by default.")
    var output: String?

    @Flag(help: "Fail when the archive no longer has a locked version.")
    var locked = false

    @Flag(help: "Fetch no packages: all of them must be in the cache.")
    var offline = false

    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var place: PlaceOptions

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        _ = try parsedArchitecture()
        if offline && mirror.mirror != nil {
            throw ValidationError("--mirror cannot be used together with --offline")
        }
    }

    func run() async throws {
        var options = ContainerBuild.Options()
        options.architecture = try parsedArchitecture()
        options.locked = locked
        options.offline = offline
        let build = try ContainerBuild(
            container: container,
            options: options,
            workspace: place.workspace(output: output)
        )
        let mirror = mirror
        let progress = BuildProgress()
        defer { progress.end() }
        let outcome = try await Interruption.stopping(
            "nothing changed in '\(build.folder)', and the stages that ended are kept"
        ) {
            try await build.run(archives: { try await mirror.archives() }, observer: progress)
        }
        progress.end()
        if json {
            try Console.json(Summary(outcome))
        } else {
            print("\(outcome.folder):")
            var table = TextTable([("FILE", .left), ("SIZE", .right), ("SHA-256", .left)])
            for output in outcome.outputs {
                table.add(output.name, HumanText.size(output.size), output.sha256.hex)
            }
            print(table.lines(indent: 0).joined(separator: "\n"))
            print("image \(build.manifest.reference)@sha256:\(outcome.digest.hex)")
        }
    }

    private func parsedArchitecture() throws -> Architecture? {
        try architecture.map { name in
            guard let architecture = Architecture(rawValue: name) else {
                throw ValidationError("'\(name)' is no architecture; it is amd64 or arm64")
            }
            return architecture
        }
    }
}

/// What is shown as JSON at the end of a build.
private struct Summary: Encodable {
    private let folder: String
    private let digest: String
    private let outputs: [BuildOutput]

    init(_ outcome: ContainerBuild.Outcome) {
        folder = outcome.folder
        digest = "sha256:\(outcome.digest.hex)"
        outputs = outcome.outputs
    }
}
