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

    @Option(name: .customLong("arch"), help: "The architecture: amd64 or arm64; this machine's by default.")
    var architecture: String?

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

    @Flag(help: "Fail when the archive no longer has a locked version.")
    var locked = false

    @Flag(help: "Fetch no packages: all of them must be in the cache.")
    var offline = false

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

    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var place: PlaceOptions

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        _ = try parsedFormats()
        _ = try parsedArchitecture()
        if offline && mirror.mirror != nil {
            throw ValidationError("--mirror cannot be used together with --offline")
        }
    }

    func run() async throws {
        var options = ImageBuild.Options()
        options.version = version
        options.architecture = try parsedArchitecture()
        options.formats = try parsedFormats()
        options.locked = locked
        options.offline = offline
        options.withoutPrograms = withoutPrograms
        options.updateRoot = updateRoot
        let build = try ImageBuild(
            variant: variant,
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

    private func parsedArchitecture() throws -> Architecture? {
        try architecture.map { name in
            guard let architecture = Architecture(rawValue: name) else {
                throw ValidationError("'\(name)' is no architecture; it is amd64 or arm64")
            }
            return architecture
        }
    }
}
