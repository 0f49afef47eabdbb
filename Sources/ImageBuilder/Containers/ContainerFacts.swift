import Debian
import FileTree
import Hashing
import SBOM
import VariantManifest

/// What is known of a container's packages and files.
struct ContainerFacts {
    let manifest: ContainerManifest
    let supply: PackageSupply
    let packages: [UnpackedPackage]
    /// The time of everything, in seconds since 1970.
    let time: Int64

    /// `packages.json`: the packages, and every file with where it came from.
    func inventory(of tree: FileTree) throws -> [UInt8] {
        try PackageFacts.inventory(
            of: tree,
            packages: PackageFacts.listed(packages, without: manifest.droppedPackages)
        ).encoded()
    }

    /// The bill of materials (SPDX 2.3) of the image with a manifest's digest.
    func billOfMaterials(digest: SHA256Digest) throws -> [UInt8] {
        let image = SBOMImage(
            name: "\(manifest.name)-\(manifest.architecture)",
            version: BuilderVersion.current,
            distribution: "trixie",
            identity: .container(manifest: digest),
            sourceDateEpoch: UInt64(clamping: time),
            toolVersion: BuilderVersion.current
        )
        return try SPDXDocument(image: image, packages: entries()).bytes
    }

    /// The packages that bring files, for a bill of materials.
    ///
    /// - Parameter container: the container's name where the bill is that of the image around it.
    func entries(in container: String? = nil) throws -> [SBOMPackage] {
        let dropped = Set(manifest.droppedPackages.map(\.name))
        return try PackageFacts.entries(
            .imagePackage,
            supply.target.filter { !dropped.contains($0.name) },
            unpacked: packages,
            container: container
        )
    }
}
