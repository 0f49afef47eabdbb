import ArgumentParser
import Debian
import ImageBuilder
import VariantManifest

/// `bulkhead build`: makes an image from a variant's manifest and lock.
struct BuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Build a variant's disk image with all that belongs to it.",
        discussion: """
            The result is a folder OUTPUT/VARIANT-ARCHITECTURE-VERSION with disk.raw, root.erofs, root.verity, the
            UKI, release.json, packages.json, sbom.spdx.json, report.html and SHA256SUMS. Equal inputs give equal
            bytes. What an earlier build made and nothing changed since is taken from the cache.

            Packages come from packages.lock. Versions that the archive no longer has are chosen again, and
            release.json says so; with --locked that is an error.

            With root metadata of a key ring in the image, its host takes the releases that the ring's keys sign.

            Examples:
              bulkhead build vm-containerd
              bulkhead build vm-containerd --version 1.2.0 --format raw,qcow2
              bulkhead build metal-containerd --locked --offline
              bulkhead build vm-containerd --update-root keys/1.root.json
            """
    )

    @Argument(help: "The variant: a folder below variants/.")
    var variant: String

    @Option(help: "The image's version; the manifest's by default.")
    var version: String?

    @Option(help: "The folder that gets a folder for the image; build/ in the repository by default.")
    var output: String?

    @Option(
        name: .customLong("format"),
        help: ArgumentHelp(
            "Disk image formats, comma-separated: raw, qcow2, vmdk. raw is always written.",
            valueName: "formats"
        )
    )
    var formats: String?

    @Flag(
        help: """
            Leave Bulkhead's own programs out, which are compiled only for this machine's architecture. No boot of \
            such an image is ever found healthy.
            """
    )
    var withoutPrograms = false

    @Option(
        help: ArgumentHelp(
            "The TUF root metadata that hosts trust updates by, a N.root.json of a key ring ('bulkhead keys init'); the "
                + "manifest's by default, and without any such hosts cannot update.",
            valueName: "file"
        )
    )
    var updateRoot: String?

    @OptionGroup var common: BuildOptions

    func validate() throws {
        _ = try parsedFormats()
    }

    func run() async throws {
        var options = ImageBuild.Options()
        options.version = version
        options.architecture = try common.architecture()
        options.formats = try parsedFormats()
        options.locked = common.locked
        options.offline = common.offline
        options.withoutPrograms = withoutPrograms
        options.updateRoot = updateRoot
        let build = try ImageBuild(
            variant: variant,
            options: options,
            workspace: common.place.workspace(output: output)
        )
        let outcome = try await common.run(build.folder) { try await build.run(archives: $0, observer: $1) }
        if common.json {
            try Console.json(BuildSummary(outcome))
        } else {
            BuildSummary(outcome).printTables()
        }
    }

    private func parsedFormats() throws -> [ImageFormat]? {
        try formats?.split(separator: ",").map { name in
            guard let format = ImageFormat(rawValue: String(name)) else {
                throw ValidationError("'\(name)' is no image format; it is raw, qcow2 or vmdk")
            }
            return format
        }
    }
}
