import Debian
import FileTree
import Foundation
import GPT
import Hashing
import ReleaseManifest
import SBOM
import VariantManifest

/// Everything a build knows about its image, from which the facts are written.
struct ImageFacts: Sendable {
    let variant: ResolvedVariant
    let identity: DerivedIdentity
    let sourceDateEpoch: Int64
    let lockDigest: SHA256Digest
    /// The version of Swift whose runtime the image has.
    let swiftVersion: String
    let supply: PackageSupply
    let packages: [UnpackedPackage]
    /// The Swift packages that the host's programs are linked from.
    let swiftPackages: [SwiftPackage]
    /// The containers that are embedded.
    let containers: [BuiltContainer]
    let tree: RootTree
    let root: ErofsImage
    let verity: VerityImage
    let uki: UKIImage
    let disk: DiskImage

    /// `release.json`: what the host and its update agent know of a release.
    ///
    /// - Parameter images: the disk images by format, as they lie in the output folder.
    func release(images: [String: Release.File]) throws -> Release {
        Release(
            variant: variant.name,
            architecture: variant.architecture.rawValue,
            version: identity.version,
            sourceDateEpoch: UInt64(clamping: sourceDateEpoch),
            sectorSize: UInt64(variant.image.sectorSize),
            root: Release.Root(
                hash: verity.rootHash,
                salt: HexBytes(identity.veritySalt),
                dataBlocks: root.size / 4096,
                size: root.size,
                sha256: root.digest,
                treeSize: verity.size,
                treeSha256: try SHA256Digest(hashingFile: verity.path)
            ),
            uki: Release.File(file: "\(identity.releaseName).efi", size: uki.size, sha256: uki.digest),
            disk: Release.Disk(
                size: disk.size,
                sha256: disk.digest,
                partitions: disk.partitions.map {
                    Release.Partition(
                        label: $0.label,
                        type: $0.type.guid.description,
                        uuid: $0.guid.description,
                        size: $0.size
                    )
                }
            ),
            kernelVersion: tree.kernelRelease,
            commandLine: uki.commandLine,
            lock: Release.Lock(
                sha256: lockDigest,
                changed: !isAsLocked,
                differences: lockDifferences()
            ),
            images: images,
            toolVersion: BuilderVersion.current,
            hostPrograms: tree.tree.contains("\(Programs.programDirectory)/\(Programs.product)"),
            updateRoot: tree.tree.content(at: UpdateRoot.place)?.digest
        )
    }

    /// `packages.json`: the packages, and every file with where it came from.
    func inventory() throws -> PackageInventory {
        try PackageFacts.inventory(
            of: tree.tree,
            packages: PackageFacts.listed(packages, without: variant.droppedPackages),
            containers: containers
        )
    }

    /// The bill of materials (SPDX 2.3).
    func billOfMaterials() throws -> SPDXDocument {
        let dropped = Set(variant.droppedPackages.map(\.name))
        var entries = try PackageFacts.entries(
            .imagePackage,
            supply.target.filter { !dropped.contains($0.name) },
            unpacked: packages
        )
        entries += try PackageFacts.entries(.buildTool, supply.tools, unpacked: packages)
        for container in containers { entries += try container.entries() }
        entries += ownFiles(.ownProgram, below: Programs.programDirectory, version: BuilderVersion.current)
        entries += swiftPackages.map {
            SBOMPackage(
                kind: .linkedPackage,
                name: $0.name,
                version: $0.version,
                architecture: variant.architecture.rawValue,
                homepage: $0.location
            )
        }
        entries += ownFiles(.runtimeLibrary, below: Programs.runtimeDirectory, version: swiftVersion)
        let image = SBOMImage(
            name: "\(variant.name)-\(variant.architecture)",
            version: identity.version,
            distribution: "trixie",
            identity: .operatingSystem(rootHash: verity.rootHash),
            sourceDateEpoch: UInt64(clamping: sourceDateEpoch),
            toolVersion: BuilderVersion.current
        )
        return try SPDXDocument(image: image, packages: entries)
    }

    /// What the build itself compiled, or took from the compiler.
    private func ownFiles(_ kind: SBOMPackage.Kind, below directory: String, version: String) -> [SBOMPackage]
    {
        tree.tree.paths(under: directory).compactMap { path in
            guard let content = tree.tree.content(at: path) else { return nil }
            let name = (path as NSString).lastPathComponent
            // Swift's own licence; that of the ICU inside Foundation is another.
            let isSwift = kind == .runtimeLibrary && !name.contains("ICU")
            return SBOMPackage(
                kind: kind,
                name: name,
                version: version,
                architecture: variant.architecture.rawValue,
                filename: path,
                sha256: content.digest,
                size: UInt64(content.size),
                license: isSwift ? "Apache-2.0 WITH Swift-exception" : nil
            )
        }
    }

    /// Whether every package, those of embedded containers too, is the one of its lock.
    var isAsLocked: Bool {
        supply.differences.isEmpty && containers.allSatisfy { $0.supply.differences.isEmpty }
    }

    private func lockDifferences() -> [Release.LockDifference] {
        (supply.differences + containers.flatMap(\.supply.differences)).flatMap { _, difference in
            difference.added.map { Release.LockDifference(package: $0.name, locked: nil, used: $0.version) }
                + difference.removed.map {
                    Release.LockDifference(package: $0.name, locked: $0.version, used: nil)
                }
                + difference.changed.map {
                    Release.LockDifference(package: $0.name, locked: $0.from, used: $0.to)
                }
                + difference.replaced.map {
                    Release.LockDifference(package: $0.name, locked: $0.version, used: $0.version)
                }
        }
    }
}
