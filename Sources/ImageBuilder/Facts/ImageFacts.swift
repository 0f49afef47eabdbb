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
                changed: !supply.differences.isEmpty,
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
        let listed = Self.packages(packages, of: variant)
        let names = Set(listed.map(\.name))
        let files = tree.tree.map { path, node in Self.file(path, node, packages: names) }
        return try PackageInventory(packages: listed, files: files)
    }

    /// The bill of materials (SPDX 2.3).
    func billOfMaterials() throws -> SPDXDocument {
        let dropped = Set(variant.droppedPackages.map(\.name))
        let copyrights = CopyrightFiles(packages)
        let unpacked = Dictionary(packages.map { ($0.digest, $0) }, uniquingKeysWith: { first, _ in first })
        var entries: [SBOMPackage] = []
        for (kind, list) in [(SBOMPackage.Kind.imagePackage, supply.target), (.buildTool, supply.tools)] {
            for locked in list where kind == .buildTool || !dropped.contains(locked.name) {
                let control = unpacked[locked.sha256]?.package.control
                entries.append(
                    SBOMPackage(
                        kind: kind,
                        name: locked.name,
                        version: locked.version,
                        architecture: locked.architecture,
                        sourceName: locked.source,
                        sourceVersion: locked.sourceVersion,
                        archive: locked.archive.rawValue,
                        filename: locked.filename,
                        sha256: locked.sha256,
                        size: UInt64(locked.size),
                        maintainer: control?["Maintainer"],
                        homepage: control?["Homepage"],
                        copyright: kind == .imagePackage ? try copyrights.bytes(of: locked.name) : nil
                    )
                )
            }
        }
        entries += ownFiles(.ownProgram, below: Programs.programDirectory, version: BuilderVersion.current)
        entries += ownFiles(.runtimeLibrary, below: Programs.runtimeDirectory, version: swiftVersion)
        let image = SBOMImage(
            name: "\(variant.name)-\(variant.architecture)",
            version: identity.version,
            distribution: "trixie",
            rootHash: verity.rootHash,
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

    /// The packages that bring files, as the inventory names them.
    static func packages(_ packages: [UnpackedPackage], of variant: ResolvedVariant) -> [PackageInventory
        .Package]
    {
        let dropped = Set(variant.droppedPackages.map(\.name))
        return packages.filter { !dropped.contains($0.package.name) }.map {
            PackageInventory.Package(
                name: $0.package.name,
                version: $0.package.version,
                architecture: $0.package.architecture,
                sha256: $0.digest
            )
        }
    }

    private static func file(_ path: String, _ node: Node, packages: Set<String>) -> PackageInventory.File {
        let type: PackageInventory.FileType
        var target: String?
        switch node.kind {
        case .file: type = .regular
        case .directory: type = .directory
        case .symlink(let destination): (type, target) = (.symbolicLink, destination)
        case .hardLink(let destination): (type, target) = (.hardLink, destination)
        case .characterDevice: type = .characterDevice
        case .blockDevice: type = .blockDevice
        case .fifo: type = .fifo
        }
        return PackageInventory.File(
            path: path,
            type: type,
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            size: node.content.map { UInt64($0.size) } ?? 0,
            sha256: node.content?.digest,
            target: target,
            package: packages.contains(node.origin) ? node.origin : nil
        )
    }

    private func lockDifferences() -> [Release.LockDifference] {
        supply.differences.flatMap { _, difference in
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

/// The copyright files that packages bring; some share that of another package through a link.
private struct CopyrightFiles {
    private let members: [String: Node]

    init(_ packages: [UnpackedPackage]) {
        var members: [String: Node] = [:]
        for package in packages {
            for member in package.members where member.path.hasPrefix("/usr/share/doc/") {
                members[member.path] = member.node
            }
        }
        self.members = members
    }

    /// The bytes of a package's file; nil if it has none.
    func bytes(of package: String) throws -> [UInt8]? {
        var directory = "/usr/share/doc/\(package)"
        if let target = members[directory]?.symlinkTarget {
            directory = target.hasPrefix("/") ? target : "/usr/share/doc/\(target)"
        }
        var path = "\(directory)/copyright"
        if let target = members[path]?.symlinkTarget {
            path = (target.hasPrefix("/") ? target : "\(directory)/\(target)" as String)
            path = (path as NSString).standardizingPath
        }
        guard let content = members[path]?.content else { return nil }
        return try content.bytes(limit: 16 << 20)
    }
}
