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

    @Option(help: "The folder that gets containers/NAME-ARCHITECTURE; build/ in the repository by default.")
    var output: String?

    @OptionGroup var common: BuildOptions

    func run() async throws {
        var options = ContainerBuild.Options()
        options.architecture = try common.architecture()
        options.locked = common.locked
        options.offline = common.offline
        let build = try ContainerBuild(
            container: container,
            options: options,
            workspace: common.place.workspace(output: output)
        )
        let outcome = try await common.run(build.folder) { try await build.run(archives: $0, observer: $1) }
        if common.json {
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
